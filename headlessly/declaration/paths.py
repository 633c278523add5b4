"""Paths: states that another record gives. The stages of a deal are those of its pipeline.

A status field with ``path_from="pipeline"`` declares only the usual states, for tenants without a pipeline.
The states of a tenant's records are those of its :class:`Path`\\ s, one for each record that the reference
may lead to. The steps of a verb are declared by kinds of states, and so apply to each path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

OPEN, WON, LOST, CLOSED = KINDS = ("open", "won", "lost", "closed")
ENDED = (WON, LOST, CLOSED)
#: Targets of a step other than the first state of a kind: the next open state, or any open state.
NEXT, ANY = "next", "any"


@dataclass(frozen=True)
class State:
    """One state of a path. The key is stored and never changes; the name is shown."""

    key: str
    name: str
    kind: str = OPEN
    probability: float | None = None  #: of winning, in percent
    rotting: int | None = None  #: days without activity before a record in it is stale


@dataclass(frozen=True)
class Path:
    """The states that one record gives, in their order."""

    states: tuple[State, ...]
    id: str | None = None  #: None for the usual states, which no record gives
    name: str = ""
    version: int = 0  #: of the record that gives them
    is_default: bool = False  #: whether records without a path are on this one
    rotting: int | None = None  #: that of its states which say none of their own

    @cached_property
    def by_key(self) -> dict[str, State]:
        return {state.key: state for state in self.states}

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Returns the keys of its states of these kinds, in their order."""
        return tuple(state.key for state in self.states if state.kind in kinds)

    def first(self, kind: str) -> str:
        """Returns the first state of a kind. Every path has at least one: see :func:`complete_states`."""
        return self.of_kind(kind)[0]

    def find(self, said: str) -> str | None:
        """Returns the key of the state with this name or key."""
        for state in self.states:
            if state.name == said:
                return state.key
        return said if said in self.by_key else None

    def steps(
        self, declared: Mapping[str, str], *, leaves: bool = False
    ) -> dict[str, tuple[str, ...]]:
        """Returns the targets of each state for a verb that declares its steps by kinds: ``{"open": "won"}``.

        If the verb ``leaves`` for other paths, an only open state leads to itself: the record stays there
        until its next path is chosen.
        """
        found: dict[str, tuple[str, ...]] = {}
        opened = self.of_kind(OPEN)
        for kind, target in declared.items():
            for number, source in enumerate(self.of_kind(kind)):
                if target == NEXT:
                    found[source] = opened[number + 1 : number + 2]
                elif target == ANY:
                    others = tuple(each for each in opened if each != source)
                    found[source] = others or (opened if leaves else ())
                else:
                    found[source] = (self.first(target),)
        return {source: targets for source, targets in found.items() if targets}


def complete_states(states: Iterable[State], usual: Path) -> tuple[State, ...]:
    """Returns the states with the usual end states added for missing kinds, so that every record can end."""
    found = tuple(states)
    kinds, keys = {state.kind for state in found}, {state.key for state in found}
    ends = (s for s in usual.states if s.kind in ENDED and s.kind not in kinds)
    return found + tuple(end for end in ends if end.key not in keys)


class StatesOf:
    """The states of these kinds as an attribute of a noun: those of all paths of the active tenant."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def __get__(self, record: Any, noun: Any) -> tuple[str, ...]:
        return noun.schema.require_machine().of_kind(*self.kinds)
