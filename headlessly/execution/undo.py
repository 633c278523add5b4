"""Taking back a request: all that it did to records, by verbs, or what of it stays and why.

Everything that has one request id in the log is taken back together: a verb with what its hooks caused, a
bulk, a script, an import, an undo. What is there since is found by the log (:mod:`.undo_plan`); what is done
about it are verbs in one transaction, caused by one event of their own, ``Request.Undone``:

- what the request made is deleted, what it deleted is restored, what it merged is unmerged;
- fields get their former values by ``update``; where only verbs set them, or the machine does not lead back,
  by ``correct``.

Who may do the verbs of a request may take back their own; another's, who may also do what that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.access.actors import Actor
from headlessly.context import clock, running
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.values import UNSTORABLE
from headlessly.declaration.verbs import Verb
from headlessly.errors import Conflict, Forbidden, HeadlesslyError, NotFound
from headlessly.execution import executor
from headlessly.execution.executor import Execution, RunningVerb
from headlessly.execution.undo_plan import Plan, Reason, RecordChange
from headlessly.language import wording
from headlessly.log.events import Event
from headlessly.log.names import REQUEST_UNDONE

#: The most events of a request that is taken back, in one transaction and while somebody waits.
MOST_EVENTS = 5_000
#: How often the rest is tried when a verb refuses a part of it.
MOST_TRIES = 10


@dataclass(frozen=True)
class RecordUndone:
    """A record of which something was taken back, by the verb with this event."""

    noun: type[Record]
    id: str
    name: str
    event: str

    def as_json(self) -> dict[str, Any]:
        return {"type": self.noun.__name__, "id": self.id, "name": self.name, "event": self.event}


@dataclass(frozen=True)
class RecordStays:
    """A record that stays as it is, why, and the event since that is in the way, where it is one."""

    noun: type[Record]
    id: str
    name: str
    reason: Reason
    since: Event | None = None

    def as_json(self) -> dict[str, Any]:
        since = self.since
        return {
            "type": self.noun.__name__,
            "id": self.id,
            "name": self.name,
            "reason": self.reason.code,
            "message": self.reason.message,
            "fields": list(self.reason.fields),
            "since": None
            if since is None
            else {
                "event": since.id,
                "name": since.name,
                "actor": since.actor,
                "timestamp": since.timestamp,
                "requestId": since.request_id,
            },
        }


@dataclass
class RequestUndone:
    """What was taken back of a request, and what stays."""

    request: str
    undone: list[RecordUndone] = field(default_factory=list)
    stays: list[RecordStays] = field(default_factory=list)
    tracked: int = 0  #: tracked events of the request, which stay in the log
    event: str | None = None  #: the id of the event ``Request.Undone``
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "$type": "Undo",
            "request": self.request,
            "event": None if self.dry_run else self.event,
            "dryRun": self.dry_run,
            "undone": [each.as_json() for each in self.undone],
            "stays": [each.as_json() for each in self.stays],
            "trackedEvents": self.tracked,
        }


class Request:
    """What was asked at once: the subject of the one verb that no noun has."""

    pk: str | None = None


def _undo_body(self: Any) -> None:
    """Take back a request."""


_undo_body.__name__ = "undo"
UNDO: Verb[Any, Any] = Verb(_undo_body)
UNDO.noun = cast(Any, Request)


def undo_request(id: Any, *, event: Any = None, dry_run: bool = False) -> RequestUndone:
    """Take back what the request ``id`` did; with ``event`` one event of it alone, and what that caused.

    Raises NotFound for a request that changed nothing here, Forbidden for who may not, and Conflict with
    ``stays`` where nothing of it can be taken back. What can is taken back in one transaction, once.
    """
    if running.current_execution() is not None:
        return _undo(id, event, dry_run)
    return executor.retry_on_deadlock(lambda: _undo_alone(id, event, dry_run))


def _undo_alone(id: Any, event: Any, dry_run: bool) -> RequestUndone:
    with executor.one_transaction():
        return _undo(id, event, dry_run)


class _OnlyTried(Exception):
    """Ends a dry run, and undoes it."""

    def __init__(self, done: RequestUndone) -> None:
        self.done = done


def _undo(id: Any, event: Any, dry_run: bool) -> RequestUndone:
    execution = executor.current_execution()
    plan = Plan(events_of_request(id, event))
    hidden = _check_permission(plan, id)
    try:
        with execution.attempt():
            done = _carry_out(execution, plan, id, hidden, dry_run)
            if dry_run:
                raise _OnlyTried(done)
            return done
    except _OnlyTried as tried:
        return tried.done


# -- which request, and who may ---------------------------------------------------------------------


def events_of_request(id: Any, event: Any = None) -> list[Event]:
    """The events of a request in their order; of one event, that and those which it caused.

    Raises NotFound where there are none, Conflict where there are more than are taken back at once.
    """
    found: list[Event] = []
    if isinstance(id, str) and id and not UNSTORABLE.search(id):
        events = Event.log.filter(request_id=id[:65]).order_by("seq")
        found = list(events[: MOST_EVENTS + 1])
    if len(found) > MOST_EVENTS:
        raise Conflict(
            _("Request %(id)s left more than %(most)s events: that is not taken back at once.")
            % {"id": id, "most": f"{MOST_EVENTS:,}"},
            type="Request",
            id=id,
            code="too_many",
        )
    if event is not None:
        found = _caused_by(event, found)
    if not found:
        raise _no_request(id)
    if all(each.target is None for each in found):
        raise Conflict(
            _("Request %s only tracked events, and these stay in the log: nothing to take back.")
            % id,
            type="Request",
            id=id,
            code="only_tracked",
        )
    return found


def _no_request(id: Any) -> NotFound:
    id = str(id)[:64]
    said = _(
        "Request %s changed no record here. What only read, exported or tried something, and what was "
        "refused, leaves nothing to take back."
    )
    return NotFound(said % id, type="Request", id=id)


def _caused_by(root: Any, found: Iterable[Event]) -> list[Event]:
    ids, chosen = {root}, []
    for event in found:
        if event.id in ids or event.cause in ids:
            ids.add(event.id)
            chosen.append(event)
    return chosen


def _check_permission(plan: Plan, id: Any) -> set[str]:
    """Raise Forbidden for who may not take this back, NotFound for who is to know nothing of it.

    Answers the ids of the records that the actor did something to and does not see any more.
    """
    actor, roots = actors.current(), plan.roots
    own = all(event.actor == actor.id for event in roots)
    hidden: set[str] = set()
    if visibility.visible_owner_of_actor() is not None:
        for noun, ids in _by_noun(plan.changes[e.target] for e in roots if e.target).items():
            hidden |= visibility.invisible_ids(noun, ids)
        if hidden and not own:
            raise _no_request(id)
    undoing = {event.id for event in plan.events if event.name == REQUEST_UNDONE}
    for event in roots:
        assert event.target is not None
        noun = plan.changes[event.target].noun
        if own and event.cause in undoing and actor.writes:
            continue  # they took something back, and may take that back as well
        verb = noun.schema.verbs_by_event.get(event.name)
        _require(actor, verb.name if verb is not None and not verb.corrects else "update", noun)
    return hidden


def _by_noun(changes: Iterable[RecordChange]) -> dict[type[Record], list[str]]:
    found: dict[type[Record], list[str]] = {}
    for change in changes:
        found.setdefault(change.noun, []).append(change.id)
    return found


def _require(actor: Actor, verb: str, noun: type[Record]) -> None:
    if not actors.may(actor, verb, noun):
        raise Forbidden(
            _("As %(role)s you may not %(verb)s a %(noun)s, and so not take this back.")
            % {
                "role": wording.role_in_error(actor.role),
                "verb": labels.verb_in_error(verb, noun) if verb in noun.verbs else verb,
                "noun": labels.noun_in_error(noun),
            },
            type=noun.__name__,
        )


def _require_what_it_takes(plan: Plan) -> None:
    """Raise Forbidden where taking back another's request takes more than the actor may."""
    actor = actors.current()
    if all(event.actor == actor.id for event in plan.roots):
        return
    for change in plan.possible:
        verb = "delete" if change.goes else "restore" if change.returns else "update"
        if verb in change.noun.verbs:
            _require(actor, verb, change.noun)


