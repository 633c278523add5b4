"""Converts a filter of the filter language to the tree of parts that people edit, and back.

``{"status": "New", "activities": {"$none": {"status": "Pending"}}}`` is a group of two parts: a condition,
and a relation with a group of its own. A part that has no such form is kept as it is written, so that no
stored filter changes its meaning by being edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from headlessly.declaration import days
from headlessly.declaration.schema import Relation
from headlessly.declaration.values import JSON_DEPTH
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import querystring
from headlessly.query.conditions import MAX_DEPTH

#: How the parts of a group are combined.
ALL, ANY, NONE = MATCHES = ("all", "any", "none")
#: The operators of a condition, and those that are an operator of the filter language.
IS, NOT, EMPTY, FILLED = "is", "not", "empty", "filled"
OPERATORS = {
    "gt": "$gt",
    "gte": "$gte",
    "lt": "$lt",
    "lte": "$lte",
    "text": "$text",
    "regex": "$regex",
}
#: How many of the referring records have to match.
SOME, NO = QUANTIFIERS = ("some", "none")
#: How deep brackets may nest: two for each level of a filter, and those of a JSON value in it.
DEEPEST_BRACKETS = 2 * MAX_DEPTH + JSON_DEPTH
#: In the place of a field: matches words anywhere in the record.
WORDS = "$text"


@dataclass
class Condition:
    """A condition on one field. ``values`` are in the filter language; only IS, NOT and ``all`` take
    several."""

    path: str = ""
    operator: str = IS
    values: list[Any] = field(default_factory=list)
    moment: bool = False  #: whether the field has moments, so that a day means all of it
    problem: str = ""  #: what is wrong with it, in a sentence


@dataclass
class Group:
    """Parts of which all, any or none have to hold."""

    match: str = ALL
    parts: list[Part] = field(default_factory=list)
    problem: str = ""


@dataclass
class Related:
    """Whether some or none of the records that refer to this one match a group."""

    relation: Relation
    quantifier: str = SOME
    group: Group = field(default_factory=Group)
    problem: str = ""


@dataclass
class Written:
    """A part that is kept as it is written."""

    filter: Any
    problem: str = ""


Part = Condition | Group | Related | Written


# -- taken apart ----------------------------------------------------------------------------------


def read_filter(noun: type[Noun], filter: Mapping[str, Any]) -> Group:
    """Returns the filter as one group. It does not check that the filter fits the noun,
    :func:`compile_filter` does. Raises InvalidFilter if it is nested too deep."""
    check_nesting(filter)
    parts = _read_parts(noun, filter)
    match parts:
        case [Group() as found]:
            pass
        case _:
            found = Group(ALL, parts)
    # An alternative of several parts becomes two groups.
    if _height(found) > 2 * MAX_DEPTH:
        raise _too_deep()
    return found


def _height(part: Part) -> int:
    match part:
        case Group(parts=parts):
            return 1 + max(map(_height, parts), default=0)
        case Related(group=group):
            return _height(group)
    return 0


def _too_deep() -> InvalidFilter:
    message = _("A filter may be nested %(most)s levels deep at the most.")
    return InvalidFilter(message % {"most": MAX_DEPTH})


def check_nesting(filter: Any) -> None:
    """Raises InvalidFilter for brackets nested deeper than in any allowed filter, so that recursion into
    it ends."""
    level = [filter]
    for _depth in range(DEEPEST_BRACKETS + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, Mapping):
                below += each.values()
            elif isinstance(each, list):
                below += each
        if not below:
            return
        level = below
    raise _too_deep()


def _read_parts(noun: type[Noun], filter: Any) -> list[Part]:
    """Returns the parts of ``{...}``, which all have to hold."""
    if not isinstance(filter, Mapping):
        return [Written(filter)]
    found: list[Part] = []
    for key, value in filter.items():
        found += _read_part(noun, key, value)
    return found


def _read_part(noun: type[Noun], key: Any, value: Any) -> list[Part]:
    whole = Written({key: value})
    match key, value:
        case "$and" | "$or", [_, *_] if all(value) and all(isinstance(v, Mapping) for v in value):
            if key == "$or":
                return [Group(ANY, [_as_one(noun, each) for each in value])]
            return [part for each in value for part in _read_parts(noun, each)]
        case "$not", {**negated} if negated:
            inner = negated.get("$or") if len(negated) == 1 else None
            if isinstance(inner, list) and inner and all(inner):
                return [Group(NONE, [_as_one(noun, each) for each in inner])]
            return [Group(NONE, [_as_one(noun, negated)])]
        case "$text", str():
            return [Condition(WORDS, "text", [value])]
    if not isinstance(key, str) or key in ("$and", "$or", "$not", "$text"):
        return [whole]
    if relation := noun.schema.relation(key):
        return _read_relation(relation, value) or [whole]
    return _read_conditions(noun, key, value) or [whole]


def _as_one(noun: type[Noun], filter: Any) -> Part:
    parts = _read_parts(noun, filter)
    return parts[0] if len(parts) == 1 else Group(ALL, parts)


def _read_relation(relation: Relation, value: Any) -> list[Part]:
    if not isinstance(value, Mapping) or not value or value.keys() - {"$some", "$none"}:
        return []
    found: list[Part] = []
    for operator, inner in value.items():
        if not isinstance(inner, Mapping):
            return []
        other: Any = relation.source_noun
        found.append(Related(relation, operator[1:], read_filter(other, inner)))
    return found


def _read_conditions(noun: type[Noun], path: str, value: Any) -> list[Part]:
    """Returns the conditions on one field; an empty list if a row cannot express them."""
    try:
        declared = querystring.field_at_path(noun, path)
        path = wire_path(noun, path)
    except InvalidFilter:
        return []
    if not isinstance(value, Mapping):
        value = {"$eq": value}
    several = declared.type not in ("date", "datetime")
    found: list[Part] = []
    for operator, operand in value.items():
        part = _read_condition(noun, path, operator, operand, several)
        if part is None:
            return []
        found.append(part)
    return found


def _read_condition(
    noun: type[Noun], path: str, operator: Any, operand: Any, several: bool
) -> Part | None:
    match operator, operand:
        case "$eq" | "$ne", None:
            return Condition(path, EMPTY if operator == "$eq" else FILLED)
        case "$eq" | "$ne", _ if not isinstance(operand, Mapping | list):
            return Condition(path, IS if operator == "$eq" else NOT, [operand])
        case "$exists", bool():
            return Condition(path, FILLED if operand else EMPTY)
        case "$all", [_, *_] if all(isinstance(each, str) for each in operand):
            return Condition(path, "all", list(operand))
        case "$in" | "$nin", [_, *_]:
            return _read_list(path, operator == "$nin", list(operand), several)
        case "$not", {**inner} if inner:
            parts = _read_conditions(noun, path, inner)
            one = parts[0] if len(parts) == 1 else Group(ALL, parts)
            return Group(NONE, [one]) if parts else None
    words = {sign: word for word, sign in OPERATORS.items()}
    if operator in words and operand is not None and not isinstance(operand, Mapping | list):
        return Condition(path, words[operator], [operand])
    return None


def _read_list(path: str, negated: bool, values: list[Any], several: bool) -> Part | None:
    if any(isinstance(value, Mapping | list) for value in values):
        return None
    given = [value for value in values if value is not None]
    if len(given) == len(values) and (several or len(given) == 1):
        return Condition(path, NOT if negated else IS, given)
    rows = [given] if several and given else [[value] for value in given]
    parts: list[Part] = [Condition(path, IS, each) for each in rows]
    if len(given) < len(values):
        parts.append(Condition(path, EMPTY))
    return Group(NONE if negated else ANY, parts)


def wire_path(noun: type[Noun], path: str) -> str:
    """Returns the path in wire names. Raises InvalidFilter."""
    if (whole := querystring.field_at_path(noun, path)).wire.count("."):
        return whole.wire  # a key inside a value: its wire name is the whole path
    return ".".join(field.wire for field in querystring.fields_along(noun, path))


# -- put together ---------------------------------------------------------------------------------


def write_filter(part: Part) -> dict[str, Any]:
    """Returns the part in the filter language; ``{}`` if it is empty."""
    match part:
        case Written(filter=filter):
            return filter
        case Related(relation=relation, quantifier=quantifier, group=group):
            return {relation.wire: {f"${quantifier}": write_filter(group)}}
        case Condition(path=path, operator=operator, values=values):
            if path == WORDS:
                return {WORDS: values[0]}
            if part.moment and (day := _day(values)) is not None:
                return {path: _write_day(operator, day, values)}
            return {path: _write_operator(operator, values)}
        case Group(match=match):
            found = [write_filter(each) for each in part.parts if not says_nothing(each)]
            if match == ALL:
                return _join(found)
            if not found:
                return {}
            if match == ANY:
                return {"$or": found} if len(found) > 1 else found[0]
            return {"$not": {"$or": found} if len(found) > 1 else found[0]}
    raise TypeError(type(part))


def _write_operator(operator: str, values: list[Any]) -> Any:
    match operator:
        case "is":
            return {"$in": values} if len(values) > 1 else values[0]
        case "not":
            return {"$nin": values} if len(values) > 1 else {"$ne": values[0]}
        case "all":
            return {"$all": values}
        case "empty" | "filled":
            return {"$exists": operator == FILLED}
    return {OPERATORS[operator]: values[0]}


def _day(values: list[Any]) -> date | None:
    """Returns the calendar day in the values, or None."""
    try:
        return date.fromisoformat(values[0]) if len(values[0]) == len("2026-01-31") else None
    except (IndexError, TypeError, ValueError):
        return None


def _write_day(operator: str, day: date, values: list[Any]) -> Any:
    """Returns the condition on moments for a day in the reader's time zone: from its beginning to that of
    the next. A day at the end of the calendar stays as it was typed, and :func:`compile_filter` refuses
    it."""
    try:
        begins, ends = (days.utc_text(days.start_of_day(day + timedelta(days=n))) for n in (0, 1))
    except OverflowError:
        return _write_operator(operator, values)
    match operator:
        case "is":
            return {"$gte": begins, "$lt": ends}
        case "not":
            return {"$not": {"$gte": begins, "$lt": ends}}
        case "gt":
            return {"$gte": ends}
        case "lte":
            return {"$lt": ends}
    return {OPERATORS[operator]: begins}


def _join(filters: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns all filters as one, with the operators on a field side by side where possible."""
    found: dict[str, Any] = {}
    for filter in filters:
        for key, value in filter.items():
            if key not in found:
                found[key] = value
                continue
            known = found[key]
            if not _is_operators(known) or not _is_operators(value) or set(known) & set(value):
                return {"$and": filters}
            found[key] = known | value
    return found


def _is_operators(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and "$id" not in value


def says_nothing(part: Part) -> bool:
    """Whether the part is not filled in."""
    match part:
        case Condition(operator=operator, values=values, path=path):
            return not path or (operator not in (EMPTY, FILLED) and not values)
        case Group(parts=parts):
            return all(says_nothing(each) for each in parts)
        case Written(filter=filter):
            return not isinstance(filter, Mapping) or not filter
    return False
