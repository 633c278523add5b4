"""The facets of a list: its filters on single fields, compiled like every other filter.

An address carries them by the fields' wire names: ``?status=New,Contacted&owner=me&campaign=-``; ``-``
means "none".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin.widgets import NarrowingSelect
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun
from headlessly.query import list_address
from headlessly.query.list_address import ME, NONE, PICKABLE
from headlessly.query.used_choices import used_choices


class Facet:
    """A filter on one field."""

    def __init__(self, noun: type[Noun], field: Field, value: str) -> None:
        self.noun, self.field, self.value = noun, field, value
        self.name, self.label = field.wire, labels.field_label(field)

    def values(self) -> list[str]:
        return list_address.values_of(self.noun, self.field, self.value)

    params = None  #: REST writes several values differently
    #: Whether the page has another control for it.
    stands_elsewhere = False

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters of the address that it reads."""
        return (self.name,)

    def as_filter(self) -> dict[str, Any]:
        """Returns the condition in the filter language. Raises InvalidFilter."""
        return list_address.values_filter(self.noun, self.field, self.value, self.values())

    def in_words(self) -> str:
        """Returns the chosen values in words."""
        return ", ".join(_("none") if v == NONE else self._value_in_words(v) for v in self.values())

    def _value_in_words(self, value: str) -> str:
        return value

    def choices(self) -> list[tuple[str, str]]:
        """Returns the values to pick from; empty if one is typed."""
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
        """Returns the values that can be added to the chosen ones, each as the value of all together."""
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
        """Whether there is a control for it among the filters."""
        return not self.stands_elsewhere

    @property
    def widget(self) -> str:
        """The HTML of its control; empty for a list of choices or a text."""
        return ""


class ChoiceFacet(Facet):
    """A closed list of values. All open states together are one of the choices."""

    #: The states of the paths that the list is limited to, in their order; None for all.
    states: Sequence[str] | None = None

    def choices(self) -> list[tuple[str, str]]:
        states: Sequence[str] = self.field.choices or ("true", "false")
        if self.states is not None:
            states = [state for state in self.states if state in states]
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
    """A record, found by its name."""

    def __init__(self, *args: Any, site: Any) -> None:
        super().__init__(*args)
        self.select = NarrowingSelect(self.field, site, several=True)

    @property
    def is_offered(self) -> bool:
        """A join, such as belonging to a list, is only offered once there is something to choose."""
        if self.stands_elsewhere:
            return False
        return "." not in self.name or bool(self.value) or self.field.target_noun.objects.exists()

    @property
    def widget(self) -> str:
        return self.select.render(self.name, self.value, {"id": f"facet-{self.name}"})

    def _value_in_words(self, value: str) -> str:
        return _("me") if value == ME else self.select._label(value)


class TextFacet(Facet):
    """A text: picked from existing values if an index has them, else words to search for."""

    @cached_property
    def known(self) -> list[str]:
        return (
            list_address.occurring_values(self.noun, self.field)
            if list_address.has_pickable_values(self.field)
            else []
        )

    def values(self) -> list[str]:
        return list_address.values_of(self.noun, self.field, self.value, lambda: self.known)

    def choices(self) -> list[tuple[str, str]]:
        return [(value, value) for value in self.known]


class ChoicesFacet(Facet):
    """A field of several texts, of which records have any; picked from existing values, the most used
    first."""

    @cached_property
    def known(self) -> list[str]:
        return [value for value, _count in used_choices(self.noun, self.field)[:PICKABLE]]

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
