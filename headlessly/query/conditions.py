"""The conditions in a filter, for code that reads or changes a filter without compiling it.

A condition is one key of a filter with its value: ``"score": {"$gte": 80}``, ``"$text": "solar"``, or
``"activities": {"$none": {...}}``, whose inner filter is of another noun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from headlessly.declaration import days

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: The maximum depth of a filter.
MAX_DEPTH = 16


def all_conditions(filter: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields each condition of a valid filter, whether it must, may or must not hold."""
    for name, value in filter.items():
        if name in ("$and", "$or"):
            for part in value:
                yield from all_conditions(part)
        elif name == "$not":
            yield from all_conditions(value)
        else:
            yield name, value


def required_conditions(filters: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yields conditions that every matching record fulfils; the filters may be invalid."""
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
    """Returns the filter with each condition on a field replaced by ``change(noun, name, value)``. Parts that
    are not valid, or nested too deep, stay as they are."""
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
    """Whether a filter, or a part of one, matches other records as time passes: it has ``"7d ago"``, or asks
    for stale records."""
    if isinstance(part, Mapping):
        return "$stale" in part or any(map(moves_with_time, part.values()))
    if isinstance(part, list | tuple):
        return any(map(moves_with_time, part))
    return isinstance(part, str) and days.is_relative(part)


def _are_filters(value: Any) -> bool:
    is_list = isinstance(value, list | tuple) and bool(value)
    return is_list and all(isinstance(part, Mapping) for part in value)
