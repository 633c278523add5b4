"""What is told beside a record that somebody is given: apps know it, and no noun of theirs is named here.

    @record_facts(Lead)
    def answers(leads: Sequence[Lead]) -> Mapping[str, list[Fact]]: ...

It stands in the letter and below the line in the browser. Each is asked once for all the records of its noun,
and never for one that whoever reads does not see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: What something is called, in the language at hand, and what it is.
Fact = tuple[str, str]
#: Returns the facts of each of some records, by its id.
Teller = Callable[[Sequence[Any]], Mapping[str, list[Fact]]]

_tellers: dict[type[Record], list[tuple[int, Teller]]] = defaultdict(list)


def record_facts(noun: type[Record], *, order: int = 10) -> Callable[[Teller], Teller]:
    """Declare what is told beside each record of ``noun``: those of a lower ``order`` stand first."""

    def register(teller: Teller) -> Teller:
        _tellers[noun].append((order, teller))
        _tellers[noun].sort(key=lambda each: each[0])
        return teller

    return register


def facts_of(records: Sequence[Record]) -> dict[str, list[Fact]]:
    """What is told beside each of these records, by its id."""
    by_noun: dict[type[Record], list[Record]] = defaultdict(list)
    for record in records:
        by_noun[type(record)].append(record)
    facts: dict[str, list[Fact]] = defaultdict(list)
    for noun, found in by_noun.items():
        for _order, teller in _tellers.get(noun, ()):
            for id, said in teller(found).items():
                facts[id] += said
    return facts
