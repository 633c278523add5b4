"""From the log to deliveries: each webhook has a position in the log, and is moved on from there.

A position never skips an event, in whichever order transactions commit, and moves in the transaction that
creates the deliveries: each event becomes one delivery, however often a job is killed or run twice. A commit
only defers a job; if that is lost, :func:`catch_up` notices within a minute. It also finds events that were
written in bulk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from django.db import models, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone
from procrastinate.contrib.django import app

from headlessly.access import tenancy
from headlessly.access.models import Tenant
from headlessly.background import log_reading
from headlessly.background.jobs import is_over, job
from headlessly.context.tenant_scope import every_tenant
from headlessly.log.events import Event, LogPosition, view_of_event
from headlessly.webhooks import deliveries
from headlessly.webhooks.models import Delivery, LogSnapshot, Webhook

#: How many events are read in one transaction.
PAGE = 1_000
#: An event is not read while an older transaction is running. How long to wait for that, in seconds, and how
#: often to check.
PATIENCE, LOOK_AGAIN = 1.0, 0.05


class LogEntry(NamedTuple):
    """The columns of an event that decide who receives it."""

    xid: Any
    seq: int
    name: str
    target: str | None
    target_type: str | None
    view: str | None  #: the view that the record entered or left

    @property
    def position(self) -> LogPosition:
        return LogPosition(int(self.xid), self.seq)


def pump_after_append(tenant: Tenant, **_: Any) -> None:
    """Receiver of the log's signal: after the commit, look for deliveries if the tenant has webhooks."""
    if tenant.has_webhooks:
        pump_after_commit(tenant)


def pump_after_commit(tenant: Tenant) -> None:
    """Defer :func:`pump` for a tenant when the current transaction is committed."""
    transaction.on_commit(partial(defer_pump, tenant), robust=True)


def defer_pump(tenant: Tenant, *, in_seconds: float = 0) -> None:
    """Defer :func:`pump` for a tenant. Call it after the commit, or the job may look too early."""
    log_reading.defer_reading(pump, "webhooks", tenant, in_seconds=in_seconds)


@job("webhooks.pump")
def pump() -> None:
    """Create deliveries of the events since the last time, and defer sending them."""
    tenant = tenancy.require()
    until = time.monotonic() + log_reading.SLICE
    patience = time.monotonic() + PATIENCE
    while True:
        with transaction.atomic():
            webhooks, more, unsettled = _pump_page(tenant)
        for webhook in webhooks:
            deliveries.defer_delivery(webhook)
        if more or unsettled:
            if is_over(until if more else patience):
                return defer_pump(tenant, in_seconds=0 if more else log_reading.LATER)
            if not more:
                time.sleep(LOOK_AGAIN)
            continue
        return None


def _pump_page(tenant: Tenant) -> tuple[list[Webhook], bool, bool]:
    """Read one page of the log. Returns the webhooks with new deliveries, whether there are more events, and
    whether there are more that cannot be read yet."""
    webhooks = list(
        Webhook.objects.filter(tenant=tenant, active=True)
        .order_by("id")
        .select_for_update(no_key=True)
    )
    if not webhooks:
        return [], False, False
    start = min(webhook.position for webhook in webhooks)
    page = _log_entries(Event.log.settled_after(start)[:PAGE])
    if not page:
        return [], False, Event.log.all_after(start).exists()
    end = page[-1].position
    new, now = [], timezone.now()
    events = page + _earlier_versions(page, end)
    for webhook in webhooks:
        webhook.tenant = tenant
        past = LogSnapshot(webhook.past)
        new += [
            Delivery.make(webhook, now, event_id=each.seq, name=each.name, target=each.target)
            for each in events
            if each.position > webhook.position
            and webhook.wants(each.name, each.target_type, each.view)
            and each.position not in past
        ]
        if webhook.position < end:
            webhook.position = end
            Webhook.objects.filter(pk=webhook.pk).update(xid=end.xid, seq=end.seq)
    Delivery.objects.bulk_create(new, ignore_conflicts=True)
    with_new = {delivery.webhook_id for delivery in new}
    more = len(page) == PAGE
    unsettled = not more and Event.log.all_after(end).exists()
    return [webhook for webhook in webhooks if webhook.pk in with_new], more, unsettled


def _earlier_versions(page: Sequence[LogEntry], end: LogPosition) -> list[LogEntry]:
    """Returns events after this page of records that have a later version on it.

    A transaction that began earlier may have waited for a record, and changed it after another one did. Its
    event then comes first in the log, and deliveries in that order would not follow the record's versions.
    The other transaction has ended, because it released the record, so its event can be read whatever else is
    running.
    """
    targets = {each.target for each in page if each.target}
    if not targets:
        return []
    last = max(each.seq for each in page if each.target)
    return _log_entries(Event.log.all_after(end).filter(target__in=targets, seq__lt=last))


def _log_entries(found: models.QuerySet[Event]) -> list[LogEntry]:
    columns = found.annotate(view=view_of_event()).values_list(*LogEntry._fields)
    return list(map(LogEntry._make, columns))


@app.periodic(cron="* * * * *")
@app.task(name="webhooks.tick", queueing_lock="webhooks.tick")
@every_tenant()
def catch_up(timestamp: int) -> None:
    """Once a minute, find events that no job has read, because its worker was killed or the log was written
    in bulk. Also sends what is due, and deletes old deliveries."""
    ahead = Event._base_manager.filter(
        RawSQL(
            "headlessly_event.tenant_id = headlessly_webhook.tenant_id AND"
            " (headlessly_event.xid, headlessly_event.seq)"
            " > (headlessly_webhook.xid::text::xid8, headlessly_webhook.seq)",
            (),
            models.BooleanField(),
        )
    )
    behind = Webhook.objects.filter(models.Exists(ahead), active=True)
    for tenant in Tenant.objects.filter(webhooks__in=behind).distinct():
        defer_pump(tenant)
    deliveries.make_due_what_is_of_later()
    deliveries.defer_all_due()
    deliveries.delete_old_deliveries()
