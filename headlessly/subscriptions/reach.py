"""What a filter depends on: which records' events may change its results, and whether time may."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headlessly.query.conditions import all_conditions, moves_with_time

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


@dataclass
class Reach:
    """What the conditions of a filter depend on."""

    #: By noun, the paths of references that lead from a record to one of that noun:
    #: ``organization__owner``.
    paths: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: By noun, its references that lead to a record, such as those of activities about it.
    sides: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: Whether its results may change without an event of all these: as time passes, or by more distant
    #: records.
    moves: bool = False


def reach_of(noun: type[Record], filter: Mapping[str, Any]) -> Reach:
    """Returns what a valid filter depends on."""
    found = Reach()
    for name, value in all_conditions(filter):
        _condition(noun, name, value, (), found)
    return found


def _condition(
    noun: type[Record], name: str, value: Any, path: tuple[str, ...], found: Reach
) -> None:
    if name in ("$text", "$stale"):  # words may be those of referenced records
        found.moves = True
        return
    head, dot, rest = name.partition(".")
    schema = noun.schema
    if (join := schema.joins.get(head)) is not None:
        found.moves = True
        if not path:
            found.sides[join.noun.__name__].add(join.column)
        return
    if (relation := schema.relation(head)) is not None:
        for filter in value.values():
            inner = reach_of(relation.source_noun, filter)
            # Their own references are left to the clock.
            found.moves |= inner.moves or bool(inner.paths or inner.sides)
        # So are references in the tenant's own fields.
        found.moves |= bool(path or relation.is_custom)
        if not path and not relation.is_custom:
            found.sides[relation.noun].add(relation.field)
        return
    asked = schema.field(head)
    if dot and asked is not None and asked.type == "reference":
        if asked.is_custom:
            found.moves = True
            return
        path = (*path, asked.name)
        found.paths[asked.target_noun.__name__].add("__".join(path))
        _condition(asked.target_noun, rest, value, path, found)
        return
    # Amounts are compared in the tenant's currency, at rates that change.
    is_money = asked is not None and asked.type == "money"
    found.moves = found.moves or is_money or moves_with_time(value)
