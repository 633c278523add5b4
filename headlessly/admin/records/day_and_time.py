"""A moment with separate inputs for day and time, so that a day can stand alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headlessly.admin.widgets import When

TIME = "-time"
#: In place of the day, if only a time was sent: it is no day, so the executor refuses it.
_NO_DAY = "-"


class DayAndTime(forms.Widget):
    """An input for the day and one for the time. A ``datetime-local`` input would send nothing for a day
    without a time."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        found = self.build_attrs(self.attrs, attrs)
        look = found.get("class", "")
        day, _t, time = (value or "").partition("T")
        return format_html(
            '<span class="moment">{pick}'
            '<input type="time" name="{name}{suffix}" value="{time}" class="{look}" aria-label="{says}">'
            "</span>",
            pick=When(dict(found, **{"class": look})).render(name, day),
            name=name,
            suffix=TIME,
            time=time,
            look=look,
            says=_("Time, where it has one"),
        )


def join_day_and_time(data: Mapping[str, str], name: str) -> str:
    """Returns what both inputs sent as one text: a day, a moment, or something that the executor refuses."""
    day, time = data.get(name, ""), data.get(f"{name}{TIME}", "")
    return f"{day or _NO_DAY} {time}" if time else day
