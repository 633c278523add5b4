"""Lists of values to choose from for a text, as the field declares them or the tenant keeps them.

``Tenant.choices`` has the tenant's lists by noun and wire name: ``{"Lead.lostReason": {"open": true,
"values": [{"value": "Price", "color": "#c62828"}, ...]}}``, or only the texts: ``{"Lead.lostReason":
["Price", "Timing"]}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from headlessly.access import lists, tenancy
from headlessly.declaration.choices import choice_key
from headlessly.declaration.registry import registry
from headlessly.declaration.values import is_storable
from headlessly.errors import did_you_mean
from headlessly.language import wording

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: How many values a list of tags offers, and the maximum length of any other list.
MAX_SUGGESTIONS, MOST_VALUES = 30, 200
MAX_LENGTH = 100
COLOR = re.compile(r"#[0-9a-fA-F]{6}\Z")


@dataclass(frozen=True)
class ListedValue:
    """One value of a list."""

    value: str
    color: str = ""  #: ``#1f77b4``, or empty
    retired: bool = False  #: kept where it is used, but no longer offered

    def as_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            **({"color": self.color} if self.color else {}),
            **({"retired": True} if self.retired else {}),
        }


@dataclass(frozen=True)
class ValueList:
    """The values of a field in their order; a closed list accepts no others."""

    values: tuple[ListedValue, ...]
    open: bool = True

    @property
    def offered(self) -> tuple[str, ...]:
        return tuple(each.value for each in self.values if not each.retired)

    @property
    def retired(self) -> tuple[str, ...]:
        return tuple(each.value for each in self.values if each.retired)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {choice_key(each.value): each.value for each in self.values}

    def spell(self, text: str) -> str:
        """Returns the text in the list's spelling, ignoring case and accents."""
        return self._spellings.get(choice_key(text), text)

    def check(self, text: str) -> None:
        """Raise ValidationError for text that a closed list does not have."""
        if choice_key(text) not in self._spellings:
            raise ValidationError(
                _("Use one of %s.") % ", ".join(self.offered) + did_you_mean(text, self.offered)
            )

    def as_json(self) -> dict[str, Any]:
        """Returns the stored form."""
        return {"open": self.open, "values": [each.as_json() for each in self.values]}


def read_list(given: Any) -> ValueList:
    """Returns a list from its stored or sent form. Raises ValueError with what is wrong."""
    if isinstance(given, list):
        given = {"values": given}
    if not isinstance(given, dict) or given.keys() - {"open", "values"}:
        raise ValueError(_("A list has values, and says whether it is open."))
    is_open, values = given.get("open", True), given.get("values")
    if not isinstance(is_open, bool):
        raise ValueError(_("open: this is true or false."))
    if not isinstance(values, list) or len(values) > MOST_VALUES:
        raise ValueError(_("Give a list of at most %d values.") % MOST_VALUES)
    found = tuple(map(_read_value, values))
    keys = set()
    for each in found:
        if (key := choice_key(each.value)) in keys:
            raise ValueError(_("%s is there twice.") % each.value)
        keys.add(key)
    if not is_open and all(each.retired for each in found):
        raise ValueError(_("A closed list offers at least one value."))
    return ValueList(found, is_open)


def _read_value(given: Any) -> ListedValue:
    value = {"value": given} if isinstance(given, str) else given
    if not isinstance(value, dict) or value.keys() - {"value", "color", "retired"}:
        raise ValueError(_("A value is a text, or has value, color and retired."))
    text, color = value.get("value"), value.get("color") or ""
    if isinstance(text, str):
        text = " ".join(text.split())
    if not isinstance(text, str) or not 0 < len(text) <= MAX_LENGTH or not is_storable(text):
        raise ValueError(_("Each is a text of 1 to %d characters.") % MAX_LENGTH)
    if not isinstance(color, str) or (color and not COLOR.match(color)):
        raise ValueError(_("A colour is like #1f77b4."))
    retired = value.get("retired", False)
    if not isinstance(retired, bool):
        raise ValueError(_("retired: this is true or false."))
    return ListedValue(text, color, retired)


def suggestions_for(noun: type[Record], field: Field) -> list[str]:
    """Returns the suggestions for ``field`` in the active tenant; empty if there are none."""
    if field.list_name:
        return list(lists.values_of_list(field.list_name, MAX_SUGGESTIONS))
    if field.choices:
        return []  # these have choices
    own = tenancy.require().choices.get(suggestions_key(noun, field))
    if own is not None:
        return list(read_list(own).offered)
    return list(map(wording.suggestion_label, field.suggests))


def suggestions_key(noun: type[Record], field: Field) -> str:
    """Returns the key of a list in ``Tenant.choices``: ``Lead.lostReason``; for a shared list, that of the
    first field."""
    return field.list_of or f"{noun.__name__}.{field.wire}"


def listed_fields() -> Iterator[tuple[type[Record], Field]]:
    """Yields the fields whose list of values the tenant keeps."""
    for noun in registry.values():
        for field in noun.schema.stored:
            if field.listed:
                yield noun, field


def check_suggestions(lists: Any) -> None:
    """Raise ValidationError unless ``lists`` maps fields with lists to valid lists of values."""
    if not isinstance(lists, dict):
        raise ValidationError(_('Give an object like {"Lead.lostReason": ["Price"]}.'))
    known = {suggestions_key(noun, field) for noun, field in listed_fields()}
    for name, given in lists.items():
        if name not in known:
            raise ValidationError(
                _("There are no suggestions for %(name)s. Fields: %(fields)s.")
                % {"name": name[:64], "fields": ", ".join(sorted(known))}
            )
        try:
            read_list(given)
        except ValueError as problem:
            raise ValidationError(f"{name}: {problem}") from None
