"""Conditions on a value that was merged into another, in filters and addresses: they then match both values.

They keep the former value, because a merge of many records takes several requests, an undo restores the
former value, and past versions still have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from headlessly.declaration.choices import choice_key
from headlessly.errors import InvalidFilter
from headlessly.query import list_address, querystring
from headlessly.query.conditions import change_conditions

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: Operators on one value, and the operators that say the same of several.
SEVERAL = {"$eq": "$in", "$in": "$in", "$ne": "$nin", "$nin": "$nin"}
OPPOSITES = {"$in": "$nin", "$nin": "$in"}
LOOKUPS = {"exact": "in", "in": "in", "ne": "nin", "nin": "nin"}


@dataclass(frozen=True)
class MergedValue:
    """The value ``source`` of some fields, which was merged into ``into``."""

    fields: tuple[tuple[type[Record], Field], ...]
    source: str
    into: str

    def is_of(self, noun: type[Record], field: Field | None) -> bool:
        """Whether the field is one of these."""
        return field is not None and any(
            noun is of and field.wire == each.wire for of, each in self.fields
        )

    def is_source(self, value: Any) -> bool:
        """Whether a condition compares with the former value, in any spelling."""
        return isinstance(value, str) and choice_key(value) == choice_key(self.source)

    def both(self, values: Iterable[Any]) -> list[Any]:
        """Returns the values with the new one before the former one; unchanged if the new one is there
        already, or is only another spelling."""
        given = list(values)
        is_there = any(map(self.is_source, given)) and not self.is_source(self.into)
        if not is_there or self.into in given:
            return given
        place = next(n for n, value in enumerate(given) if self.is_source(value))
        return [*given[:place], self.into, *given[place:]]


def follow_filter(noun: type[Record], filter: Any, merged: MergedValue) -> Any:
    """Returns the filter, with both values wherever it has the former one. Invalid parts stay as they are."""

    def follow(of: type[Record], path: str, value: Any) -> Any:
        return _follow_operators(value, merged) if merged.is_of(*_end_of(of, path)) else value

    return change_conditions(noun, filter, follow)


def _end_of(noun: type[Record], path: str) -> tuple[type[Record], Field | None]:
    """Returns the noun and the field at the end of a path of references; None for the field if there is
    none."""
    *references, last = path.split(".")
    for name in references:
        field = noun.schema.field(name)
        if field is None or field.type != "reference":
            return noun, None
        noun = field.target_noun
    return noun, noun.schema.field(last)


def _follow_operators(value: Any, merged: MergedValue) -> Any:
    if merged.is_source(value):
        both = merged.both([value])
        return {"$in": both} if len(both) > 1 else value
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for operator, operand in value.items():
        several = operand if isinstance(operand, list) else [operand]
        if operator == "$not":
            found[operator] = _follow_operators(operand, merged)
        elif operator not in SEVERAL or (both := merged.both(several)) == several:
            found[operator] = operand
        elif (said := SEVERAL[operator]) == operator or said not in value:
            found[said] = both
        elif "$not" in value:
            found[operator] = operand
        else:  # the other operator is taken by other values
            found["$not"] = {OPPOSITES[said]: both}
    return found


def follow_address(noun: type[Record], query: str, merged: MergedValue) -> str:
    """Returns the address of a list or a report, likewise."""
    given = parse_qsl(query, keep_blank_values=True)
    said: list[tuple[str, str]] = []
    conditions: list[dict[str, Any]] = []
    for name, text in given:
        followed = _follow_parameter(noun, name, text, merged)
        if isinstance(followed, dict):
            conditions.append(followed)
        else:
            said.append(followed)
    if said == given and not conditions:
        return query
    if conditions:  # in an address, a comma would separate values
        there = [dict(list_address.parse_filter(t)) for n, t in said if n == "filter" and t]
        said = [each for each in said if each[0] != "filter"]
        whole = {"$and": [*there, *conditions]} if there or len(conditions) > 1 else conditions[0]
        said.append(("filter", list_address.filter_text(whole)))
    return urlencode(said, safe=",:-")


def _follow_parameter(
    noun: type[Record], name: str, text: str, merged: MergedValue
) -> tuple[str, str] | dict[str, Any]:
    """Returns the changed parameter, or a filter if no parameter can say the same."""
    if name == "filter":
        try:
            filter = list_address.parse_filter(text)
        except InvalidFilter:
            return name, text
        followed = follow_filter(noun, filter, merged)
        return (name, text) if followed == filter else (name, list_address.filter_text(followed))
    if name in querystring.BROWSER_LIST:
        return name, text
    try:
        path, lookup = querystring.parse_lookup(noun, name)
    except InvalidFilter:
        return name, text
    of, field = _end_of(noun, path)
    if field is None or not merged.is_of(of, field) or lookup not in LOOKUPS:
        return name, text
    facet = lookup == "exact" and path in noun.schema.fields
    whole = merged.is_source(text) or not (lookup in ("in", "nin") or facet)
    parts = [text] if whole or list_address.is_searched(field) else text.split(",")
    both = merged.both(parts)
    if both == parts:
        return name, text
    if any("," in part for part in both):
        return {path: {f"${LOOKUPS[lookup]}": both}}
    if facet and not list_address.is_searched(field):
        return name, ",".join(both)
    return f"{path}__{LOOKUPS[lookup]}", ",".join(both)
