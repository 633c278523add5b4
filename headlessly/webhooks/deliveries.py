"""Sends due deliveries, retries failed ones, and gives up those that keep failing.

A sender holds a delivery for a while. If its worker dies, the next one sends it, and the receiver may get it
twice (it can tell by the event's id). While an event of a record waits for its next attempt, later events of
that record wait behind it; those of other records go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Min, Q
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from headlessly.access import actors, tenancy
from headlessly.background.jobs import is_over, job
from headlessly.context import tracing
from headlessly.webhooks import disabling, sending
from headlessly.webhooks.models import Delivery, Webhook
from headlessly.webhooks.sending import AttemptResult

logger = logging.getLogger("headlessly.webhooks")

#: The pauses after each failed attempt. After the last of them the delivery is given up.
RETRY_AFTER = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    *[timedelta(hours=12)] * 5,
)
# The last one ends with the time for which a webhook may fail.
RETRY_AFTER += (disabling.PATIENCE - sum(RETRY_AFTER, timedelta()),)
#: How many deliveries are sent to one webhook at once, how long a sender holds them, and how long a job runs
#: before it lets others have their turn, in seconds.
SENT_AT_ONCE, HOLD, SLICE = 16, timedelta(seconds=60), 20
#: By how much the clocks of several servers may differ.
SKEW = timedelta(minutes=5)
#: How long a webhook rests of which not one of those answered well.
REST = timedelta(seconds=5)
#: How long delivered and given-up deliveries are kept, and how many old ones are deleted at a time.
KEPT_FOR, DELETED_AT_ONCE = timedelta(days=30), 10_000


def defer_delivery(webhook: Webhook) -> None:
    """Defer a job that sends what is due to this webhook. Call it after the commit, or it may look too
    early."""
    with (
        tenancy.active(webhook.tenant),
        actors.acting(actors.SYSTEM),
        tracing.request_id_scope(),
    ):
        deliver.defer(webhook=webhook.pk, once=f"deliver:{webhook.pk}")


def make_due_what_is_of_later() -> None:
    """Let be sent now what was made or tried later than now: the clock was wrong, and is put right. Else it
    would wait until then, and what follows of its records with it."""
    now = timezone.now()
    wrong = Q(tried_at__gt=now + SKEW) | Q(tried_at=None, created_at__gt=now + SKEW)
    waiting = Delivery.objects.filter(status=Delivery.PENDING, next_at__gt=now + SKEW)
    waiting.filter(wrong).update(next_at=now, held_until=None)


def defer_all_due() -> None:
    """Defer such a job for every webhook with due deliveries."""
    waiting = Delivery.objects.due(timezone.now()).values("webhook")
    for webhook in Webhook.objects.filter(pk__in=waiting, active=True).select_related("tenant"):
        defer_delivery(webhook)


@job("webhooks.deliver")
def deliver(webhook: str) -> None:
    """Send what is due to one webhook, several at once, until nothing is."""
    until = time.monotonic() + SLICE
    while held := hold_due(webhook):
        outcomes = sending.send_all(held)
        record_results(held, outcomes)
        if not any(outcome.succeeded for outcome in outcomes):
            return defer_next_attempt(webhook, rest=REST)
        if is_over(until):
            break
    return defer_next_attempt(webhook)


def hold_due(webhook: str) -> list[Delivery]:
    """Returns the next deliveries of an active webhook, held for the caller to send."""
    now = timezone.now()
    with transaction.atomic():
        due = Delivery.objects.due(now).filter(webhook=webhook, webhook__active=True)
        held = list(
            due.select_related("event")
            .order_by("next_at", "event")
            .select_for_update(of=["self"], skip_locked=True)[:SENT_AT_ONCE]
        )
        if held:
            hook = Webhook.objects.select_related("tenant").get(pk=webhook)
        for delivery in held:
            delivery.webhook = hook
            delivery.attempts += 1
            delivery.held_until, delivery.tried_at = now + HOLD, now
        Delivery.objects.bulk_update(held, ["attempts", "held_until", "tried_at"])
    return held


def record_results(held: Sequence[Delivery], outcomes: Sequence[AttemptResult]) -> None:
    """Save the results of deliveries, except those that another sender has taken over since."""
    now = timezone.now()
    with transaction.atomic():
        for delivery, outcome in zip(held, outcomes, strict=True):
            failures = delivery.attempts
            if outcome.succeeded:
                found = {"status": Delivery.DELIVERED, "delivered_at": now}
            elif failures > len(RETRY_AFTER) or outcome.status == disabling.GONE:
                found = {"status": Delivery.FAILING}
            else:
                found = {"next_at": now + RETRY_AFTER[failures - 1]}
            Delivery.objects.filter(
                pk=delivery.pk, status=Delivery.PENDING, attempts=delivery.attempts
            ).update(
                held_until=None,
                response_status=outcome.status,
                error=outcome.error,
                duration=outcome.duration,
                **found,
            )
        if held:
            disabling.note_outcomes(held[0].webhook_id, outcomes, now)
    for delivery, outcome in zip(held, outcomes, strict=True):
        level = logging.DEBUG if outcome.succeeded else logging.WARNING
        logger.log(
            level,
            "delivery %s of %s to %s, attempt %s: %s",
            delivery.pk,
            delivery.name,
            delivery.webhook_id,
            delivery.attempts,
            outcome.error or outcome.status,
        )


def defer_next_attempt(webhook: str, *, rest: timedelta = timedelta()) -> None:
    """Defer a job for the next delivery of this webhook, at the moment when it is due.

    That is after ``rest`` at the earliest, so that a failing receiver gets a pause. All jobs that find it
    failing meanwhile defer to the same moment, and so share one job.
    """
    now = timezone.now()
    found = (
        Delivery.objects.next_in_order()
        .filter(webhook=webhook, webhook__active=True)
        .aggregate(at=Min(Greatest("next_at", Coalesce("held_until", "next_at"))))
    )
    if found["at"] is None:
        return
    at = max(found["at"], now + rest)
    if at <= now:
        deliver.defer(webhook=webhook, once=f"deliver:{webhook}")
        return
    step = int(rest.total_seconds()) if at > found["at"] else 1
    moment = (int(at.timestamp()) // step + 1) * step
    at = datetime.fromtimestamp(moment, UTC)
    deliver.defer(webhook=webhook, at=at, once=f"deliver:{webhook}:{moment}")


def send_again(delivery: Delivery) -> None:
    """Send a delivery once more, immediately, and with all its attempts; within a transaction.

    A pending one keeps its place in the order, and is only sent sooner.
    """
    now = timezone.now()
    delivery.next_at = now
    if delivery.status != Delivery.PENDING:
        delivery.status, delivery.again = Delivery.PENDING, True
        delivery.attempts, delivery.tried_at, delivery.delivered_at = 0, None, None
        delivery.response_status = delivery.duration = delivery.error = None
    delivery.save()


def delete_old_deliveries() -> None:
    """Delete deliveries that ended more than ``KEPT_FOR`` ago, without running for too long."""
    before, until = timezone.now() - KEPT_FOR, time.monotonic() + SLICE
    for tenant in Webhook.objects.order_by().values_list("tenant", flat=True).distinct():
        deliveries = Delivery.objects.filter(tenant=tenant)
        over = deliveries.filter(created_at__lt=before).exclude(status=Delivery.PENDING)
        full = True
        while full and time.monotonic() < until:
            keys = list(over.values_list("pk", flat=True)[:DELETED_AT_ONCE])
            deliveries.filter(pk__in=keys).delete()
            full = len(keys) == DELETED_AT_ONCE
