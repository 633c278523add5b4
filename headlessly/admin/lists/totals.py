"""The totals of a list's columns, of the whole list and by group.

They are loaded beside the list, which does not wait for them, and count up to the same cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin import display
from headlessly.admin.lists import cells
from headlessly.admin.lists.address import Address
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.language import wording
from headlessly.nouns import Noun
from headlessly.query import aggregates
from headlessly.query.reports import record_names

#: How many groups are shown, the largest first.
MOST_GROUPS = 50
#: Types that are summed, and types for which the average says more.
ADDED, AVERAGED = ("money",), ("number", "integer")


@dataclass
class Group:
    """A group of a list's records: their common value, and the address of the list of them alone."""

    label: str
    url: str
    count: str
    #: The name and the total of each column.
    cells: list[tuple[str, str]] = field(default_factory=list)
    tone: str = ""  #: the colour of the common value, if it has one


def group_fields(noun: type[Noun]) -> list[Field]:
    """Returns the fields by which a list can be grouped: choices, flags, references, and the noun's
    facets, the tenant's own fields included."""
    schema = noun.schema
    own = (field.name for field in schema.stored if field.is_custom)
    names = dict.fromkeys((*schema.facets, *schema.columns, *own))
    fields = [schema.by_name[name] for name in names]
    known = ("enum", "reference", "bool")
    return [
        f for f in fields if f.computed is None and (f.type in known or f.name in schema.facets)
    ]


def measure_of(noun: type[Noun], column: Field) -> str:
    """Returns the measure of a column as an aggregation names it; empty if there is none."""
    if column.computed is not None or column.name in noun.Surface.no_mean or column.per:
        return ""
    if (column.minimum or 0) >= 1000:  # years are neither summed nor averaged
        return ""
    if column.type in ADDED or column.name in noun.Surface.counts:
        return f"sum({column.wire})"
    return f"avg({column.wire})" if column.type in AVERAGED else ""


def totals_url(address: Address, place: str) -> str:
    """Returns the address of a list's totals, below ``place``, which is the same for all of its pages and
    orders. Empty if no column has a total."""
    if address.deleted or not any(
        measure_of(address.noun, column) for column in address.columns[1:]
    ):
        return ""
    return place + address.but(dict.fromkeys(("o", "view", "group")))


def total(address: Address) -> tuple[int, list[tuple[str, str]]]:
    """Returns the number of records and the total of each column as text. Raises InvalidFilter if it takes
    too long."""
    (answer,) = _aggregate(address).groups
    return answer["count"], _cells(address, answer)


def groups(address: Address, by: Field) -> tuple[list[Group], bool]:
    """Returns the groups of a list, the largest first, and whether there are more. Raises InvalidFilter."""
    found = _aggregate(address, group=[by.wire], sort="-count", limit=MOST_GROUPS)
    values = [answer[by.wire] for answer in found.groups]
    names = record_names(by.target_noun, values) if by.type == "reference" else {}
    shown = [
        Group(
            label=_label(by, value, names),
            url=address.but({"group": None, by.wire: _parameter(value)}),
            count=display.number(answer["count"]),
            cells=_cells(address, answer),
            tone=by.tones.get(value, ""),
        )
        for value, answer in zip(values, found.groups, strict=True)
    ]
    return shown, found.has_more


def _aggregate(address: Address, **more: Any) -> aggregates.Aggregation:
    asked: dict[str, None] = {}
    for column in address.columns[1:]:
        if term := measure_of(address.noun, column):
            asked[term] = None
            if cells.total_text(address.noun, column.name):
                asked[f"count({column.wire})"] = None
    return aggregates.aggregate(
        address.noun,
        address.filter_beside_search,
        measure=["count", *asked],
        q=address.query or None,
        as_of=address.moment,
        **more,
    )


def _cells(address: Address, answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    noun, columns = address.noun, address.columns[1:]
    return [(labels.field_label(column), _total(noun, answer, column)) for column in columns]


def _total(noun: type[Noun], answer: Mapping[str, Any], column: Field) -> str:
    """Returns the total of a column, marked if it lacks some records although their cells are filled."""
    text = _number_text(answer, measure_of(noun, column), column.unit)
    counted = answer.get(f"count({column.wire})", answer["count"])
    return (
        cells.total_text(noun, column.name) % text if text and counted < answer["count"] else text
    )


def _number_text(answer: Mapping[str, Any], term: str, unit: str | None) -> str:
    value = answer.get(term) if term else None
    if value is None or value == {}:
        return ""
    if isinstance(value, Mapping):
        amounts = aggregates.converted_amounts(answer, term)
        return " + ".join(display.money(round(each, 2), name) for name, each in amounts.items())
    number = round(value, 1)
    text = display.number_with_unit(number, unit) if unit else display.number(number)
    return text if term.startswith("sum(") else _("⌀ %s") % text


def _label(by: Field, value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        nothing = wording.inside_sentence(labels.field_label(by))
        return _("No %(field)s") % {"field": nothing}
    if by.type == "reference":
        return names.get(value) or display.visible_name(None)
    if by.type == "bool":
        return _("Yes") if value else _("No")
    return labels.choice_label(by, value) if by.type == "enum" else str(value)


def _parameter(value: Any) -> str:
    if value is None:
        return "-"
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def chosen_group(address: Address) -> Field | None:
    """Returns the field to group by, or None. Raises InvalidFilter for a field that cannot be grouped by."""
    name = address.given.get("group", "")
    if not name:
        return None
    found = next((f for f in group_fields(address.noun) if name in (f.wire, f.name)), None)
    if found is None or address.deleted:
        raise InvalidFilter(_("This list cannot be grouped by “%s”.") % name[:64], field="group")
    return found
