"""Facts that apps add to the notification of an assigned record.

    @record_facts(Lead)
    def answers(leads: Sequence[Lead]) -> Mapping[str, list[Fact]]: ...

They are shown in the email and below the line in the browser. The function is called once for all records
of its noun, and never for a record that the reader does not see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: A label in the active language, and a value.
Fact = tuple[str, str]
#: Returns the facts of several records, by the record's id.
Teller = Callable[[Sequence[Any]], Mapping[str, list[Fact]]]

_tellers: dict[type[Record], list[tuple[int, Teller]]] = defaultdict(list)


def record_facts(noun: type[Record], *, order: int = 10) -> Callable[[Teller], Teller]:
    """Registers the facts of ``noun``'s records. Those of a lower ``order`` come first."""

    def register(teller: Teller) -> Teller:
        _tellers[noun].append((order, teller))
        _tellers[noun].sort(key=lambda each: each[0])
        return teller

    return register


def facts_of(records: Sequence[Record]) -> dict[str, list[Fact]]:
    """Returns the facts of these records, by the record's id."""
    by_noun: dict[type[Record], list[Record]] = defaultdict(list)
    for record in records:
        by_noun[type(record)].append(record)
    facts: dict[str, list[Fact]] = defaultdict(list)
    for noun, found in by_noun.items():
        for _order, teller in _tellers.get(noun, ()):
            for id, said in teller(found).items():
                facts[id] += said
    return facts
