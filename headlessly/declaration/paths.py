"""The states that a record's own reference gives: the stages of a deal are those of its pipeline.

A status field that says ``path_from="pipeline"`` has no states of its own but the usual ones, for tenants
without a pipeline. What a tenant's records may stand in are its :class:`Path`\\ s, one per record that the
reference may lead to; a verb's steps are declared by the kinds of states, and are those of each path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

OPEN, WON, LOST, CLOSED = KINDS = ("open", "won", "lost", "closed")
ENDED = (WON, LOST, CLOSED)
#: Where a step may lead beside the first state of a kind: the open one that follows, or any open one.
NEXT, ANY = "next", "any"


@dataclass(frozen=True)
class State:
    """One state of a path. The key is what is stored and never changes; the name is what is said."""

    key: str
    name: str
    kind: str = OPEN
    probability: float | None = None  #: of winning, in percent
    rotting: int | None = None  #: days without activity before a record in it is stale


@dataclass(frozen=True)
class Path:
    """The states of one record that gives them, in their order."""

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
        """The keys of its states of these kinds, in their order."""
        return tuple(state.key for state in self.states if state.kind in kinds)

    def first(self, kind: str) -> str:
        """The first state of a kind. Every path has one of each: see :func:`complete_states`."""
        return self.of_kind(kind)[0]

    def find(self, said: str) -> str | None:
        """The key of the state that is called so, or has this key."""
        for state in self.states:
            if state.name == said:
                return state.key
        return said if said in self.by_key else None

    def steps(
        self, declared: Mapping[str, str], *, leaves: bool = False
    ) -> dict[str, tuple[str, ...]]:
        """Where each state leads by a verb that declares its steps by kinds: ``{"open": "won"}``. Of one that
        ``leaves`` for other paths the only open state leads to itself: that is where the record stands until
        it is said where it goes."""
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
    """The states with the usual ends for the kinds of which there is none: every record can end."""
    found = tuple(states)
    kinds, keys = {state.kind for state in found}, {state.key for state in found}
    ends = (s for s in usual.states if s.kind in ENDED and s.kind not in kinds)
    return found + tuple(end for end in ends if end.key not in keys)


class StatesOf:
    """The states of these kinds, as an attribute of a noun: those of all paths of the tenant at hand."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def __get__(self, record: Any, noun: Any) -> tuple[str, ...]:
        return noun.schema.require_machine().of_kind(*self.kinds)
