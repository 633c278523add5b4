"""Webhooks by REST, for admins of the tenant: made, changed, deleted; what they delivered, and again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.db import models, transaction
from django.utils import timezone
from rest_framework.request import Request

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.api import parameters
from headlessly.api.base import AdminView
from headlessly.api.bodies import ApiResponse
from headlessly.api.log import paginate
from headlessly.errors import Conflict, Invalid, NotFound
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import deliveries, outbox, patterns
from headlessly.webhooks.addresses import WebhookUrl
from headlessly.webhooks.models import new_secret

logger = logging.getLogger("headlessly.webhooks")

#: How many webhooks a tenant may have: every event is held against each of them.
MOST = 100
LONGEST_SECRET = 255


class WebhookAdminView(AdminView):
    """A view of webhooks, which only admins see: they are told of everything."""

    kind, theirs = "Webhook", "webhooks"
    never_kept: ClassVar = ("secret",)  # shown once: not to whoever sends the request again


class WebhooksView(WebhookAdminView):
    """The webhooks of the tenant, the newest first."""

    def get(self, request: Request) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, parameters.PAGE)
        found = Webhook.objects.of_tenant().order_by("-created_at", "id")
        return ApiResponse({"cursor": None} | paginate(found, **asked))

    def post(self, request: Request) -> ApiResponse:
        """Make one. This answer is the only place where its secret can be read."""
        parameters.read_parameters(request.GET, ())
        values = _cleaned(request.data, required=("url", "events", "secret"))
        with transaction.atomic():
            tenant = _changing()
            if Webhook.objects.filter(tenant=tenant).count() >= MOST:
                raise Conflict(f"A tenant has {MOST} webhooks at the most.", type="Webhook")
            webhook = Webhook(tenant=tenant, **values)
            webhook.start_from_now()
            webhook.save(force_insert=True)
            outbox.update_has_webhooks(tenant)
        logger.info("webhook %s made by %s", webhook.pk, actors.current().id)
        address = f"{tenancy.context_url()}/webhooks/{webhook.pk}"
        told = webhook.as_json() | {"secret": webhook.secret}
        return ApiResponse(told, status=201, headers={"Location": address})


class WebhookView(WebhookAdminView):
    """One webhook of the tenant."""

    def get(self, request: Request, id: str) -> ApiResponse:
        parameters.read_parameters(request.GET, ())
        return ApiResponse(_webhook(id).as_json())

    def patch(self, request: Request, id: str) -> ApiResponse:
        """Change it, pause it, let it go on. A new secret signs from now on, and is answered here only;
        ``null`` has one made."""
        parameters.read_parameters(request.GET, ())
        with transaction.atomic():
            tenant = _changing()
            webhook = _webhook(id)
            values = _cleaned(request.data)
            for name, value in values.items():
                setattr(webhook, name, value)
            if values:
                webhook.save(update_fields=[*values, "updated_at"])
            outbox.update_has_webhooks(tenant)
            if webhook.active:
                outbox.pump_after_commit(tenant)
                transaction.on_commit(partial(deliveries.defer_delivery, webhook), robust=True)
        changed = ", ".join(values) or "nothing"
        logger.info("webhook %s changed by %s: %s", id, actors.current().id, changed)
        secret = {"secret": webhook.secret} if "secret" in values else {}
        return ApiResponse(webhook.as_json() | secret)

    def delete(self, request: Request, id: str) -> ApiResponse:
        """Delete it with its deliveries, at once; what waits is not sent."""
        parameters.read_parameters(request.GET, ())
        with transaction.atomic():
            tenant = _changing()
            _webhook(id).delete()
            outbox.update_has_webhooks(tenant)
        logger.info("webhook %s deleted by %s", id, actors.current().id)
        return ApiResponse(status=204)


class PingView(WebhookAdminView):
    """A test: an event that never happened."""

    def post(self, request: Request, id: str) -> ApiResponse:
        parameters.read_parameters(request.GET, ())
        _cleaned(request.data, fields={})
        webhook = _active(_webhook(id))
        delivery = Delivery.make(webhook, timezone.now(), name="ping")
        delivery.save(force_insert=True)
        transaction.on_commit(partial(deliveries.defer_delivery, webhook), robust=True)
        return ApiResponse(delivery.as_json(), status=202)


class DeliveriesView(WebhookAdminView):
    """What a webhook delivered, or is about to, the newest first."""

    def get(self, request: Request, id: str) -> ApiResponse:
        asked = parameters.read_parameters(request.GET, parameters.PAGE)
        found = _webhook(id).deliveries.select_related("event").order_by("-created_at", "-id")
        return ApiResponse({"cursor": None} | paginate(found, **asked))


class RedeliverView(WebhookAdminView):
    """Send a delivery once more."""

    def post(self, request: Request, id: str, delivery: str) -> ApiResponse:
        parameters.read_parameters(request.GET, ())
        _cleaned(request.data, fields={})
        webhook = _active(_webhook(id))
        with transaction.atomic():
            found = _found(webhook.deliveries.select_for_update(no_key=True), "Delivery", delivery)
            deliveries.send_again(found)
            transaction.on_commit(partial(deliveries.defer_delivery, webhook), robust=True)
        logger.info("delivery %s sent again by %s", delivery, actors.current().id)
        return ApiResponse(found.as_json(), status=202)


def _changing() -> Tenant:
    """The tenant, locked: whether it has webhooks is changed by one at a time."""
    tenant = tenancy.require()
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    return tenant


def _webhook(id: str) -> Webhook:
    """The tenant's webhook with this id. Raises NotFound, also for another tenant's."""
    webhook = _found(Webhook.objects.of_tenant(), "Webhook", id)
    webhook.tenant = tenancy.require()
    return webhook


def _found(among: models.QuerySet, type: str, id: str) -> Any:
    found = among.filter(pk=id).first() if id.isascii() and id.isprintable() else None
    if found is None:
        raise NotFound(f"There is no {type} {id[:64]}.", type=type, id=id[:64])
    return found


def _active(webhook: Webhook) -> Webhook:
    """Raises Conflict for one that is paused."""
    if not webhook.active:
        raise Conflict(
            "This webhook is paused: it sends nothing. Set active to true first.",
            type="Webhook",
            id=webhook.pk,
            status=webhook.status,
        )
    return webhook


# -- what is written ------------------------------------------------------------------------------


def _url(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Send the address to call, such as https://example.com/hook.")
    value = value.strip()
    WebhookUrl.parse(value)
    return value


def _secret(value: Any) -> str:
    """The secret to sign with; one that we make where none is given."""
    if value is None:
        return new_secret()
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ValueError("Send visible characters of ASCII, or leave it out to have one made.")
    if not 1 <= len(value) <= LONGEST_SECRET:
        raise ValueError(f"Send 1 to {LONGEST_SECRET} characters, or leave it out.")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("This is true, or false for a webhook that is paused.")
    return value


FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "url": _url,
    "events": patterns.check_patterns,
    "secret": _secret,
    "active": _flag,
}


def _cleaned(
    body: Mapping[str, Any],
    *,
    fields: Mapping[str, Callable[[Any], Any]] = FIELDS,
    required: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The values in a body. Raises Invalid, which names every field that is wrong."""
    what = f"Fields: {', '.join(fields)}." if fields else "It takes none."
    problems = {name[:64]: f"There is no such field. {what}" for name in body if name not in fields}
    values = {}
    for name, clean in fields.items():
        if name in body or name in required:
            try:
                values[name] = clean(body.get(name))
            except ValueError as problem:
                problems[name] = str(problem)
    if problems:
        raise Invalid.for_fields(problems, type="Webhook")
    return values
