"""The conditions that a filter is made of, for whoever reads one or changes it without compiling it.

A condition is one key of a filter with what it says: ``"score": {"$gte": 80}``, ``"$text": "solar"``, or
``"activities": {"$none": {...}}``, whose filters are of another noun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from headlessly.declaration import days

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How deep a filter may be nested.
MAX_DEPTH = 16


def all_conditions(filter: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each condition of a filter that compiles, whether it has to hold, may hold or must not."""
    for name, value in filter.items():
        if name in ("$and", "$or"):
            for part in value:
                yield from all_conditions(part)
        elif name == "$not":
            yield from all_conditions(value)
        else:
            yield name, value


def required_conditions(filters: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """The conditions all of which hold for whatever fulfils the filters, right or wrong."""
    for filter in filters:
        for name, value in filter.items() if isinstance(filter, Mapping) else ():
            if name == "$and" and _are_filters(value):
                yield from required_conditions(value)
            else:
                yield name, value


def change_conditions(
    noun: type[Record],
    filter: Any,
    change: Callable[[type[Record], Any, Any], Any],
    depth: int = 0,
) -> Any:
    """The filter with what ``change`` makes of each condition on a field, of its noun, name and value. What
    is no filter, or nested too deep for one, stays as it is."""
    if not isinstance(filter, Mapping) or depth > MAX_DEPTH:
        return filter

    def changed(part: Any, of: type[Record] = noun) -> Any:
        return change_conditions(of, part, change, depth + 1)

    found: dict[Any, Any] = {}
    for name, value in filter.items():
        relation = noun.schema.relation(name) if isinstance(name, str) else None
        if name in ("$and", "$or") and isinstance(value, list | tuple):
            found[name] = [changed(part) for part in value]
        elif name == "$not":
            found[name] = changed(value)
        elif relation is None:
            found[name] = change(noun, name, value)
        elif isinstance(value, Mapping):
            other = relation.source_noun
            found[name] = {quantifier: changed(part, other) for quantifier, part in value.items()}
        else:
            found[name] = value
    return found


def moves_with_time(part: Any) -> bool:
    """Whether a filter, or a part of one, finds others as time passes: it says ``"7d ago"``, or asks for what
    is stale."""
    if isinstance(part, Mapping):
        return "$stale" in part or any(map(moves_with_time, part.values()))
    if isinstance(part, list | tuple):
        return any(map(moves_with_time, part))
    return isinstance(part, str) and days.is_relative(part)


def _are_filters(value: Any) -> bool:
    is_list = isinstance(value, list | tuple) and bool(value)
    return is_list and all(isinstance(part, Mapping) for part in value)
