"""What the tenant is called and how it works."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.admin.sites import TenantSite
from headlessly.declaration.currencies import CURRENCIES


class GeneralForm(forms.ModelForm):
    class Meta:
        model = Tenant
        fields = ("name", "currency", "limits_reps")
        widgets: ClassVar = {
            "name": UnfoldAdminTextInputWidget,
            "currency": UnfoldAdminSelectWidget(choices=[(c, c) for c in sorted(CURRENCIES)]),
            "limits_reps": UnfoldBooleanSwitchWidget,
        }
        labels: ClassVar = {
            "name": gettext_lazy("Name"),
            "currency": gettext_lazy("Currency"),
            "limits_reps": gettext_lazy("Reps see only their own records"),
        }
        help_texts: ClassVar = {
            "currency": gettext_lazy(
                "New amounts are in it, and sums of several currencies are converted to it, at the rates "
                "under Exchange rates."
            ),
            "limits_reps": gettext_lazy(
                "A rep then sees what they own and what nobody owns, in every list, search, count and "
                "event. Managers, viewers and admins see everything."
            ),
        }


def general_view(request: HttpRequest, *, site: TenantSite) -> HttpResponse:
    form = GeneralForm(request.POST or None, instance=tenancy.require())
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(request.get_full_path())
    return site.respond(request, "settings/general", _("Settings"), form=form)
