"""Watched lists and the log: checks the records that events changed, and those that refer to them.

Lists are checked as they are when the job runs: a record that came and went before that was never in them.
A commit only defers the job. If that gets lost, :mod:`.from_clock` finds out within a minute.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction

from headlessly.access.models import Tenant
from headlessly.background import log_reading
from headlessly.background.jobs import job
from headlessly.context import clock
from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.log.names import VIEW_EVENTS
from headlessly.subscriptions import members
from headlessly.subscriptions.following import renew
from headlessly.subscriptions.members import Cause, ListQuestion
from headlessly.subscriptions.models import WatchedList

#: If more records than this refer to the changed ones, the whole list is compared in another transaction.
MOST_ASKED = 2_000

COLUMNS = ("id", "name", "target", "target_type", "actor", "previous", "request_id")


def look_after_append(tenant: Tenant, events: Sequence[Event], **_: Any) -> None:
    """Receives the log's signal: after the commit, defers the check of the changed records."""
    if tenant.has_watched_views and any(_touches(e.name, e.target_type) for e in events):
        transaction.on_commit(partial(defer_reading, tenant), robust=True)


def _touches(name: str, target_type: str | None) -> bool:
    return target_type in registry and name not in VIEW_EVENTS


def defer_reading(tenant: Tenant, *, in_seconds: float = 0) -> None:
    """Defers the reading of a tenant's log. Call it after the commit, or the job may read too early."""
    log_reading.defer_reading(read_log, "subscriptions", tenant, in_seconds=in_seconds)


@job("subscriptions.read_log")
def read_log() -> None:
    """Writes and tells which records entered or left watched lists since the last time."""
    log_reading.read_pages(_read_page, defer_reading)


def _read_page(tenant: Tenant) -> tuple[bool, bool]:
    """Reads one page of the log. Returns the result of :meth:`LogReader.move_past`."""
    reader = members.lock_reader(tenant)
    page = reader.next_events(COLUMNS)
    if touched := [event for event in page if _touches(event.name, event.target_type)]:
        causes = _causes(touched)
        for each in members.watched_lists(tenant):
            _ask(each, touched, causes)
    return reader.move_past(page)


def _causes(events: Iterable[Any]) -> dict[str, Cause]:
    """Returns the cause of each record's state: the first event of the last request that changed it. What
    followed from that by itself, by a rule or a hook, is no cause of its own."""
    found: dict[str, Cause] = {}
    for event in events:
        known = found.get(event.target)
        if known is None or known.request_id != event.request_id:
            found[event.target] = Cause(event.id, event.actor, event.request_id)
    return found


def _ask(each: WatchedList, events: Sequence[Any], causes: Mapping[str, Cause]) -> None:
    """Checks the changed records for one list."""
    if each.view.noun not in registry:
        return
    with members.stopping_at_problems(each):
        if each.problem:
            return  # the clock checks whether it works again
        if each.query != each.view.query:
            if not renew(each):
                members.stop_watching(each, members.TOO_MANY)
            return
        question = ListQuestion.of_list(each)
        asked = _asked(question, events)
        if asked is None:
            WatchedList.objects.filter(pk=each.pk, tenant=each.tenant_id).update(due_at=clock.now())
            return
        by_record = {id: causes[by] for id, by in asked.items() if by in causes}
        members.compare_members(each, list(asked), by_record, question)


def _asked(question: ListQuestion, events: Sequence[Any]) -> dict[str, str] | None:
    """Returns the records that may have come or gone, each with the changed record that is the reason;
    None if there are too many to check one by one."""
    by_noun: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        by_noun[event.target_type].append(event)
    noun, reach = question.noun, question.reach
    found: dict[str, str] = {}
    for name, paths in reach.paths.items():
        if ids := {event.target for event in by_noun.get(name, ())}:
            for path in sorted(paths):
                behind = noun.objects.filter(**{f"{path}__in": ids}).order_by()
                found |= dict(behind.values_list("pk", path)[: MOST_ASKED + 1])
    for name, columns in reach.sides.items():
        for column in sorted(columns):
            found |= _referred_to(name, column, by_noun.get(name, ()))
    if len(found) > MOST_ASKED:
        return None
    return found | {event.target: event.target for event in by_noun.get(noun.__name__, ())}


def _referred_to(name: str, column: str, events: Sequence[Any]) -> dict[str, str]:
    """Returns the records that these refer to, or did before."""
    if not events:
        return {}
    other = registry[name]
    ids = {event.target for event in events}
    now = other.with_deleted.filter(pk__in=ids, **{f"{column}__isnull": False})
    wire = next((f.wire for f in other.schema.stored if column in (f.name, f.column)), column)
    before = {
        event.previous[wire]: event.target
        for event in events
        if event.previous and isinstance(event.previous.get(wire), str)
    }
    return before | dict(now.values_list(column, "pk"))
