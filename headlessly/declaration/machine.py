"""The state machine of a noun: its states and the steps between them. A tenant's paths may replace the
states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from headlessly.declaration import fields as columns
from headlessly.declaration.paths import OPEN, WON, Path
from headlessly.declaration.record import Record
from headlessly.language import wording

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb


@dataclass(frozen=True)
class Step:
    """One arrow of a state machine; ``via`` is the verb that takes it, ``update`` for a plain change."""

    source: str
    target: str
    via: str


class Machine:
    """The states of a noun and the steps between them."""

    def __init__(
        self,
        field: columns.StatusField,
        verbs: list[Verb],
        path: tuple[str, ...] = (),
        paths: tuple[Path, ...] = (),
        *,
        is_one_of_many: bool = False,
    ) -> None:
        """Creates a machine. ``is_one_of_many`` means that it has one path and that there are others to move
        to."""
        self.field, self.verbs = field, verbs
        if field.path_from and not any(each.is_default for each in paths):
            # A record without a path is on the usual one.
            paths = (field.usual_path, *paths)
        self.paths, self.has_others = paths, is_one_of_many or len(paths) > 1
        self.declared_path = tuple(str(state) for state in path)
        self.name = field.name
        self.states, self.entry, self.closed = field.states, field.entry, field.closed
        if self.paths:
            self.states = tuple(dict.fromkeys(s.key for path in self.paths for s in path.states))
            opened = dict.fromkeys(key for path in self.paths for key in path.of_kind(OPEN))
            self.entry = tuple(opened)
            self.declared_path = (*self.default_path.of_kind(OPEN), self.default_path.first(WON))
        #: Where each verb leads from each state; the first target is the default.
        self.targets = {verb.name: self._targets(verb) for verb in verbs if verb.declared_steps}
        self.steps = tuple(
            Step(source, target, "update")
            for source, targets in field.moves.items()
            for target in targets
        ) + tuple(
            Step(source, target, name)
            for name, by_source in self.targets.items()
            for source, targets in by_source.items()
            for target in targets
        )

    def _targets(self, verb: Verb) -> dict[str, tuple[str, ...]]:
        if not self.paths:
            return {source: (target,) for source, target in verb.declared_steps.items()}
        found: dict[str, tuple[str, ...]] = {}
        for path in self.paths:
            steps = path.steps(verb.declared_steps, leaves=bool(verb.chooses) and self.has_others)
            for source, targets in steps.items():
                found[source] = tuple(dict.fromkeys((*found.get(source, ()), *targets)))
        return found

    @cached_property
    def default_path(self) -> Path:
        """The path of a record that refers to none."""
        return next((path for path in self.paths if path.is_default), self.paths[0])

    def state_in_error(self, state: str) -> str:
        """Returns a state in an error, by its current name."""
        return wording.state_in_error(self.names.get(state, state))

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of states that differ from the stored keys."""
        given = (state for path in self.paths for state in path.states)
        return {state.key: state.name for state in given if state.key != state.name}

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kinds of the states, if paths give them."""
        return {state.key: state.kind for path in self.paths for state in path.states}

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Returns the states of these kinds on all paths."""
        return tuple(state for state in self.states if self.kinds[state] in kinds)

    def path_of(self, record: Record) -> Path:
        id = getattr(record, f"{self.field.path_from}_id")
        return next((path for path in self.paths if path.id == id), self.default_path)

    def of(self, record: Record) -> Machine:
        """Returns the machine of one record: that of its own path, if it has one."""
        return self.on(self.path_of(record)) if self.paths else self

    def on(self, path: Path) -> Machine:
        if path.id not in self._by_path:
            alone = replace(path, is_default=True)
            self._by_path[path.id] = Machine(
                self.field, self.verbs, (), (alone,), is_one_of_many=self.has_others
            )
        return self._by_path[path.id]

    @cached_property
    def _by_path(self) -> dict[str | None, Machine]:
        return {}

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The states from first to last when all goes well: as declared, else the longest way ahead."""
        if self.declared_path:
            return self.declared_path
        order = {state: number for number, state in enumerate(self.states)}

        def longest(state: str) -> tuple[str, ...]:
            ahead = [s.target for s in self.steps_from(state) if order[s.target] > order[state]]
            ways = [longest(str(target)) for target in dict.fromkeys(ahead)]
            return (state, *max(ways, key=len, default=()))

        return longest(self.states[0])

    def from_on(self, state: str) -> tuple[str, ...]:
        """Returns the states of the path from ``state`` to its end."""
        return self.path[self.path.index(state) :]

    def furthest(self, state: str, reached: str | None) -> str:
        """Returns the furthest state that a record in ``state`` has reached. If it is off the path and
        nothing is remembered (an imported lost record), that is the first state."""
        known = [str(s) for s in (state, reached) if s in self.path]
        return max(known, key=self.path.index, default=self.path[0])

    def reached_after_step(self, reached: str | None, source: str, target: str) -> str | None:
        """Returns what to remember as the furthest state after a step: None if ``target`` is as far, or the
        first state, which every record reached."""
        before = self.furthest(source, reached)
        least = self.path.index(target) if target in self.path else 0
        return before if self.path.index(before) > least else None

    def steps_from(self, state: str) -> list[Step]:
        """Returns the steps out of ``state``, plain changes first."""
        return [step for step in self.steps if step.source == state]

    def allowed(self, state: str) -> list[str]:
        """Returns the states to which steps lead from ``state``, in the machine's order, without those that
        only a verb with a free choice reaches."""
        free = {verb.name for verb in self.verbs if verb.chooses}
        steps = (step for step in self.steps_from(state) if step.via not in free)
        reachable = {step.target for step in steps} - {state}
        return [state for state in self.states if state in reachable]

    def allowed_verbs(self, state: str) -> list[str]:
        return list(dict.fromkeys(s.via for s in self.steps_from(state) if s.via != "update"))
