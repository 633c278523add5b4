"""A filter of the filter language taken apart into what people choose, and put together again.

``{"status": "New", "activities": {"$none": {"status": "Pending"}}}`` is a group of two parts: a condition,
and a relation with a group of its own. What has no such form stays as it is written, so that every filter
that anything holds comes out as it went in.
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

#: How the parts of a group belong together.
ALL, ANY, NONE = MATCHES = ("all", "any", "none")
#: What a condition says of a field, and the operator of the filter language that it is.
IS, NOT, EMPTY, FILLED = "is", "not", "empty", "filled"
OPERATORS = {
    "gt": "$gt",
    "gte": "$gte",
    "lt": "$lt",
    "lte": "$lte",
    "text": "$text",
    "regex": "$regex",
}
#: How many of those that refer to a record fulfil something.
SOME, NO = QUANTIFIERS = ("some", "none")
#: Brackets within brackets: two for each level of a filter, and those of a JSON value in it.
DEEPEST_BRACKETS = 2 * MAX_DEPTH + JSON_DEPTH
#: In the place of a field: words anywhere in the record.
WORDS = "$text"


@dataclass
class Condition:
    """What one field says; ``values`` are those of the filter language, several only for IS and NOT."""

    path: str = ""
    operator: str = IS
    values: list[Any] = field(default_factory=list)
    moment: bool = False  #: whether it is about moments, so that a day means all of it
    problem: str = ""  #: what is wrong with it, in a sentence


@dataclass
class Group:
    """Parts that hold all together, any of them, or none."""

    match: str = ALL
    parts: list[Part] = field(default_factory=list)
    problem: str = ""


@dataclass
class Related:
    """Whether some of those that refer to the record fulfil a group, or none of them."""

    relation: Relation
    quantifier: str = SOME
    group: Group = field(default_factory=Group)
    problem: str = ""


@dataclass
class Written:
    """A part that stays as it is written."""

    filter: Any
    problem: str = ""


Part = Condition | Group | Related | Written


# -- taken apart ----------------------------------------------------------------------------------


def read_filter(noun: type[Noun], filter: Mapping[str, Any]) -> Group:
    """The filter as one group; whether it fits the noun, :func:`compile_filter` says. Raises InvalidFilter
    for one that is nested too deep to be read."""
    check_nesting(filter)
    parts = _read_parts(noun, filter)
    match parts:
        case [Group() as found]:
            pass
        case _:
            found = Group(ALL, parts)
    # An alternative of several parts is two groups.
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
    """Raise InvalidFilter where brackets are within brackets deeper than in any filter that is allowed: what
    follows each of them down has to come to an end."""
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
    """The parts of ``{...}``, which all hold."""
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
    """What is said of one field; nothing where a row has no room for it."""
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
    """The path by the wire names of its fields. Raises InvalidFilter."""
    if (whole := querystring.field_at_path(noun, path)).wire.count("."):
        return whole.wire  # a part of a value, which names it
    return ".".join(field.wire for field in querystring.fields_along(noun, path))


# -- put together ---------------------------------------------------------------------------------


def write_filter(part: Part) -> dict[str, Any]:
    """The same in the filter language; ``{}`` of what says nothing."""
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
    """The day of the calendar that is said."""
    try:
        return date.fromisoformat(values[0]) if len(values[0]) == len("2026-01-31") else None
    except (IndexError, TypeError, ValueError):
        return None


def _write_day(operator: str, day: date, values: list[Any]) -> Any:
    """What is said of moments by a day where one reads: from its beginning to that of the next. A day at the
    end of the calendar stays as it was typed: :func:`compile_filter` says that there is none."""
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
    """All of them as one; several operators on a field stand side by side."""
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
    """Whether it is not filled in, or not yet."""
    match part:
        case Condition(operator=operator, values=values, path=path):
            return not path or (operator not in (EMPTY, FILLED) and not values)
        case Group(parts=parts):
            return all(says_nothing(each) for each in parts)
        case Written(filter=filter):
            return not isinstance(filter, Mapping) or not filter
    return False
