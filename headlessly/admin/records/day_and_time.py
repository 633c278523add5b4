"""A moment asked for as a day and a time, so that the day can stand alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from headlessly.admin.widgets import When

TIME = "-time"
#: In front of a time without a day: it is no day, and refused.
_NO_DAY = "-"


class DayAndTime(forms.Widget):
    """An input for the day and one for the time; the browser would send nothing of a day without one."""

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
    """What was sent by the two inputs as one text: a day, a moment, or what the executor refuses."""
    day, time = data.get(name, ""), data.get(f"{name}{TIME}", "")
    return f"{day or _NO_DAY} {time}" if time else day
