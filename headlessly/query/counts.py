"""Counts of records by noun and state."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from headlessly.access import visibility
from headlessly.database import prepared
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Machine
from headlessly.query.reads import COUNT_CAP


@dataclass
class StateCounts:
    """How many of a noun's records the actor sees in each state of its machine."""

    noun: type[Record]
    machine: Machine
    states: dict[str, int] = field(default_factory=dict)  #: at most the cap each
    capped: set[str] = field(default_factory=set)  #: states with more records than the cap

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "field": self.noun.schema.by_name[self.machine.name].wire,
            "states": {self.machine.names.get(s, s): n for s, n in self.states.items()},
            "total": sum(self.states.values()),
        }
        return found | ({"totalIsExact": False} if self.capped else {})


def count_states(
    nouns: Iterable[type[Record]], owners: Collection[str] | None = None
) -> list[StateCounts]:
    """Returns the number of records by state, for each noun with a machine: one statement for all of them.
    With ``owners``, only their records are counted, and only nouns with an owner."""
    parts, parameters = [], []
    found: dict[str, StateCounts] = {}
    for noun in nouns:
        machine, owner = noun.schema.machine, noun.schema.owner
        if machine is None or (owners is not None and owner is None):
            continue
        found[noun.__name__] = StateCounts(noun, machine)
        table = connection.ops.quote_name(noun._meta.db_table)
        column = prepared.quoted_column(noun, machine.name)
        visible, shown = visibility.visible_rows(noun, "n")
        if owners is not None and owner is not None:
            visible += f" AND n.{prepared.quoted_column(noun, owner.name)} = ANY(%s)"
            shown = [*shown, list(owners)]
        for state in machine.states:
            parts.append(
                f"SELECT %s, %s, (SELECT count(*) FROM (SELECT FROM {table} n WHERE {visible} "
                f"AND n.{column} = %s LIMIT {COUNT_CAP + 1}) AS r)"
            )
            parameters += [noun.__name__, state, *shown, state]
    if not parts:
        return []
    for name, state, count in prepared.execute_prepared(" UNION ALL ".join(parts), parameters):
        found[name].states[state] = min(count, COUNT_CAP)
        if count > COUNT_CAP:
            found[name].capped.add(state)
    return list(found.values())


def counts_by_state() -> dict[str, dict[str, Any]]:
    """Returns the counts of every noun that has states, as JSON."""
    return {each.noun.__name__: each.as_json() for each in count_states(registry.values())}
