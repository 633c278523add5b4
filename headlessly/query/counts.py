"""How many records of each noun are in which state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from headlessly.access import visibility
from headlessly.database import prepared
from headlessly.declaration.record import Record as Noun
from headlessly.declaration.registry import registry
from headlessly.query.reads import COUNT_CAP


@dataclass
class StateCounts:
    """How many of a noun's records the actor sees in each state of its machine."""

    noun: type[Noun]
    states: dict[str, int] = field(default_factory=dict)  #: at most the cap each
    capped: set[str] = field(default_factory=set)  #: states in which there are more

    def as_json(self) -> dict[str, Any]:
        """The same as JSON says it."""
        machine = self.noun.schema.machine
        found = {
            "field": self.noun.schema.by_name[machine.name].wire,
            "states": self.states,
            "total": sum(self.states.values()),
        }
        return found | ({"totalIsExact": False} if self.capped else {})


def count_states(nouns: Iterable[type[Noun]]) -> list[StateCounts]:
    """The records of those of the nouns that have a machine, by state: one statement for all of them."""
    quote = connection.ops.quote_name
    parts, parameters = [], []
    found = {noun.__name__: StateCounts(noun) for noun in nouns if noun.schema.machine}
    for name, counts in found.items():
        noun, machine = counts.noun, counts.noun.schema.machine
        visible, shown = visibility.visible_rows(noun, "n")
        for state in machine.states:
            parts.append(
                "SELECT %s, %s, (SELECT count(*) FROM (SELECT FROM "
                f"{quote(noun._meta.db_table)} n WHERE {visible} "
                f"AND n.{quote(machine.field.column)} = %s LIMIT {COUNT_CAP + 1}) AS r)"
            )
            parameters += [name, state, *shown, state]
    if not parts:
        return []
    for name, state, count in prepared.execute_prepared(" UNION ALL ".join(parts), parameters):
        found[name].states[state] = min(count, COUNT_CAP)
        if count > COUNT_CAP:
            found[name].capped.add(state)
    return list(found.values())


def counts_by_state() -> dict[str, dict[str, Any]]:
    """The states of every noun that has any, as JSON says them."""
    return {each.noun.__name__: each.as_json() for each in count_states(registry.values())}
