"""The filters of a list: one for each facet of the noun, compiled like every other filter.

An address carries them by the fields' wire names: ``?status=New,Contacted&owner=me&campaign=-``;
``-`` means "none".
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.admin.choices import ME, NONE
from headlessly.admin.widgets import NarrowingSelect
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import operators
from headlessly.query.used_choices import used_choices

#: More values than this are typed, not picked.
PICKABLE = 50


class Facet:
    """One field that a list is narrowed by."""

    def __init__(self, noun: type[Noun], field: Field, value: str) -> None:
        self.noun, self.field, self.value = noun, field, value
        self.name, self.label = field.wire, labels.field_label(field)

    def values(self) -> list[str]:
        return [part for part in self.value.split(",") if part]

    params = None  #: REST says several values in another way

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters of the address that it reads."""
        return (self.name,)

    def as_filter(self) -> dict[str, Any]:
        """What the records have to fulfil, in the filter language. Raises InvalidFilter."""
        found: list[Any] = []
        for text in self.values():
            if text == NONE:
                found.append(None)
                continue
            try:
                found.append(self.field.clean(self._meant_value(text), text=True))
            except ValueError as problem:
                raise InvalidFilter(f"{self.label}: {problem}", field=self.name) from None
        return {self.name: {"$in": found}}

    def _meant_value(self, text: str) -> str:
        return text

    def in_words(self) -> str:
        """The chosen values in words."""
        return ", ".join(_("none") if v == NONE else self._value_in_words(v) for v in self.values())

    def _value_in_words(self, value: str) -> str:
        return value

    def choices(self) -> list[tuple[str, str]]:
        """What can be picked; empty where one types."""
        return []

    def options(self) -> list[dict[str, Any]]:
        chosen = self.value
        picked = [
            {"value": value, "label": text, "selected": value == chosen}
            for value, text in self.choices()
        ]
        if chosen and picked and not any(option["selected"] for option in picked):
            picked.append({"value": chosen, "label": self.in_words(), "selected": True})
        return picked

    def further_options(self) -> list[dict[str, str]]:
        """What can be picked beside what is chosen: each with all of them as its value."""
        chosen = self.values()
        if not chosen:
            return []
        return [
            {"value": ",".join([*chosen, value]), "label": f"+ {text}"}
            for value, text in self.choices()
            if "," not in value and value not in chosen
        ]

    @property
    def is_offered(self) -> bool:
        """Whether there is a control for it."""
        return True

    @property
    def widget(self) -> str:
        """The control by which it is chosen, as HTML; empty where it is a list or a text."""
        return ""


class ChoiceFacet(Facet):
    """A closed list; the open states are one choice."""

    def choices(self) -> list[tuple[str, str]]:
        states = self.field.choices or ("true", "false")
        found = [(state, self._value_in_words(state)) for state in states]
        machine = self.noun.schema.machine
        if machine and machine.name == self.field.name and hasattr(self.noun, "OPEN"):
            found.insert(0, (",".join(self.noun.OPEN), _("Open")))
        return found

    def in_words(self) -> str:
        return dict(self.choices()).get(self.value) or super().in_words()

    def _value_in_words(self, value: str) -> str:
        return {"true": _("yes"), "false": _("no")}.get(value) or labels.choice_label(
            self.field, value
        )


class ReferenceFacet(Facet):
    """A record, searched by name."""

    def __init__(self, *args: Any, site: Any) -> None:
        super().__init__(*args)
        self.select = NarrowingSelect(self.field, site, several=True)

    @property
    def is_offered(self) -> bool:
        """Not where there is nothing yet to be put into."""
        return "." not in self.name or bool(self.value) or self.field.target_noun.objects.exists()

    @property
    def widget(self) -> str:
        return self.select.render(self.name, self.value, {"id": f"facet-{self.name}"})

    def _meant_value(self, text: str) -> str:
        if text != ME:
            return text
        if (person := actors.current().contact_id) is None:
            raise ValueError(_("You are not linked to a contact here, so nothing is yours."))
        return person

    def _value_in_words(self, value: str) -> str:
        return _("me") if value == ME else self.select._label(value)


class TextFacet(Facet):
    """Text: picked from what occurs where an index tells that at once, else words to look for."""

    @cached_property
    def known(self) -> list[str]:
        picked = self.field.indexed and self.field.type in operators.TEXT_TYPES
        return occurring_values(self.noun, self.field) if picked else []

    def values(self) -> list[str]:
        """The value, which may have a comma; several where each of them occurs."""
        parts = [part for part in self.value.split(",") if part]
        if len(parts) > 1 and self.value not in self.known and set(parts) <= set(self.known):
            return parts
        return [self.value] if self.value else []

    def as_filter(self) -> dict[str, Any]:
        if self.value == NONE or self.field.indexed or self.field.type not in operators.TEXT_TYPES:
            return super().as_filter()
        return {self.name: {"$text": self.value}}

    def choices(self) -> list[tuple[str, str]]:
        return [(value, value) for value in self.known]


class ChoicesFacet(Facet):
    """Several texts: what the records have any of, picked from what there is, most used first."""

    @cached_property
    def known(self) -> list[str]:
        return [value for value, _count in used_choices(self.noun, self.field)[:PICKABLE]]

    def as_filter(self) -> dict[str, Any]:
        return {self.name: {"$in": [None if text == NONE else text for text in self.values()]}}

    def choices(self) -> list[tuple[str, str]]:
        return [(value, self._value_in_words(value)) for value in self.known]

    def _value_in_words(self, value: str) -> str:
        return labels.choice_label(self.field, value) if self.field.choices else value


def make_facet(noun: type[Noun], field: Field, value: str, site: Any) -> Facet:
    if field.type in ("enum", "bool"):
        return ChoiceFacet(noun, field, value)
    if field.type == "choices":
        return ChoicesFacet(noun, field, value)
    if field.type == "reference":
        return ReferenceFacet(noun, field, value, site=site)
    return TextFacet(noun, field, value)


def occurring_values(noun: type[Noun], field: Field) -> list[str]:
    """The values of an indexed text column, hopping from one to the next along the index.

    SELECT DISTINCT would read the whole table. Empty when there are more than one would pick from.
    """
    table = connection.ops.quote_name(noun._meta.db_table)
    column = connection.ops.quote_name(field.column)
    visible, mine = visibility.visible_rows(noun, "n")
    here = f"FROM {table} n WHERE {visible} AND n.{column}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE hop AS ((SELECT {column} AS value {here} IS NOT NULL "
            f"ORDER BY {column} LIMIT 1) UNION ALL SELECT (SELECT {column} {here} > hop.value "
            f"ORDER BY {column} LIMIT 1) FROM hop WHERE hop.value IS NOT NULL) "
            "SELECT value FROM hop WHERE value IS NOT NULL LIMIT %s",
            [*mine, *mine, PICKABLE + 1],
        )
        found = [value for (value,) in cursor.fetchall()]
    return found if len(found) <= PICKABLE else []