# -- doing it ---------------------------------------------------------------------------------------


def _carry_out(
    execution: Execution, plan: Plan, id: str, hidden: set[str], dry_run: bool
) -> RequestUndone:
    """Take back what can be; whatever a verb refuses stays, and then the rest is tried again."""
    gone_from_sight = Reason("hidden", _("You do not see it any more."))
    refused = dict.fromkeys(hidden, gone_from_sight)
    for _try in range(MOST_TRIES):
        try:
            with execution.attempt():
                return _try_once(execution, plan, id, refused, dry_run)
        except _Refused as problem:
            refused |= problem.reasons
    raise Conflict(_("This cannot be taken back now. Try again."), type="Request", id=id)


class _Refused(Exception):
    """A verb has refused: these records stay, and what depends on them is to be found anew."""

    def __init__(self, reasons: dict[str, Reason]) -> None:
        self.reasons = reasons


def _try_once(
    execution: Execution, plan: Plan, id: str, refused: dict[str, Reason], dry_run: bool
) -> RequestUndone:
    event = execution.append(
        name=REQUEST_UNDONE,
        target=None,
        target_type=None,
        version=None,
        data={"request": id},
        previous=None,
        timestamp=clock.now(),
    )
    done = RequestUndone(id, tracked=plan.tracked, event=event.id, dry_run=dry_run)
    with execution.within(RunningVerb(UNDO, cast(Any, Request()), event)):
        plan.changes = {k: RecordChange(c.noun, k, c.events) for k, c in plan.changes.items()}
        plan.hold(execution)
        plan.judge(refused)
        _require_what_it_takes(plan)
        done.undone = Steps(execution, plan).take()
        done.stays = _explain(plan)
    if not done.undone:
        raise _nothing_to_take_back(done)
    _hide_unseen(done)
    return done


