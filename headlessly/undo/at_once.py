"""Undo of a request in one transaction: everything it did to records is taken back, or stays for a reason.

Everything with one request id in the log is taken back together: a verb with the effects of its hooks, a
bulk, a script, an import, an undo. The log shows what was done since (:mod:`.plan`). The undo consists of
verbs in one transaction, caused by an event ``Request.Undone``:

- records that the request created are deleted, deleted ones are restored, merged ones are unmerged;
- fields get their former values by ``update``; by ``correct`` if only verbs set them, or the machine does not
  lead back.

Whoever may execute the verbs of a request may take back their own. Taking back another's also requires the
permissions for the verbs of the undo.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.context import clock, running
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.verbs import Verb
from headlessly.errors import Conflict, Forbidden, NotFound
from headlessly.execution import executor
from headlessly.execution.contention import retry_on_deadlock
from headlessly.execution.execution import Execution
from headlessly.execution.hook_context import RunningVerb
from headlessly.language import wording
from headlessly.log.events import Event, EventQuerySet, last_events_since
from headlessly.log.names import REQUEST_UNDONE, SECURITY
from headlessly.undo.plan import HIDDEN, Plan, Reason, RecordChange, unseen_ids
from headlessly.undo.steps import RecordUndone, UndoRefused, UndoSteps

#: The maximum number of events of a request that is taken back in one transaction, while somebody waits;
#: larger ones are taken back in the background (:mod:`headlessly.undo`).
MOST_EVENTS = 5_000
#: How often the rest is tried again after a verb has refused a part of it.
MOST_TRIES = 10


@dataclass(frozen=True)
class RecordStays:
    """A record that stays as it is, the reason, and the later event that is in the way, if there is one."""

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
    """The result of an undo: what was taken back of a request, and what stays."""

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
    """The subject of the only verb without a noun."""

    pk: str | None = None


def _undo_body(self: Any) -> None:
    """Take back a request."""


_undo_body.__name__ = "undo"
UNDO: Verb[Any, Any] = Verb(_undo_body)
UNDO.noun = cast(Any, Request)


def undo_request(id: Any, *, event: Any = None, dry_run: bool = False) -> RequestUndone:
    """Take back what the request ``id`` did; with ``event``, only that event and what it caused.

    Raises NotFound for a request that changed nothing here, Forbidden if the actor may not, and Conflict with
    ``stays`` if nothing can be taken back. The undo is one transaction, and has no effect a second time.
    """
    if running.current_execution() is not None:
        return _undo(id, event, dry_run)
    return retry_on_deadlock(lambda: _undo_alone(id, event, dry_run))


def check_request(id: Any) -> None:
    """Raise what :func:`undo_request` raises for a request that does not exist, or is not the actor's to take
    back."""
    check_permission(Plan(events_of_request(id)), id)


def _undo_alone(id: Any, event: Any, dry_run: bool) -> RequestUndone:
    with executor.one_transaction():
        return _undo(id, event, dry_run)


class _OnlyTried(Exception):
    """Ends a dry run and rolls it back."""

    def __init__(self, done: RequestUndone) -> None:
        self.done = done


def _undo(id: Any, event: Any, dry_run: bool) -> RequestUndone:
    execution = running.current_execution()
    try:
        with execution.attempt():
            done = _carry_out(execution, id, event, dry_run)
            if dry_run:
                raise _OnlyTried(done)
            return done
    except _OnlyTried as tried:
        return tried.done


# -- which request, and who may ---------------------------------------------------------------------


def events_of_request(id: Any, event: Any = None) -> list[Event]:
    """Returns the events of a request in order; with ``event``, that one and those it caused.

    Raises NotFound if there are none, Conflict if there are too many to take back at once.
    """
    events = log_of_request(id).order_by("seq")
    if event is not None:
        events = _from_event_on(events, event)
    found = list(events[: MOST_EVENTS + 1])
    if event is not None:
        found = _caused_by(event, found)
    if len(found) > MOST_EVENTS:
        raise Conflict(
            _("Request %(id)s left more than %(most)s events: that is not taken back at once.")
            % {"id": id, "most": f"{MOST_EVENTS:,}"},
            type="Request",
            id=id,
            code="too_many",
        )
    if not found:
        raise no_request(id) if event is None else no_event(id, event)
    if all(each.target is None for each in found):
        raise Conflict(
            _("Request %s only tracked events, and these stay in the log: nothing to take back.")
            % id,
            type="Request",
            id=id,
            code="only_tracked",
        )
    return found


def log_of_request(id: Any) -> EventQuerySet:
    """Returns the request's events about records; security events are not among them."""
    if not isinstance(id, str) or not id:
        return Event.log.none()
    return Event.log.filter(request_id=id[:65]).exclude(target_type=SECURITY)


def _count_events(id: Any) -> int:
    """Returns how many events a request has, without those about an undo of it."""
    return log_of_request(id).exclude(name=REQUEST_UNDONE).count()


def no_event(id: Any, event: Any) -> NotFound:
    said = _("Request %(id)s has no event %(event)s.")
    there = {"id": str(id)[:64], "event": str(event)[:64]}
    return NotFound(said % there, type="Event", id=there["event"], field="event")


