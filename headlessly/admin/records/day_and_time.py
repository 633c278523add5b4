"""A moment asked for as a day and a time, so that the day can stand alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

TIME = "-time"


class DayAndTime(forms.Widget):
    """An input for the day and one for the time; the browser would send nothing of a day without one."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        found = self.build_attrs(self.attrs, attrs)
        day, _t, time = (value or "").partition("T")
        return format_html(
            '<span class="moment"><input type="date" name="{name}" value="{day}" id="{id}" class="{look}">'
            '<input type="time" name="{name}{suffix}" value="{time}" class="{look}" aria-label="{says}">'
            "</span>",
            name=name,
            suffix=TIME,
            id=found.get("id", ""),
            day=day,
            time=time,
            look=found.get("class", ""),
            says=_("Time, where it has one"),
        )


def joined(data: Mapping[str, str], name: str) -> str:
    """What was sent by the two inputs as one text: a day, a moment, or what the executor refuses."""
    day, time = data.get(name, ""), data.get(f"{name}{TIME}", "")
    return f"{day}T{time}" if time else day


def is_day(text: Any) -> bool:
    """Whether this is the text of a day."""
    try:
        return len(text or "") == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False
