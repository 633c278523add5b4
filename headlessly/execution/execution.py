"""The execution of a verb and of all verbs that its hooks execute; :mod:`.executor` wraps it in a
transaction.

The order for each verb: lock, permission, version; validation; before-hooks; machine and row; event;
after-hooks.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DatabaseError, IntegrityError, transaction
from django.utils.translation import gettext as _
from psycopg import errors as postgres

from headlessly.access import actors, tenancy, visibility
from headlessly.context import tracing
from headlessly.context.running import current_moment
from headlessly.database.instances import new_instance
from headlessly.declaration import shapes
from headlessly.declaration.record import Record
from headlessly.errors import Conflict, HeadlesslyError, NotFound, VerbRefused
from headlessly.execution import dependents, inputs, merging, record_paths, refusals
from headlessly.execution.contention import note_lock, records_to_lock
from headlessly.execution.hook_context import Context, RunningVerb
from headlessly.execution.table import table_of
from headlessly.execution.waiting_rows import WaitingRow, WaitingRows
from headlessly.ids import public_id
from headlessly.log import events

if TYPE_CHECKING:
    from headlessly.access.actors import Actor
    from headlessly.declaration.verbs import Verb
    from headlessly.log.events import Event

#: A longer chain of hooks is taken for a circle.
MAX_HOOK_DEPTH = 16

N = TypeVar("N", bound=Record)


class Execution:
    """One outermost verb with everything that its hooks execute: one transaction, one request id."""

    #: Whether a new record may begin in any state and set fields that otherwise only verbs set. True for an
    #: admin's import.
    sets_protected_fields = False
    #: Whether it executes the rows of a file.
    is_import = False

    def __init__(self) -> None:
        self.tenant = tenancy.require()
        self.actor = actors.current()
        self.request_id = tracing.request_id()
        self.frames: list[RunningVerb] = []
        self.events: list[Event] = []
        self.first_unwritten = 0
        self.waiting_rows = WaitingRows(self._note_attempt)
        self.locked_records: dict[str, Record] = {}
        #: Locked so that nobody can begin to refer to them.
        self.ids_locked_for_deletion: set[str] = set()
        self.known_ids: set[str] = set()  #: records that certainly exist until the commit
        self.locked_paths: set[str] = set()  #: paths whose states cannot change until the commit
        self.member_ids: set[str] = set()  #: contacts that are certainly members
        self.failure: Exception | None = None
        self.shape = self.tenant.shape, shapes.current_shape()
        self.cause: str | None = None  #: the cause of events that no hook's verb caused
        self.is_done = False  #: whether only the commit is left
        self.attempted_record: Record | None = None
        self.attempted_by_hook = False  #: whether that was in a verb of a hook

    # -- one verb ---------------------------------------------------------------------------------

    def perform(
        self,
        verb: Verb,
        target: Record | str | None,
        data: Mapping[str, Any],
        *,
        wire: bool = False,
        text: bool = False,
        if_match: int | Collection[int] | None = None,
        for_caller: bool = False,
    ) -> Record:
        """Execute one verb, in the order that the contract gives: the outermost, one of a hook or, with
        ``for_caller``, a part of the caller's own."""
        if len(self.frames) >= MAX_HOOK_DEPTH:
            path = " → ".join(f"{f.verb.noun.__name__}.{f.verb.name}" for f in self.frames)
            raise VerbRefused(f"Hooks cause each other without end: {path}.", code="hooks_too_deep")
        record = self._lock_subject(verb, target, data, wire)
        for_caller = not self.frames or (for_caller and self.is_callers_own)
        if (
            for_caller and verb.name in verb.noun.verbs
        ):  # else no surface has it, or a hook executes it
            refusals.refuse_unless_permitted(self.actor, verb)
        if if_match is not None:
            refusals.refuse_if_stale(record, if_match)
        untouched, writes = dict(record.__dict__), len(self.events)
        frame = RunningVerb(verb, record, for_caller=for_caller)
        self.frames.append(frame)
        try:
            answer = self._carry_out(frame, data, wire=wire, text=text)
            if self.failure is None:  # else all of it will be undone
                self.waiting_rows.write_of(len(self.frames))
            return answer
        except Exception as problem:
            self.waiting_rows.forget_of(len(self.frames))
            record.__dict__.clear()
            record.__dict__.update(untouched)
            refusals.name_input(problem, verb, data, wire=wire)
            refusals.name_record(problem, record)
            # A hook may catch a refusal, but not an error after something was written.
            if len(self.events) > writes or not isinstance(problem, HeadlesslyError):
                self.failure = self.failure or problem
            raise
        finally:
            self.frames.pop()

    def _carry_out(
        self, frame: RunningVerb, data: Mapping[str, Any], *, wire: bool, text: bool
    ) -> Record:
        verb, record = frame.verb, frame.record
        extras: Mapping[str, Any] = {}
        if verb.receives:
            if (received := getattr(record, verb.receives)(data)) is None:
                refusals.refuse_unless_possible(verb, record)
                return record
            (data, extras), text = received, True
        was, first = None if record._state.adding else record.as_it_is(), len(self.events)
        values = inputs.clean_inputs(self, verb, record, data, wire=wire, text=text)
        made = self.events[first:]
        ctx = Context(self, frame, values, extras)
        if record._state.adding:
            record.tenant_id = self.tenant.pk
            known = verb.noun.schema.by_name  # its body and hooks use the verb's other inputs
            for field in verb.noun.schema.custom:
                if field.default is not None:
                    field.set_value(record, field.default)
            record.fill({n: values[n] for n in values if n in known} if verb.takes_fields else {})
            record_paths.put_on_path(self, record, values)
        elif verb.declared_steps or record_paths.path_reference(record) in values:
            to = values.get(record_paths.path_reference(record) or "")
            record_paths.lock_path(self, record, to)
        verb.before.fire(record, ctx)
        before = None if record._state.adding else record_paths.path_and_state(record)
        answer = self._run_body(verb, record, values)
        record_paths.refuse_wrong_state(verb, record, before)
        if verb.name == "update" and not record.has_changes():
            return record  # nothing changes; verbs other than update always leave an event
        self._save(record)
        frame.event = self._record_event(verb, record, was)
        for event in made:
            # The records that it refers to were made first, and because of it.
            event.cause = event.cause or frame.event.id
        if verb.deletes and not verb.merges:
            dependents.delete_dependents(self, record)
        elif verb.restores:
            dependents.restore_dependents(self, record)
        if verb.merges and not verb.corrects and answer is not None:
            merging.carry_over(self, record, answer, values.get("keep") or {})
        verb.after.fire(record, ctx)
        return answer if answer is not None else record

    def _lock_subject(self, verb: Verb, target: Any, data: Mapping[str, Any], wire: bool) -> Record:
        """Returns the record the verb is about: locked, found by its unique field, or new."""
        if not verb.creates:
            id = getattr(target, "pk", target)
            record = self.lock(verb.noun, id, deleting=verb.deletes, restoring=verb.restores)
            if visibility.invisible_ids(verb.noun, [record.pk]):
                raise verb.noun.not_found(record.pk)
            return record
        if verb.finds:
            field = verb.noun.schema.by_name[verb.finds]
            value = data.get(field.wire if wire else field.name)
            while isinstance(value, str) and (found := verb.noun.find_id_by_unique(field, value)):
                try:
                    return self.lock(verb.noun, found)
                except NotFound:
                    pass  # deleted or merged while we waited for the lock: search again
        return new_instance(verb.noun)

    def lock(self, noun: type[N], id: Any, *, deleting: bool = False, restoring: bool = False) -> N:
        """Returns the record as it is in the database now, locked until the transaction ends. Raises
        NotFound."""
        if (held := self.locked_records.get(id) if isinstance(id, str) else None) is not None:
            if (held.deleted_at is None or restoring) and isinstance(held, noun):
                if deleting and id not in self.ids_locked_for_deletion:
                    noun.lock_by_id(id, deleting=True)  # nobody may begin to refer to it any more
                    self.ids_locked_for_deletion.add(held.pk)
                return held
            raise noun.not_found(id)
        if isinstance(id, str):
            note_lock(noun, id)
        record = noun.lock_by_id(id, deleting=deleting, restoring=restoring)
        if deleting:
            self.ids_locked_for_deletion.add(record.pk)
        self._keep_locked(record)
        return record

    def lock_many(self, noun: type[N], ids: Iterable[str], *, deleting: bool = False) -> list[N]:
        """Returns these records as they are in the database now, in the order of their ids, locked until the
        transaction ends. Deleted ones are left out.

        All of them are noted before the first is locked: after a deadlock, the next attempt knows what to
        lock.
        """
        wanted = sorted(set(ids))
        for id in wanted:
            note_lock(noun, id)
        held = self.ids_locked_for_deletion if deleting else self.locked_records
        if missing := [id for id in wanted if id not in held]:
            for record in table_of(noun).lock_many(missing, deleting=deleting):
                if record.pk not in self.locked_records:
                    self._keep_locked(record)
                if deleting:
                    self.ids_locked_for_deletion.add(record.pk)
        there = (self.locked_records.get(id) for id in wanted)
        return [each for each in there if isinstance(each, noun) and each.deleted_at is None]

    def lock_in_order(self, ids: Iterable[str] = ()) -> None:
        """Lock the records that will certainly be written before anything else, so that two executions never
        wait for each other."""
        for noun, wanted in records_to_lock(ids):
            for record in table_of(noun).lock_many(wanted):
                self._keep_locked(record)

    def _keep_locked(self, record: Record) -> None:
        self.locked_records[record.pk] = record
        if record.deleted_at is None:
            self.known_ids.add(record.pk)
            columns = type(record).reference_columns
            self.known_ids.update(filter(None, (getattr(record, c) for c in columns)))

    def _run_body(self, verb: Verb, record: Record, values: Mapping[str, Any]) -> Record | None:
        # The answers to a record's own questions are no arguments of the body.
        values = {} if verb.asks else values
        machine = record.machine
        before: Any = getattr(record, machine.name) if machine else None
        if verb.declared_steps:
            refusals.refuse_unless_possible(verb, record)
            answer = getattr(record, verb.transition)(**values)
        else:
            answer = verb.body(record, **values)
        if machine and not record._state.adding and not verb.restores_values:
            after = getattr(record, machine.name)
            if after != before:
                record.reached = machine.reached_after_step(record.reached, before, after)
                record.after_move(before, after)
        return answer

    def _note_attempt(self, row: WaitingRow, problem: Exception) -> None:
        """Remember a row that the database refused. Its verb has failed, whichever statement made it be
        written."""
        if self.failure is None:
            self.attempted_record, self.attempted_by_hook = row.states[-1], row.depth > 1
            self.failure = problem

    def _save(self, record: Record) -> None:
        now = current_moment()
        if record._state.adding:
            self._begin(record, now)
            record.derive_columns()
            try:
                self._insert(record)
            except IntegrityError:
                self.attempted_record = copy.copy(record)
                self.attempted_by_hook = len(self.frames) > 1
                raise
            record.is_new = True
            self.locked_records[record.pk] = record
            self.known_ids.add(record.pk)
        else:
            # A record that this transaction has created before counts as found, not as new.
            record.is_new = record.is_new and len(self.frames) > 1
            record.version += 1
            # Versions are ordered by this moment, so it must never go back.
            record.updated_at = max(now, record.updated_at)
            record.derive_columns()
            self.waiting_rows.add(record, len(self.frames))
            if record.deleted_at is None:
                self.known_ids.add(record.pk)
            else:
                self.known_ids.discard(record.pk)

    def _begin(self, record: Record, now: datetime) -> None:
        """Set what every first version has."""
        record.version = 1
        record.created_at = record.updated_at = now
        record.created_by = self.actor.id

    def _insert(self, record: Record) -> None:
        record.insert()

    def _record_event(self, verb: Verb, record: Record, was: Record | None) -> Event:
        return self.append(
            name=verb.event,
            target=record.pk,
            target_type=verb.noun.__name__,
            version=record.version,
            data=record.as_json(),
            previous={} if was is None else record.said_before(was),
            timestamp=record.updated_at,
        )

    # -- events -----------------------------------------------------------------------------------

    def append(self, **what: Any) -> Event:
        """Add an event to this transaction, caused by the innermost running verb that has recorded one."""
        cause = next((f.event for f in reversed(self.frames) if f.event is not None), None)
        event = new_instance(
            events.Event,
            id=public_id(events.Event.prefix),
            tenant_id=self.tenant.pk,
            actor=self.actor.id,
            cause=cause.id if cause else self.cause,
            request_id=self.request_id,
            **what,
        )
        self.events.append(event)
        return event

    def flush(self) -> None:
        """Write the waiting rows, and all events so far in one statement."""
        self.waiting_rows.write_all()
        events.append_events(self.events[self.first_unwritten :])
        self.first_unwritten = len(self.events)

    def finish(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.flush()
        self.is_done = True

    def restore_shape(self, *, undone: bool) -> None:
        """If the transaction was rolled back, take back its changes to the tenant's shape."""
        if undone and self.tenant.shape != self.shape[0]:
            self.tenant.shape, shape = self.shape
            shapes.enter_shape(shape)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A block of verbs that is rolled back and forgotten if an exception leaves it."""
        self.flush()
        first = len(self.events)
        running = [(frame.record, dict(frame.record.__dict__)) for frame in self.frames]
        try:
            with transaction.atomic():
                yield
                self.flush()
        except Exception:
            del self.events[first:]
            self.first_unwritten, self.failure = first, None
            # Their state is that of the attempt, and locks that it took are released.
            self.locked_records.clear()
            self.ids_locked_for_deletion.clear()
            self.known_ids.clear()
            # The records of running verbs stay the same objects, and their rows stay locked.
            for record, untouched in running:
                record.__dict__.clear()
                record.__dict__.update(untouched)
                if record.pk is not None:  # a new record that was never inserted has no row to lock
                    self._keep_locked(record)
            raise

    @contextmanager
    def acted_by(self, actor: Actor) -> Iterator[None]:
        """Let ``actor`` execute the verbs in the block; their cause stays the same."""
        before, self.actor = self.actor, actor
        try:
            with actors.acting(actor):
                yield
        finally:
            self.actor = before

    @contextmanager
    def within(self, frame: RunningVerb) -> Iterator[None]:
        """Treat what is executed in the block as caused by ``frame``, like the verbs of a hook."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    # -- what went wrong --------------------------------------------------------------------------

    @property
    def is_callers_own(self) -> bool:
        """Whether the running verb was called by the caller and not by a hook."""
        return len(self.frames) == 1 or self.frames[-1].for_caller

    def is_set_by_verb(self, record: Record, field: str) -> bool:
        """Whether a running verb sets this read-only ``field`` of this record."""
        return any(field in f.verb.sets and f.record.pk == record.pk for f in self.frames)

    def violation(self, problem: DatabaseError) -> IntegrityError | None:
        """Returns the constraint violation that ended the transaction. A hook may have caught it and gone on:
        then ``problem`` only says that the transaction takes no more statements."""
        found = (each for each in (self.failure, problem) if isinstance(each, IntegrityError))
        return next(found, None)

    def integrity_conflict(self, problem: IntegrityError) -> HeadlesslyError:
        """Returns the error for a violated constraint of the database."""
        cause = problem.__cause__
        record = self.attempted_record
        if record is None or not isinstance(cause, postgres.UniqueViolation):
            return Conflict(
                _("This collides with another change made at the same moment. Try again.")
            )
        return record.duplicate_conflict(cause.diag.constraint_name or "")