def _nothing_to_take_back(done: RequestUndone) -> Conflict:
    _hide_unseen(done)
    if done.stays:
        said = _("Nothing of this can be taken back: %s") % done.stays[0].reason.message
        stays = [each.as_json() for each in done.stays]
        return Conflict(said, type="Request", id=done.request, code="stays", stays=stays)
    said = _("This has been taken back already, or it is as it was before.")
    return Conflict(said, type="Request", id=done.request, code="as_it_was", stays=[])


class Steps:
    """The verbs that take back what a plan says, in an order in which each is possible."""

    def __init__(self, execution: Execution, plan: Plan) -> None:
        self.execution, self.plan = execution, plan
        self.possible = plan.possible
        self.refused: dict[str, Reason] = {}
        self.events: dict[str, str] = {}  #: the last event of each record
        self.changed: set[str] = set()
        self.gone: set[str] = set()

    def take(self) -> list[RecordUndone]:
        """Execute them. Raises _Refused when one is refused, after all have been tried."""
        returning = {c.id for c in self.possible if c.returns}
        # A unique value is given up before it comes back with the record that had it, and is taken again
        # after the record is gone that has it.
        regained = {c.id: self._unique_values(c) for c in self.possible if not c.returns}
        for change in self._backwards():
            if regained.get(change.id) == {None} and not _needs(change, returning):
                self._change(change)
        self._let_go()
        for change in self._returning(returning):
            self._bring_back(change)
        later = {id for id, values in regained.items() if values - {None}}
        for change in self._backwards():
            if change.id not in later:
                self._change(change)
        self._let_go()
        for change in self._backwards():
            self._change(change)
        self._let_go()
        self._let_circles_go()
        if self.refused:
            raise _Refused(self.refused)
        names = {c.id: str(c.record) for c in self.possible}
        return [
            RecordUndone(c.noun, c.id, names[c.id], self.events[c.id])
            for c in self.possible
            if c.id in self.events
        ]

    def _returning(self, waiting: set[str]) -> Iterator[RecordChange]:
        """What comes back: first what others refer to, then these."""
        left = [change for change in self.possible if change.returns]
        waiting = set(waiting)
        while left:
            columns = {c.id: {getattr(c.record, n) for n in c.noun.reference_columns} for c in left}
            ready = [c for c in left if not (columns[c.id] - {c.id}) & waiting] or left
            yield from ready
            waiting -= {change.id for change in ready}
            left = [change for change in left if change.id in waiting]

    def _backwards(self) -> list[RecordChange]:
        return sorted(self.possible, key=lambda c: c.events[-1].seq or 0, reverse=True)

    def _unique_values(self, change: RecordChange) -> set[Any]:
        """The values that the unique fields which the request changed get again."""
        changed = change.changed.items()
        return {before for wire, (before, _after) in changed if self._field(change, wire).unique}

    @staticmethod
    def _field(change: RecordChange, wire: str) -> Any:
        return change.noun.schema.fields[wire]

    def _perform(self, change: RecordChange, verb: Verb, data: dict[str, Any]) -> bool:
        """Execute a verb on the record; whether it did something. A refusal is remembered."""
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
        """Let a unique value that somebody else has now be a refusal, and not the end of the transaction."""
        if not change.noun.unique_fields:
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
            return  # with what it belongs to
        merged = change.presence[-1].merges
        noun = change.noun
        self._perform(change, noun.corrections["unmerge"] if merged else noun.verbs["restore"], {})

    def _change(self, change: RecordChange) -> None:
        """Give the fields that the request changed their former values."""
        if change.goes or change.id in self.changed:
            return
        self.changed.add(change.id)
        fields = {wire: self._field(change, wire) for wire in change.changed}
        now = change.now
        back = {
            wire: before
            for wire, (before, after) in change.changed.items()
            if now.get(wire) == after  # the moments that went on by themselves stay
        }
        if not back:
            return
        if all(_is_plain(change.noun, field) for field in fields.values()):
            self._perform(change, change.noun.__dict__["update"], back)
        elif change.has_gap:
            said = _("Others changed it in between.")
            self.refused[change.id] = Reason("changed", said, tuple(back))
        else:
            versions = {"before": change.first - 1, "after": change.last}
            self._perform(change, change.noun.corrections["correct"], versions)

    def _let_go(self) -> None:
        """Delete what goes and what nothing refers to by now, the latest first, as often as that helps."""
        while True:
            free = [
                change
                for change in self._backwards()
                if change.goes
                and change.id not in self.gone
                and all(map(self._lets_go, self.plan.referrers.get(change.id, ())))
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
            return  # with what it belonged to
        if not change.created and change.presence[0].corrects:
            versions = {"before": change.first - 1, "after": change.last}
            self._perform(change, change.noun.corrections["remerge"], versions)
            return
        if held is not None:
            held.is_unreferred = True
        self._perform(change, change.noun.verbs["delete"], {})

    def _let_circles_go(self) -> None:
        """Delete what is left: records that refer to each other."""
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


def _is_plain(noun: type[Record], field: Any) -> bool:
    """Whether ``update`` gives the field back exactly the value that it had."""
    schema = noun.schema
    hidden = {column.name for column in schema.followers}
    hidden |= {each.day_if for each in schema.day_moments}
    return not (field.read_only or field.moves or field.name in hidden)


def _needs(change: RecordChange, returning: set[str]) -> bool:
    """Whether the record would refer again to one that has to come back first."""
    return any(
        isinstance(before, str) and before in returning
        for before, _after in change.changed.values()
    )


# -- what is told of it -----------------------------------------------------------------------------


def _explain(plan: Plan) -> list[RecordStays]:
    """What stays, with the last event since that is in the way."""
    found = []
    for change in plan.staying:
        assert change.record is not None and change.stays is not None
        since = None
        if change.stays.code in ("changed", "deleted"):
            later = Event.log.filter(target=change.id, seq__gt=change.events[-1].seq)
            if change.stays.fields:
                later = later.filter(previous__has_any_keys=list(change.stays.fields))
            since = later.order_by("-seq").first()
        found.append(RecordStays(change.noun, change.id, str(change.record), change.stays, since))
    return found


def _hide_unseen(done: RequestUndone) -> None:
    """Leave out the records that the actor does not see: what was done to them they caused, no more."""
    if visibility.visible_owner_of_actor() is None:
        return
    nouns: dict[type[Record], list[str]] = {}
    for each in (*done.undone, *done.stays):
        nouns.setdefault(each.noun, []).append(each.id)
    unseen = {id for noun, ids in nouns.items() for id in visibility.invisible_ids(noun, ids)}
    done.undone = [each for each in done.undone if each.id not in unseen]
    done.stays = [e for e in done.stays if e.id not in unseen or e.reason.code == "hidden"]
