"""Verbs by the thousand: each is checked like any other, and all are written together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError

from headlessly.declaration import values
from headlessly.execution import executor, table
from headlessly.log.names import LEFT_OUT
from headlessly.transfer.stated_past import PastStep, first_state, past_states, stated_steps

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb
    from headlessly.log.events import Event
    from headlessly.nouns import Noun


#: A unique value: the noun, the field, and the value as it is compared.
Key = tuple[str, str, Any]


class Collision(Exception):
    """The database refused the rows together; only writing them one by one will tell which of them it was."""


class Importing(executor.Execution):
    """An execution in which an admin's new records may have a past.

    ``cause`` is the event of the import, which is the cause of all others.
    """

    is_import = True

    def __init__(self, stating: bool, cause: str | None = None) -> None:
        super().__init__()
        self.sets_protected_fields = stating
        self.cause = cause
        #: For the row whose verb is executed next: the creation date of its record, and the cells that no
        #: field holds, which the event keeps.
        self.stated_creation: datetime | None = None
        self.left_out: dict[str, Any] = {}
        #: The steps in the past of the record being created, according to its dates.
        self.steps: list[PastStep] = []
        #: Its states before it was written, oldest first, and the current one.
        self.states: list[Record] = []

    def append(self, **what: Any) -> Event:
        event = super().append(**what)
        event.cause = event.cause or self.cause
        return event

    def _begin(self, record: Record, now: datetime) -> None:
        super()._begin(record, now)
        self.steps, self.states = [], []
        frame = self.frames[-1]
        if not (self.sets_protected_fields and self.is_callers_own and frame.verb.name == "create"):
            return
        if not (steps := stated_steps(record, self.stated_creation)):
            return
        # Without a creation date, it is created with its first step.
        record.created_at = self.stated_creation or steps[0].moment
        sources = [first_state(type(record)), *(step.state for step in steps)]
        for source, step in zip(sources, steps, strict=False):
            frame.moment = record.updated_at = step.moment
            record.after_move(source, step.state)
        frame.moment, record.version, self.steps = now, len(steps) + 1, steps

    def _insert(self, record: Any) -> None:
        self._insert_past(record, self._states_of(record))
        super()._insert(record)

    def _states_of(self, record: Record) -> list[Record]:
        self.states = past_states(record, self.steps) if self.steps else []
        return self.states

    def _insert_past(self, record: Record, states: Sequence[Record]) -> None:
        if states:
            table.table_of(type(record)).copy_past(_spans(states))

    def _record_event(self, verb: Verb, record: Record, was: Record | None) -> Event:
        """Returns the event of the verb. For a record with a past, the events of its further steps are
        recorded too."""
        states, self.states = self.states, []
        if not states:
            return self._with_left_out(super()._record_event(verb, record, was))
        verbs = [verb, *(step.verb for step in self.steps)]
        self.steps = []
        events = []
        for done, state in zip(verbs, states, strict=True):
            events.append(super()._record_event(done, state, was))
            was = state
        return self._with_left_out(events[0])

    def _with_left_out(self, event: Event) -> Event:
        if self.left_out and self.is_callers_own:
            event.data = {**event.data, LEFT_OUT: self.left_out}
        return event


class Gathering(Importing):
    """An execution of verbs whose hooks do not read rows: created records are written only when needed.

    ``taken`` are the unique values known to be in use, in the form of :func:`keys_of`.
    """

    def __init__(self, stating: bool, cause: str | None, taken: set[Key]) -> None:
        super().__init__(stating, cause)
        self.taken = taken
        self.gathered: list[Noun] = []
        self.gathered_past: dict[type[Record], list[tuple[Record, datetime]]] = {}

    def _insert(self, record: Any) -> None:
        keys = keys_of(record)
        for key in keys:
            if key in self.taken:
                raise record.taken_conflict(*key[1:])
        self.taken.update(keys)
        self.gathered.append(record)
        if states := self._states_of(record):
            self.gathered_past.setdefault(type(record), []).extend(_spans(states))
        record._state.adding = False
        record._read = dict(record.__dict__)

    def flush(self) -> None:
        """Write the rows, then their events. Raises Collision."""
        gathered, self.gathered = self.gathered, []
        rows: dict[type[Noun], list[Noun]] = {}
        for record in gathered:
            rows.setdefault(type(record), []).append(record)
        try:
            past, self.gathered_past = self.gathered_past, {}
            for noun, states in past.items():
                table.table_of(noun).copy_past(states)
            for noun, records in rows.items():
                table.table_of(noun).copy(records)
        except IntegrityError as problem:
            raise Collision from problem
        super().flush()


def _spans(states: Sequence[Record]) -> list[tuple[Record, datetime]]:
    """Returns the past states, each with the moment when it ended."""
    return [(state, later.updated_at) for state, later in pairwise(states)]


def keys_of(record: Noun) -> list[Key]:
    """Returns the unique values of a record."""
    fields = [field for field in record.schema.stored if field.unique]
    noun = type(record).__name__
    return [(noun, f.name, key_of(value)) for f in fields for value in record.held_values(f)]


def key_of(value: Any) -> Any:
    """Returns a unique value as it is compared: text ignoring case."""
    return value.lower() if isinstance(value, str) else values.to_json_value(value)