def no_request(id: Any) -> NotFound:
    id = str(id)[:64]
    said = _(
        "Request %s changed no record here. What only read, exported or tried something, what changed "
        "settings, and what was refused, leaves nothing to take back."
    )
    return NotFound(said % id, type="Request", id=id)


def _from_event_on(events: EventQuerySet, event: Any) -> EventQuerySet:
    """Returns the events from one of them on; the events that it caused were recorded right after it."""
    first = events.filter(id=str(event)).values_list("seq", flat=True).first()
    return events.none() if first is None else events.filter(seq__gte=first)


def _caused_by(root: Any, found: Iterable[Event]) -> list[Event]:
    ids, chosen = {root}, []
    for event in found:
        if event.id in ids or event.cause in ids:
            ids.add(event.id)
            chosen.append(event)
    return chosen


def check_permission(plan: Plan, id: Any) -> set[str]:
    """Raise Forbidden if the actor may not take this back, and NotFound if they must not know of it.

    Returns the ids of records that the actor changed and no longer sees.
    """
    actor, roots = actors.current(), plan.roots
    own = all(event.actor == actor.id for event in roots)
    hidden = unseen_ids(plan.changes[event.target] for event in roots if event.target)
    if hidden and not own:
        raise no_request(id)
    known = (*plan.events, *plan.around)
    undoing = {event.id for event in known if event.name == REQUEST_UNDONE}
    for event in roots:
        assert event.target is not None
        noun = plan.changes[event.target].noun
        if own and event.cause in undoing and actor.writes:
            continue  # they took something back, and may take that back as well
        verb = noun.schema.verbs_by_event.get(event.name)
        _require(actor, verb.name if verb is not None and not verb.corrects else "update", noun)
    return hidden


def _require(actor: Actor, verb: str, noun: type[Record]) -> None:
    if not actors.may(actor, verb, noun):
        raise Forbidden(
            wording.fill(
                _("As %(role)s you may not %(verb)s a %(noun)s, and so not take this back."),
                {
                    "role": wording.role_in_error(actor.role),
                    "verb": labels.verb_in_error(verb, noun) if verb in noun.verbs else verb,
                    "noun": labels.noun_in_error(noun),
                },
            ),
            type=noun.__name__,
        )


def require_what_it_takes(plan: Plan) -> None:
    """Raise Forbidden if taking back another's request requires verbs that the actor may not execute."""
    actor = actors.current()
    if all(event.actor == actor.id for event in plan.roots):
        return
    for change in plan.possible:
        verb = "delete" if change.goes else "restore" if change.returns else "update"
        if verb in change.noun.verbs:
            _require(actor, verb, change.noun)


# -- doing it ---------------------------------------------------------------------------------------


class _MoreSince(Exception):
    """The request has more events than were read, because a rule that follows it has just run."""


def _carry_out(execution: Execution, id: str, event: Any, dry_run: bool) -> RequestUndone:
    """Take back what can be; records for which a verb refuses stay, and the rest is tried again."""
    gone_from_sight = Reason(HIDDEN, _("You do not see it any more."))
    plan: Plan | None = None
    refused: dict[str, Reason] = {}
    for _try in range(MOST_TRIES):
        if plan is None:
            count = _count_events(id)
            plan = Plan(events_of_request(id, event))
            refused |= dict.fromkeys(check_permission(plan, id), gone_from_sight)
        try:
            with execution.attempt():
                return _try_once(execution, plan, id, refused, dry_run, count)
        except UndoRefused as problem:
            refused |= problem.reasons
        except _MoreSince:
            plan = None
    raise Conflict(_("This cannot be taken back now. Try again."), type="Request", id=id)


def _try_once(
    execution: Execution,
    plan: Plan,
    id: str,
    refused: dict[str, Reason],
    dry_run: bool,
    count: int,
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
        plan.lock_records(execution)
        if _count_events(id) != count:
            raise _MoreSince
        plan.judge(refused)
        require_what_it_takes(plan)
        done.undone = UndoSteps(execution, plan).take()
        done.stays = staying_with_reasons(plan)
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


# -- what is told of it -----------------------------------------------------------------------------


def staying_with_reasons(plan: Plan) -> list[RecordStays]:
    """Returns the records that stay, with the last event that is in the way."""
    in_the_way = last_events_since(
        [
            {"target": c.id, "seq": c.events[-1].seq, "fields": list(c.stays.fields)}
            for c in plan.staying
            if c.stays is not None and c.stays.code in ("changed", "deleted")
        ]
    )
    found = []
    for change in plan.staying:
        assert change.record is not None and change.stays is not None
        since = in_the_way.get(change.id)
        found.append(RecordStays(change.noun, change.id, change.name, change.stays, since))
    return found


def _hide_unseen(done: RequestUndone) -> None:
    """Leave out records that the actor does not see: they changed only as an effect of the actor's verbs."""
    unseen = unseen_ids([*done.undone, *done.stays])
    done.undone = [each for each in done.undone if each.id not in unseen]
    done.stays = [e for e in done.stays if e.id not in unseen or e.reason.code == HIDDEN]
