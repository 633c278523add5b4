"""Webhooks by REST, for admins of the tenant: made, changed, deleted; what they delivered, and again."""

from __future__ import annotations

from typing import ClassVar

from django.db import transaction
from rest_framework.decorators import action
from rest_framework.request import Request

from headlessly.access import tenancy
from headlessly.api.base import AdminViewSet, find_by_id
from headlessly.api.bodies import ApiResponse
from headlessly.api.log import paginate
from headlessly.api.parameters import PAGE, read_parameters, refuse_parameters
from headlessly.api.resources import (
    DeliverySerializer,
    WebhookInput,
    WebhookNothing,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)
from headlessly.models import Webhook
from headlessly.webhooks import registration


class WebhookViewSet(AdminViewSet):
    """The webhooks of the tenant, which only admins see: they are told of everything."""

    kind, kind_in_words = "Webhook", "webhooks"
    never_kept: ClassVar = ("secret",)  # shown once: not to whoever sends the request again

    def list(self, request: Request) -> ApiResponse:
        """The newest first."""
        page = read_parameters(request.GET, PAGE)
        found = Webhook.objects.of_tenant().order_by("-created_at", "id")
        return ApiResponse(paginate(found, WebhookSerializer.to_json, **page))

    def create(self, request: Request) -> ApiResponse:
        """Make one. This answer is the only place where its secret can be read."""
        refuse_parameters(request.GET)
        webhook = registration.create_webhook(WebhookInput.read_body(request.data))
        address = f"{tenancy.context_url()}/webhooks/{webhook.pk}"
        made = WebhookWithSecretSerializer.to_json(webhook)
        return ApiResponse(made, status=201, headers={"Location": address})

    def retrieve(self, request: Request, id: str) -> ApiResponse:
        refuse_parameters(request.GET)
        return ApiResponse(WebhookSerializer.to_json(find_webhook(id)))

    def partial_update(self, request: Request, id: str) -> ApiResponse:
        """Change it, pause it, let it go on. A new secret signs from now on, and is answered here only;
        ``null`` has one made."""
        refuse_parameters(request.GET)
        with transaction.atomic():
            registration.lock_tenant()
            webhook = find_webhook(id)
            values = WebhookInput.read_body(request.data, partial=True)
            registration.change_webhook(webhook, values)
        shown = WebhookWithSecretSerializer if "secret" in values else WebhookSerializer
        return ApiResponse(shown.to_json(webhook))

    def destroy(self, request: Request, id: str) -> ApiResponse:
        """Delete it with its deliveries, at once; what waits is not sent."""
        refuse_parameters(request.GET)
        with transaction.atomic():
            registration.lock_tenant()
            registration.delete_webhook(find_webhook(id))
        return ApiResponse(status=204)

    @action(detail=True, methods=["post"])
    def ping(self, request: Request, id: str) -> ApiResponse:
        """A test: an event that never happened."""
        refuse_parameters(request.GET)
        WebhookNothing.read_body(request.data)
        delivery = registration.ping_webhook(find_webhook(id))
        return ApiResponse(DeliverySerializer.to_json(delivery), status=202)

    @action(detail=True)
    def deliveries(self, request: Request, id: str) -> ApiResponse:
        """What it delivered, or is about to, the newest first."""
        page = read_parameters(request.GET, PAGE)
        found = find_webhook(id).deliveries.select_related("event").order_by("-created_at", "-id")
        return ApiResponse(paginate(found, DeliverySerializer.to_json, **page))

    @action(detail=True, methods=["post"], url_path="deliveries/<delivery>/redeliver")
    def redeliver(self, request: Request, id: str, delivery: str) -> ApiResponse:
        """Send a delivery once more."""
        refuse_parameters(request.GET)
        WebhookNothing.read_body(request.data)
        webhook = find_webhook(id)
        registration.refuse_paused(webhook)
        with transaction.atomic():
            rows = webhook.deliveries.select_for_update(no_key=True)
            found = find_by_id(rows, "Delivery", delivery)
            registration.redeliver(webhook, found)
        return ApiResponse(DeliverySerializer.to_json(found), status=202)


def find_webhook(id: str) -> Webhook:
    """The tenant's webhook with this id. Raises NotFound, also for another tenant's."""
    webhook = find_by_id(Webhook.objects.of_tenant(), "Webhook", id)
    webhook.tenant = tenancy.require()
    return webhook
