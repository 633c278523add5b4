"""Creating, changing, deleting and testing webhooks, for REST and the settings pages."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.errors import Conflict
from headlessly.log.names import WEBHOOK_CHANGED, WEBHOOK_CREATED, WEBHOOK_DELETED
from headlessly.log.security_events import record_security_event
from headlessly.notifications.telling import forget
from headlessly.webhooks import deliveries, outbox
from headlessly.webhooks.models import Delivery, Webhook, update_has_webhooks

logger = logging.getLogger("headlessly.webhooks")

#: How many webhooks a tenant may have, because every event is matched against each of them.
MOST = 100


def lock_tenant() -> Tenant:
    """Returns the tenant, locked, so that only one transaction at a time changes whether it has webhooks."""
    tenant = tenancy.require()
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    return tenant


def create_webhook(values: Mapping[str, Any]) -> Webhook:
    """Send events to an address from now on. Raises Conflict if there are too many webhooks."""
    with transaction.atomic():
        tenant = lock_tenant()
        if Webhook.objects.filter(tenant=tenant).count() >= MOST:
            raise Conflict(_("A tenant has %s webhooks at the most.") % MOST, type="Webhook")
        webhook = Webhook(tenant=tenant, **values)
        webhook.start_from_now()
        webhook.save(force_insert=True)
        update_has_webhooks(tenant)
        record_security_event(
            WEBHOOK_CREATED, about=webhook.pk, url=webhook.url, events=webhook.events
        )
    logger.info("webhook %s made by %s", webhook.pk, actors.current().id)
    return webhook


def change_webhook(webhook: Webhook, values: Mapping[str, Any]) -> None:
    """Change, pause or resume a webhook. Setting ``active`` also clears the reason why it was disabled."""
    with transaction.atomic():
        tenant = lock_tenant()
        changes = dict(values)
        previous = {name: getattr(webhook, name) for name in changes if name != "secret"}
        if "active" in changes:
            changes |= {"disabled_at": None, "disabled_because": None, "failing_since": None}
        for name, value in changes.items():
            setattr(webhook, name, value)
        if changes:
            webhook.save(update_fields=[*changes, "updated_at"])
            told = {name: values[name] for name in previous}
            new_secret = True if "secret" in values else None
            record_security_event(
                WEBHOOK_CHANGED, about=webhook.pk, previous=previous, newSecret=new_secret, **told
            )
        update_has_webhooks(tenant)
        if webhook.active:
            outbox.pump_after_commit(tenant)
            transaction.on_commit(partial(deliveries.defer_delivery, webhook), robust=True)
    changed = ", ".join(values) or "nothing"
    logger.info("webhook %s changed by %s: %s", webhook.pk, actors.current().id, changed)


def delete_webhook(webhook: Webhook) -> None:
    """Delete a webhook with its deliveries immediately; pending ones are not sent."""
    id = webhook.pk
    with transaction.atomic():
        tenant = lock_tenant()
        record_security_event(WEBHOOK_DELETED, about=id, url=webhook.url)
        webhook.delete()
        forget(tenant.pk, "webhook", id)
        update_has_webhooks(tenant)
    logger.info("webhook %s deleted by %s", id, actors.current().id)


def ping_webhook(webhook: Webhook) -> Delivery:
    """Send a test: an event that never happened. Raises Conflict if the webhook is paused."""
    refuse_paused(webhook)
    delivery = Delivery.make(webhook, timezone.now(), name="ping")
    delivery.save(force_insert=True)
    transaction.on_commit(partial(deliveries.defer_delivery, webhook), robust=True)
    return delivery


def redeliver(webhook: Webhook, delivery: Delivery) -> None:
    """Send a delivery, locked by the caller, once more. Raises Conflict if the webhook is paused."""
    refuse_paused(webhook)
    deliveries.send_again(delivery)
    transaction.on_commit(partial(deliveries.defer_delivery, webhook), robust=True)
    logger.info("delivery %s sent again by %s", delivery.pk, actors.current().id)


def refuse_paused(webhook: Webhook) -> None:
    """Raise Conflict for a webhook that is paused or disabled."""
    if not webhook.active:
        raise Conflict(
            f"This webhook is {webhook.status}: it sends nothing. Set active to true first.",
            type="Webhook",
            id=webhook.pk,
            status=webhook.status,
        )
