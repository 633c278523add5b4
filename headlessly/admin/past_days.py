"""Past days in addresses as people type them: ``fri``, ``3.12.``, ``2 weeks ago``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from django.utils.translation import gettext as _

from headlessly.admin.widgets import When
from headlessly.declaration import days
from headlessly.language.moments import read_past_day, written_day

#: The parameters that are such days.
NAMES = ("from", "to", "asOf", "since", "until")


def read_past_days(given: Mapping[str, str], *names: str) -> dict[str, str]:
    """Returns the parameters of an address with typed days as ISO dates. A text that is not a day stays as
    it is."""
    today = days.today()
    found = dict(given)
    for name in names or NAMES:
        if (text := found.get(name)) and (day := read_past_day(text[:100], today)) is not None:
            found[name] = day.isoformat()
    return found


def day_input(name: str, value: str, **attrs: str) -> str:
    """Returns the HTML of an input for such a day, with the current one in the reader's format."""
    with suppress(ValueError):
        value = written_day(date.fromisoformat(value))
    said = {key.replace("_", "-"): each for key, each in attrs.items() if each}
    more = {"data-when": "past", "placeholder": _("fri, 3.12."), "size": "12"}
    return When().render(name, value, more | said)
