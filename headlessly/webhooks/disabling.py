"""Disables webhooks that no longer succeed, and tells the admins of the tenant: when one has been failing for
an hour, and when it was disabled.

Every page of the admins shows a disabled webhook (``headlessly/admin``) until one of them enables, pauses or
deletes it. Nothing is lost: once enabled again, it continues where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.notifications.sentences import DISABLED, FAILING
from headlessly.notifications.telling import tell_everybody_of
from headlessly.webhooks.models import Webhook, update_has_webhooks
from headlessly.webhooks.sending import AttemptResult

logger = logging.getLogger("headlessly.webhooks")

#: How long a webhook may go without a successful delivery.
PATIENCE = timedelta(days=3)
#: After how long without success the admins are told. The attempts of a delivery go on for longer, so that
#: one of them notices it. A receiver that is only being restarted or deployed is not worth a message.
TOLD_AFTER = timedelta(hours=1)
#: The status of an address that wants no more deliveries.
GONE = 410


def note_outcomes(webhook: str, outcomes: Sequence[AttemptResult], now: datetime) -> None:
    """Note whether this webhook succeeds, and disable it if it has not for too long."""
    found = Webhook.objects.filter(pk=webhook)
    if any(outcome.status == GONE for outcome in outcomes):
        disable_webhook(webhook, Webhook.GONE, now)
    elif any(outcome.succeeded for outcome in outcomes):
        found.filter(failing_since__isnull=False).update(failing_since=None)
    elif found.filter(failing_since__lte=now - PATIENCE).exists():
        disable_webhook(webhook, Webhook.FAILED, now)
    elif not found.filter(failing_since=None).update(failing_since=now):
        _tell_that_it_fails(webhook, now)


def disable_webhook(webhook: str, because: str, now: datetime) -> None:
    """Disable this webhook, unless it is already paused or deleted."""
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update(no_key=True).filter(webhooks=webhook).first()
        if tenant is None:
            return
        changed = Webhook.objects.filter(pk=webhook, active=True).update(
            active=False, disabled_at=now, disabled_because=because
        )
        update_has_webhooks(tenant)
        if changed:
            _tell(tenant, webhook, DISABLED, now)
    if changed:
        logger.warning("webhook %s of %s disabled: %s", webhook, tenant.slug, because)


def _tell_that_it_fails(webhook: str, now: datetime) -> None:
    """Tell the admins once, when it has been failing for long enough."""
    found = Webhook.objects.filter(
        pk=webhook,
        active=True,
        failing_since__gt=now - PATIENCE,
        failing_since__lte=now - TOLD_AFTER,
    )
    if (failing := found.select_related("tenant").first()) is not None and failing.failing_since:
        _tell(failing.tenant, webhook, FAILING, failing.failing_since)


def _tell(tenant: Tenant, webhook: str, what: str, since: datetime) -> None:
    url = Webhook.objects.filter(pk=webhook).values_list("url", flat=True).get()
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        tell_everybody_of("webhook", f"{webhook}:{what}:{since.isoformat()}", excerpt=url)


def disabled_webhooks(tenant: Tenant) -> list[Webhook]:
    """Returns the webhooks that nobody has dealt with yet, the latest first."""
    return list(
        Webhook.objects.filter(tenant=tenant, disabled_at__isnull=False).order_by("-disabled_at")[
            :5
        ]
    )
