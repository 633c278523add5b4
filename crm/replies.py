"""What makes a reply wait, and what settles it.

A reply waits from the first activity that came from the other side and that nobody has answered since. It is
settled by a completed activity of ours that is not just a note (``Activity.settles``), by a move to
Contacted, by the end of the record, or by ``settle``. What a rule does answers nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from crm.first_touches import by_people
from crm.models import Activity, Deal, Lead
from crm.models.lead import RULES
from crm.models.replies import FIELD
from headlessly.access import actors
from headlessly.errors import NotFound
from headlessly.execution import executor
from headlessly.execution.executor import Context
from headlessly.log.events import Event

INBOUND = Activity.Direction.INBOUND
#: The fields of an activity that, with the record, decide whether a reply waits.
DECIDES = ("direction", "type")


def answerable_references() -> Iterator[Any]:
    """Yields the references of an activity to records with which a reply may wait."""
    for name in Activity.Surface.about:
        reference = Activity.schema.by_name[name]
        if FIELD in reference.target_noun.schema.by_name:
            yield reference


@Activity.completed
@Activity.logged
@Activity.sent
def note_what_came_or_went(activity: Activity, ctx: Context) -> None:
    """What came from them waits for an answer; what went to them is one."""
    moment = activity.completed_at or activity.moment()
    settles = activity.settles(by_rule=actors.current().id.startswith(RULES))
    if not settles and activity.direction != INBOUND:
        return
    for reference in answerable_references():
        id = getattr(activity, reference.column)
        if id is None:
            continue
        record = ctx.lock(reference.target_noun, id)
        is_latest = record.last_activity_at is None or record.last_activity_at <= moment
        if not is_latest:  # an activity of the past, recorded late
            _write(record, _counted(record, reference.name, activity))
        elif settles:
            _write(record, None)
        elif record.is_open:
            _write(record, record.reply_waiting_since or moment)


@Activity.updated
def look_again_at_what_changed(activity: Activity, ctx: Context) -> None:
    """Whoever says late that it came from them, or with whom it was, says that of all records it is about."""
    previous = (ctx.event.previous or {}) if ctx.event is not None else {}
    if activity.completed_at is None:
        return
    decides = any(Activity.schema.by_name[name].wire in previous for name in DECIDES)
    for reference in answerable_references():
        ids = {previous.get(reference.wire)} if reference.wire in previous else set()
        if decides or ids:
            ids.add(getattr(activity, reference.column))
        _look_again(reference, ids, activity, ctx)


@Activity.deleted
@Activity.restored
def look_again_at_what_went(activity: Activity, ctx: Context) -> None:
    """What is gone neither waits nor answers."""
    if activity.completed_at is not None:
        for reference in answerable_references():
            _look_again(reference, {getattr(activity, reference.column)}, activity, ctx)


def note_return(record: Lead | Deal, ctx: Context) -> None:
    """Note that somebody came back by another way than an activity, such as a form."""
    held: Any = ctx.lock(type(record), record.pk)
    if held.is_open and held.reply_waiting_since is None:
        _write(held, held.moment())


@Lead.converted
def let_it_wait_with_the_deal(lead: Lead, ctx: Context) -> None:
    """What waited with the lead waits with what it became."""
    previous = (ctx.event.previous or {}) if ctx.event is not None else {}
    since = previous.get(Lead.schema.by_name[FIELD].wire)
    if since is None or lead.deal_id is None:
        return
    deal = ctx.lock(Deal, lead.deal_id)
    known = deal.reply_waiting_since
    if deal.is_open and (known is None or since < known):
        _write(deal, since)


@Lead.merged
def let_it_wait_with_the_successor(merged: Lead, ctx: Context) -> None:
    """What waited with a lead waits with the one that it became, unless they were answered there since."""
    since, successor = merged.reply_waiting_since, ctx.lock(Lead, ctx.input["into"].pk)
    known = successor.reply_waiting_since
    if since is None or not successor.is_open or (known is not None and known <= since):
        return
    done = Activity.objects.filter(lead=successor.pk, status=Activity.Status.COMPLETED)
    if (answered := _answered(successor, done)) is None or answered < since:
        _write(successor, since)


def _look_again(reference: Any, ids: set[Any], activity: Activity, ctx: Context) -> None:
    for id in sorted(filter(None, ids)):
        try:
            record = ctx.lock(reference.target_noun, id)
        except NotFound:
            continue
        _write(record, _counted(record, reference.name, activity))


def _counted(record: Any, name: str, activity: Activity) -> datetime | None:
    """Returns since when a reply waits by a record's activities, or None.

    A reply that came by another way than an activity goes on waiting.
    """
    if not record.is_open:
        return None
    done: QuerySet[Any] = Activity.objects.filter(
        **{name: record.pk}, status=Activity.Status.COMPLETED
    )
    answered = _answered(record, done)
    theirs = done.filter(direction=INBOUND).order_by("completed_at")
    if answered is not None:
        theirs = theirs.filter(completed_at__gt=answered)
    found = [theirs.values_list("completed_at", flat=True).first()]
    known = record.reply_waiting_since
    if known != activity.completed_at and (answered is None or (known and known > answered)):
        found.append(known)
    return min(filter(None, found), default=None)


def _answered(record: Any, done: QuerySet[Any]) -> datetime | None:
    """Returns when the other side was last answered, by completed activities or because somebody said so."""
    note = Q(type=Activity.Type.NOTE, direction__isnull=True)
    ours = by_people(done).exclude(note).order_by("-completed_at")
    answers = (ours.values_list("completed_at", flat=True).first(), _said_answered(record))
    return max(filter(None, answers), default=None)


def _said_answered(record: Any) -> datetime | None:
    """Returns when somebody last marked a record's reply as answered, or moved the record to Contacted."""
    settled = Q(name=type(record).verbs["settle"].event)
    if (machine := record.machine) is not None:
        wire = type(record).schema.by_name[machine.name].wire
        moved = {f"data__{wire}": Lead.Status.CONTACTED.value, "previous__has_key": wire}
        settled |= Q(**moved)
    found = Event.objects.filter(settled, target=record.pk).exclude(actor__startswith=RULES)
    return found.order_by("-timestamp").values_list("timestamp", flat=True).first()


def _write(record: Any, since: datetime | None) -> None:
    if record.reply_waiting_since != since:
        verb = type(record).corrections["note_reply"]
        executor.run(verb, record.pk, {FIELD: since})
