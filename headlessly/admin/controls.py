"""Form fields with Unfold's widgets, for forms that no noun declares: settings and accounts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

Text: Callable[..., forms.CharField] = partial(forms.CharField, widget=UnfoldAdminTextInputWidget)
Choice: Callable[..., forms.ChoiceField] = partial(
    forms.ChoiceField, widget=UnfoldAdminSelectWidget
)
Switch: Callable[..., forms.BooleanField] = partial(
    forms.BooleanField, required=False, widget=UnfoldBooleanSwitchWidget
)
