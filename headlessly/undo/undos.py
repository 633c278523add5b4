"""Requests for an undo: a small one is done at once, a large one in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy, visibility
from headlessly.context import clock, tracing
from headlessly.declaration.registry import registry
from headlessly.declaration.values import is_storable
from headlessly.errors import Conflict, NotFound
from headlessly.ids import public_id
from headlessly.log.events import Event
from headlessly.log.names import REQUEST_UNDONE
from headlessly.undo import at_once
from headlessly.undo.at_once import RequestUndone, log_of_request, undo_request
from headlessly.undo.models import Undo
from headlessly.undo.partial_plan import PartialPlan, causes_of
from headlessly.undo.plan import HIDDEN
from headlessly.undo.undo_job import take_back_in_background, tell_whose_it_is

#: Raises Conflict for a request that is still being worked on; higher layers register these.
Refusal = Callable[[str], None]
_refusals: list[Refusal] = []

#: How many events of a large request are checked at once for whether the actor may take it back. The job
#: checks all of them before it takes anything back.
LOOKED_AT = 500


def take_back(id: Any, *, event: Any = None, dry_run: bool = False) -> RequestUndone | Undo:
    """Take back what the request ``id`` did, like :func:`headlessly.undo.at_once.undo_request`. A large
    request, unless only an ``event`` of it is meant, is taken back in the background, and its progress is
    returned.

    A second call while it is running returns the same undo. Raises what the other function raises.
    """
    _refuse_while_at_work(id)
    if event is not None or not is_large(id):
        return undo_request(id, event=event, dry_run=dry_run)
    _check_permission(id)
    at_work = Undo.objects.filter(request=id, dry_run=dry_run, status__in=Undo.UNFINISHED)
    if (found := at_work.first()) is not None:
        return _continue(found)
    with tracing.request_id_scope() as request_id:
        try:
            with transaction.atomic():
                undo = Undo.objects.create(
                    id=public_id(Undo.prefix),
                    tenant=tenancy.require(),
                    request=id,
                    dry_run=dry_run,
                    request_id=request_id,
                    language=translation.get_language() or "en",
                    created_at=clock.now(),
                    created_by=actors.current().id,
                )
                _put_in_line(undo)
        except IntegrityError:  # somebody else has just requested the same
            if (found := at_work.first()) is None:
                raise _at_work() from None
            return _continue(found)
    return undo


def refuses_undo(refuse: Refusal) -> Refusal:
    """Register a function that refuses the undo of a request while something that it began is still
    running."""
    _refusals.append(refuse)
    return refuse


def cancel_undo(id: str) -> Undo:
    """Stop an undo in the background; what was taken back by then remains so. Raises NotFound, and Conflict
    if it is over."""
    with transaction.atomic():
        get_undo(id)
        undo = Undo.lock_unfinished(id, "LargeUndo")
        stopped = _("It was stopped. What was taken back by then stays taken back.")
        undo.end(Undo.Status.CANCELLED, stopped)
        undo.save(update_fields=["status", "finished_at", "message"])
        tell_whose_it_is(undo, actors.current().id)
        # The job deletes the notes about its records, however many there are.
        _put_in_line(undo)
    return undo


def _put_in_line(undo: Undo) -> None:
    take_back_in_background.defer(
        undo=undo.pk, lock=f"undos of {undo.tenant_id}", once=f"undo {undo.pk}"
    )


def _continue(found: Undo) -> Undo:
    """Returns a running undo to somebody who may see it, and defers its job in case no worker has it. Raises
    Conflict for others."""
    if Undo.find_visible(found.pk) is None:
        raise _at_work()
    _put_in_line(found)
    return found


def _at_work() -> Conflict:
    return Conflict(_("Somebody is taking this back already."), type="Request")


def check_may_take_back(id: Any) -> None:
    """Raise what :func:`take_back` raises for a request that does not exist, or is not the actor's to take
    back."""
    if is_large(id):
        _check_permission(id)
        return
    try:
        at_once.check_request(id)
    except NotFound:
        _refuse_while_at_work(id)  # its effects may still be to come
        raise


def is_large(id: Any) -> bool:
    """Whether a request has too many events to be taken back at once."""
    return log_of_request(id)[: at_once.MOST_EVENTS + 1].count() > at_once.MOST_EVENTS


def get_undo(id: str) -> Undo:
    """Returns a background undo that the actor may see. Raises NotFound."""
    if (found := Undo.find_visible(id)) is None:
        said = _("There is no undo %s.") % id[:64]
        raise NotFound(said, type="LargeUndo", id=id[:64])
    return found


def staying_records(undo: Undo) -> models.QuerySet[Any]:
    """Returns the records that stay, in the order of their changes. Only those that the actor sees, or that
    stay because the actor no longer sees them."""
    found = undo.records.filter(state="stays", told=True)  # type: ignore[attr-defined]
    if visibility.visible_owner() is not None:
        seen = Q(code=HIDDEN)
        for noun in (registry[name] for name in undo.by_type if name in registry):
            there = Q(Exists(noun.with_deleted.filter(pk=OuterRef("record"))))
            seen |= Q(type=noun.__name__) & (there if noun.schema.is_limited else Q())
        found = found.filter(seen)
    return found.order_by("first", "pk")


def last_undo_of(request: str) -> Undo | None:
    """Returns the last background undo of a request that the actor may see, without dry runs."""
    return Undo.visible().filter(request=request, dry_run=False).first()


@dataclass(frozen=True)
class TakenBack:
    """When some of a request was taken back at once, and how many records that were."""

    at: datetime
    records: int


def taken_back_of(requests: Iterable[str]) -> dict[str, TakenBack]:
    """Returns what was taken back of each of these requests, unless that undo was undone again."""
    undone = Event.log.filter(name=REQUEST_UNDONE)
    last = {
        e.data["request"]: e for e in undone.filter(data__request__in=[*requests]).order_by("seq")
    }
    redone = undone.filter(data__request__in=[event.request_id for event in last.values()])
    again = {event.data["request"] for event in redone}
    return {
        request: TakenBack(event.timestamp, _records_of(event))
        for request, event in last.items()
        if event.request_id not in again
    }


def _records_of(undo: Event) -> int:
    caused = Event.log.filter(request_id=undo.request_id, cause=undo.id, target__isnull=False)
    return caused.order_by().values("target").distinct().count()


def _check_permission(id: str) -> None:
    """Raise Forbidden or NotFound if the actor may not take back some events of the request."""
    some = log_of_request(id).filter(target__isnull=False)
    events = list(some.defer("data", "previous")[:LOOKED_AT])
    at_once.check_permission(PartialPlan(events, around=causes_of(events, id)), id)


def _refuse_while_at_work(id: Any) -> None:
    """Raise Conflict for a request that is still being worked on, by an undo or as a higher layer knows,
    because its effects are not complete."""
    if not isinstance(id, str) or not is_storable(id):
        return
    if Undo.objects.filter(request_id=id, status__in=Undo.UNFINISHED, dry_run=False).exists():
        said = _("This is still at work. Take it back when it is done.")
        raise Conflict(said, type="Request", id=id, code="at_work")
    for refuse in _refusals:
        refuse(id)
