"""The verbs of an undo, in an order in which each is possible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from headlessly.declaration.record import Record
from headlessly.declaration.verbs import Verb
from headlessly.errors import HeadlesslyError
from headlessly.execution.execution import Execution
from headlessly.undo.plan import Plan, Reason, RecordChange


@dataclass(frozen=True)
class RecordUndone:
    """A record that was taken back, by the verb with this event."""

    noun: type[Record]
    id: str
    name: str
    event: str

    def as_json(self) -> dict[str, Any]:
        return {"type": self.noun.__name__, "id": self.id, "name": self.name, "event": self.event}


class UndoRefused(Exception):
    """A verb has refused: these records stay, and what depends on them has to be determined again."""

    def __init__(self, reasons: dict[str, Reason]) -> None:
        self.reasons = reasons


class UndoSteps:
    """The verbs that take back what a plan says, in an order in which each is possible."""

    def __init__(self, execution: Execution, plan: Plan) -> None:
        self.execution, self.plan = execution, plan
        self.possible = plan.possible
        self.refused: dict[str, Reason] = {}
        self.events: dict[str, str] = {}  #: the last event of each record
        self.changed: set[str] = set()
        self.gone: set[str] = set()
        self.returning: set[str] = set()  #: the records that still have to come back

    def take(self) -> list[RecordUndone]:
        """Execute the verbs. Raises UndoRefused if any is refused, after all have been tried."""
        returning = self.returning = {c.id for c in self.possible if c.returns}
        # A unique value must be given up before the record that had it comes back, and can be taken again
        # only after the record that has it now is gone.
        regained = {c.id: self._unique_values(c) for c in self.possible if not c.returns}
        held = {v for c in self.possible if c.goes for v in self._values_held(c)}
        for change in self._backwards():
            if regained.get(change.id) and not regained[change.id] & held:
                self._give_up(change) if _needs(change, returning) else self._change(change)
        self._let_go()
        self._free({v for c in self.possible if c.returns for v in self._values_held(c)})
        for change in self._returning(returning):
            self._bring_back(change)
            # A value that it took over from a record before it goes back to that one.
            self._give_up(change)
        self.returning = set()
        later = {id for id, values in regained.items() if values & held}
        for change in self._backwards():
            if change.id not in later:
                self._change(change, can_wait=True)
        self._let_go()
        self._free({value for id in later for value in regained[id]})
        self._change_the_rest()
        self._let_go()
        self._let_circles_go()
        if self.refused:
            raise UndoRefused(self.refused)
        names = {c.id: str(c.record) for c in self.possible}
        return [
            RecordUndone(c.noun, c.id, names[c.id], self.events[c.id])
            for c in self.possible
            if c.id in self.events
        ]

    def _returning(self, waiting: set[str]) -> Iterator[RecordChange]:
        """Yields the records to restore, ordered so that a record comes after those that it refers to, and
        after those that give up unique values which it had."""
        left = [change for change in self.possible if change.returns]
        waiting = set(waiting)
        givers: dict[Any, set[str]] = {}
        for change in left:
            for value in self._values_given_up(change):
                givers.setdefault(value, set()).add(change.id)
        before = {c.id: c.references - {c.id} for c in left}
        for change in left:
            for value in self._values_held(change):
                if change.id not in (found := givers.get(value, set())):
                    before[change.id] |= found
        while left:
            ready = [c for c in left if not before[c.id] & waiting] or left
            yield from ready
            waiting -= {change.id for change in ready}
            left = [change for change in left if change.id in waiting]

    def _backwards(self) -> list[RecordChange]:
        return sorted(self.possible, key=lambda c: c.events[-1].seq or 0, reverse=True)

    def _unique_values(self, change: RecordChange) -> set[Any]:
        """Returns the unique values that a record gets back; None among them if a field gets none."""
        found: set[Any] = set()
        for wire, (before, after) in self._unique_changes(change).items():
            if self._field(change, wire).unique:
                found.add(_compared(before))
            else:
                found |= set(_each(before)) - set(_each(after)) or {None}
        return found

    def _values_given_up(self, change: RecordChange) -> set[Any]:
        """Returns the unique values that a record gives up."""
        found: set[Any] = set()
        for wire, (before, after) in self._unique_changes(change).items():
            if self._field(change, wire).unique:
                found.add(_compared(after))
            else:
                found |= set(_each(after)) - set(_each(before))
        return found - {None}

    def _unique_changes(self, change: RecordChange) -> dict[str, tuple[Any, Any]]:
        """Returns the changes of fields with unique values."""
        return {
            wire: values
            for wire, values in change.changed.items()
            if (field := self._field(change, wire)).unique or _has_several_unique(field)
        }

    def _values_held(self, change: RecordChange) -> Iterator[Any]:
        """Yields the current unique values of a record."""
        for field in change.noun.schema.stored:
            value = change.now.get(field.wire)
            if field.unique and value is not None:
                yield _compared(value)
            elif _has_several_unique(field):
                yield from _each(value)

    def _give_up(self, change: RecordChange) -> None:
        """Restore only the unique fields of a record whose other fields have to wait."""
        now = change.now
        back = {
            wire: before
            for wire, (before, after) in self._unique_changes(change).items()
            if now.get(wire) == after
        }
        if back and all(_is_plain(change.noun, self._field(change, wire)) for wire in back):
            self._perform(change, change.noun.__dict__["update"], back)

    def _free(self, wanted: set[Any]) -> None:
        """Clear unique values that other records need, in records that go but cannot go yet because something
        refers to them."""
        for change in self._backwards():
            if not change.goes or change.id in self.gone:
                continue
            left: dict[str, Any] = {}
            for field in change.noun.schema.stored:
                value = change.now.get(field.wire)
                if field.unique and _compared(value) in wanted:
                    left[field.wire] = None
                elif _has_several_unique(field) and not wanted.isdisjoint(_each(value)):
                    left[field.wire] = [
                        each for each in value or () if wanted.isdisjoint(_each([each]))
                    ]
            if left:
                self._perform(change, change.noun.__dict__["update"], left)

    @staticmethod
    def _field(change: RecordChange, wire: str) -> Any:
        return change.noun.schema.fields[wire]

    def _perform(self, change: RecordChange, verb: Verb, data: dict[str, Any]) -> bool:
        """Execute a verb on the record; returns whether it succeeded. A refusal is remembered."""
        if change.id in self.refused:
            return False
        before = len(self.execution.events)
        try:
            with self._unbroken(change):
                change.record = self.execution.perform(verb, change.id, data, wire=True)
        except HeadlesslyError as problem:
            self.refused[change.id] = Reason("refused", problem.message)
            return False
        if len(self.execution.events) > before:
            self.events[change.id] = self.execution.events[before].name
        return True

    @contextmanager
    def _unbroken(self, change: RecordChange) -> Iterator[None]:
        """Turn a unique value that somebody else has now into a refusal, so that it does not end the
        transaction."""
        if not any(field.unique for field in change.noun.schema.stored):
            yield
            return
        try:
            with transaction.atomic():
                yield
        except IntegrityError as problem:
            self.execution.failure = None
            raise self.execution.integrity_conflict(problem) from problem

    def _bring_back(self, change: RecordChange) -> None:
        held = self.execution.locked_records.get(change.id)
        if held is not None and held.deleted_at is None:
            self.events.setdefault(change.id, change.noun.verbs["restore"].event)
            return  # together with the record that it belongs to
        merged = change.presence[-1].merges
        noun = change.noun
        self._perform(change, noun.corrections["unmerge"] if merged else noun.verbs["restore"], {})

    def _change_the_rest(self) -> None:
        """Change the rest, as long as that helps: a record may refuse while another one still refers to it,
        for example because nothing can be its own ancestor."""
        left = [c for c in self._backwards() if not c.goes and c.id not in self.changed]
        while left:
            for change in left:
                self._change(change, can_wait=True)
            still = [c for c in left if c.id not in self.changed]
            if len(still) == len(left):
                break
            left = still
        for change in left:
            self._change(change)

    def _change(self, change: RecordChange, *, can_wait: bool = False) -> None:
        """Restore the fields that the request changed; with ``can_wait`` a refusal is not final yet."""
        if change.goes or change.id in self.changed:
            return
        self.changed.add(change.id)
        refused_before = change.id in self.refused
        self._give_back(change)
        # If it has already written something, the whole transaction has to end.
        is_refused = change.id in self.refused and not refused_before
        if can_wait and is_refused and self.execution.failure is None:
            del self.refused[change.id]
            self.changed.discard(change.id)

    def _give_back(self, change: RecordChange) -> None:
        """Restore the former values of the fields that the request changed."""
        fields = {wire: self._field(change, wire) for wire in change.changed}
        now = change.now
        back = {
            wire: before
            for wire, (before, after) in change.changed.items()
            if now.get(wire) == after  # moments that have changed by themselves stay
        }
        if not back:
            return
        if all(_is_plain(change.noun, field) for field in fields.values()):
            self._perform(change, change.noun.__dict__["update"], back)
        elif change.has_gap:
            said = _("Others changed it in between.")
            self.refused[change.id] = Reason("changed", said, tuple(back))
        else:
            # A restored record has had its former values since then.
            before = change.first if change.goes else change.first - 1
            versions = {"before": before, "after": change.last}
            self._perform(change, change.noun.corrections["correct"], versions)

    def _let_go(self) -> None:
        """Delete the records that go and that nothing refers to any more, the latest first, until that no
        longer helps."""
        while True:
            free = [
                change
                for change in self._backwards()
                if change.goes
                and change.id not in self.gone
                and not (self._is_changed_too(change) and _needs(change, self.returning))
                and (
                    # As in a merge, the record goes first, and then its references are the other's.
                    change.goes_by_merging
                    or all(map(self._lets_go, self.plan.referrers.get(change.id, ())))
                )
            ]
            if not free:
                return
            for change in free:
                self._delete(change)

    def _lets_go(self, id: str) -> bool:
        return id in self.gone or id in self.changed

    def _delete(self, change: RecordChange) -> None:
        self.gone.add(change.id)
        held = self.execution.locked_records.get(change.id)
        if held is not None and held.deleted_at is not None:
            self.events.setdefault(change.id, change.noun.verbs["delete"].event)
            return  # together with the record that it belonged to
        if change.goes_by_merging:
            versions = {"before": change.first - 1, "after": change.last}
            self._perform(change, change.noun.corrections["remerge"], versions)
            return
        if self._is_changed_too(change):
            # Otherwise undoing this deletion would restore the changed values.
            self._give_back(change)
            held = self.execution.locked_records.get(change.id)
        if held is not None:
            held.is_unreferred = True
        self._perform(change, change.noun.verbs["delete"], {})

    @staticmethod
    def _is_changed_too(change: RecordChange) -> bool:
        """Whether the request restored a record that goes again, and also changed it."""
        return not change.created and not change.goes_by_merging and bool(change.changed)

    def _let_circles_go(self) -> None:
        """Delete the rest: records that refer to each other."""
        left = [c for c in self._backwards() if c.goes and c.id not in self.gone]
        ids = {change.id for change in left}
        for change in left:
            update = change.noun.__dict__["update"]
            empty = {
                f.wire: None
                for f in change.noun.schema.references.values()
                if getattr(change.record, f.column) in ids
            }
            self._perform(change, update, empty)
            self.changed.add(change.id)
        for change in left:
            self._delete(change)


def _has_several_unique(field: Any) -> bool:
    """Whether a record may have several values in it that are unique: addresses, ids in other systems."""
    return bool(field.parts or (field.beside and field.kept_as))


def _each(values: Any) -> Iterator[Any]:
    """Yields several values one by one; objects as pairs."""
    for value in values or ():
        yield tuple(sorted(value.items())) if isinstance(value, dict) else _compared(value)


def _compared(value: Any) -> Any:
    """Returns a unique value as it is compared: text ignoring case."""
    return value.lower() if isinstance(value, str) else value


def _is_plain(noun: type[Record], field: Any) -> bool:
    """Whether ``update`` can restore exactly the former value of the field."""
    schema = noun.schema
    hidden = {column.name for column in schema.followers}
    hidden |= {each.day_if for each in schema.day_moments if each.day_if}
    return not (field.read_only or field.moves or field.name in hidden)


def _needs(change: RecordChange, returning: set[str]) -> bool:
    """Whether the record would refer again to one that has to come back first."""
    return any(
        isinstance(before, str) and before in returning
        for before, _after in change.changed.values()
    )
