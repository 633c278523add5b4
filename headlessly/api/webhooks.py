"""Webhooks by REST, for admins of the tenant: made, changed, deleted; what they delivered, and again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import transaction
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.serializers import BooleanField, CharField, ChoiceField, IntegerField, ListField

from headlessly.access import tenancy
from headlessly.api.base import AdminViewSet, created_response, find_by_id
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.json_schema import TEXT, Schema, id_schema, nullable
from headlessly.api.log import paginate
from headlessly.api.serializers import (
    CheckedField,
    Count,
    InputSerializer,
    Moment,
    ResourceSerializer,
    SchemaField,
    refuse_body,
)
from headlessly.declaration.registry import registry
from headlessly.log.events import plain_json
from headlessly.log.names import OF, VIEW_EVENTS
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import addresses, patterns, registration
from headlessly.webhooks.signing import LONGEST_SECRET, check_secret, new_secret


class WebhookSerializer(ResourceSerializer):
    kind, prefix = "Webhook", Webhook.prefix
    meta: ClassVar = {
        "$createdAt": Moment(source="created_at"),
        "$updatedAt": Moment(source="updated_at"),
    }

    url = CharField()
    events = ListField(child=CharField())
    active = BooleanField()
    status = ChoiceField(
        ["active", "paused", "failing", "disabled"],
        help_text="failing: with deliveries that were given up. disabled: after three days without one that "
        "arrived, or an answer 410; set active to true to go on.",
    )
    disabled_at = Moment(allow_null=True)


class WebhookMadeSerializer(WebhookSerializer):
    secret = CharField(required=False, help_text="Signs what is sent. Only this answer has it.")


def check_address(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Send the address to call, such as https://example.com/hook.")
    addresses.WebhookUrl.parse(value.strip())
    return value.strip()


def patterns_schema() -> Schema:
    """The names that there are, and those that somebody tracks."""
    named = [
        patterns.ALL,
        *(f"{source}.*" for source in patterns.event_sources()),
        *patterns.known_event_names(),
    ]
    names = list(dict.fromkeys(named))
    tracked = TEXT | {
        "pattern": r"^[^.*\s]+$",
        "maxLength": 255,
        "description": "The name of a tracked event.",
    }
    of_a_view = TEXT | {
        "pattern": rf"^({'|'.join(map(re.escape, VIEW_EVENTS))}){OF}view_[A-Za-z0-9]+$",
        "description": "What enters or leaves one view whose changes are sent to webhooks.",
    }
    return {
        "type": "array",
        "items": {"anyOf": [TEXT | {"enum": names}, tracked, of_a_view]},
        "minItems": 1,
        "maxItems": patterns.MAX_PATTERNS,
        "examples": [[f"{next(iter(registry))}.*"], [patterns.ALL]],
    }


def check_or_make_secret(value: Any) -> str:
    """The secret to sign with; one that we make where none is given."""
    return new_secret() if value is None else check_secret(value)


def check_active(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("This is true, or false for a webhook that is paused.")
    return value


class WebhookInput(InputSerializer):
    kind, takes_meta = "Webhook", True

    url = CheckedField(
        TEXT | {"maxLength": addresses.MAX_URL_LENGTH, "examples": ["https://example.com/hook"]},
        check_address,
        help_text="https, on the public internet; no user name, no fragment.",
    )
    events = CheckedField(patterns_schema, patterns.check_patterns)
    secret = CheckedField(
        nullable(TEXT | {"pattern": r"^[ -~]+$", "maxLength": LONGEST_SECRET, "writeOnly": True}),
        check_or_make_secret,
        default=None,
        help_text="To sign with; one is made where it is left out, or null. whsec_ and base64, as Standard "
        "Webhooks has it, or any text.",
    )
    active = CheckedField(
        {"type": "boolean"},
        check_active,
        required=False,
        help_text="false: paused. A new one is active.",
    )


class WebhookChanges(WebhookInput):
    is_change = True


class DeliverySerializer(ResourceSerializer):
    kind, prefix = "Delivery", Delivery.prefix

    webhook = SchemaField(id_schema(Webhook.prefix), source="webhook_id")
    event = SchemaField(
        id_schema("evt"), source="event.id", allow_null=True, help_text="Null for a ping."
    )
    name = CharField()
    target = CharField(allow_null=True)
    status = ChoiceField(
        ["pending", "retrying", "delivered", "failing"],
        source="state",
        help_text="failing: given up, after three days or an answer 410.",
    )
    attempts = Count()
    response_status = IntegerField(allow_null=True)
    duration = IntegerField(allow_null=True, help_text="Milliseconds.")
    error = CharField(allow_null=True)
    last_attempt_at = Moment(source="tried_at", allow_null=True)
    next_attempt_at = Moment(allow_null=True)
    delivered_at = Moment(allow_null=True)


class WebhookViewSet(AdminViewSet):
    """The webhooks of the tenant, which only admins see: they are told of everything."""

    kind, kind_in_words, word, tag = "Webhook", "webhooks", "webhook", "Webhook"
    ids: ClassVar = {"delivery": id_schema(Delivery.prefix)}
    never_kept: ClassVar = ("secret",)  # shown once: not to whoever sends the request again

    @answers(WebhookSerializer, many=True)
    def list(self, request: Request) -> ApiResponse:
        """The webhooks of the tenant, without their secrets."""
        found = Webhook.objects.with_fails().order_by("-created_at", "id")
        return ApiResponse(paginate(found, WebhookSerializer.to_json, **self.asked))

    @answers(WebhookMadeSerializer, takes=WebhookInput, status=201)
    def create(self, request: Request) -> ApiResponse:
        """Have events sent to an address, from now on: this answer is the only one with the secret."""
        webhook = registration.create_webhook(WebhookInput.read_body(request.data))
        return created_response(WebhookMadeSerializer.to_json(webhook), f"webhooks/{webhook.pk}")

    def shown(self, id: str) -> dict[str, Any]:
        return WebhookSerializer.to_json(find_webhook(id))

    @answers(WebhookSerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """Read one webhook, without its secret."""
        return ApiResponse(self.shown(id))

    @answers(WebhookMadeSerializer, takes=WebhookChanges)
    def partial_update(self, request: Request, id: str) -> ApiResponse:
        """Change a webhook, pause it (nothing is lost: it goes on later), or give it another secret.

        A new secret signs from now on, and is answered here only; ``null`` has one made.
        """
        with transaction.atomic():
            registration.lock_tenant()
            webhook = find_webhook(id)
            values = WebhookChanges.read_body(_without_unchanged(request.data, webhook))
            registration.change_webhook(webhook, values)
        shown = WebhookMadeSerializer if "secret" in values else WebhookSerializer
        return ApiResponse(shown.to_json(webhook))

    update = partial_update  #: both merge what is given

    @answers(None)
    def destroy(self, request: Request, id: str) -> ApiResponse:
        """Delete a webhook and its deliveries, at once.

        What waits is not sent.
        """
        with transaction.atomic():
            registration.lock_tenant()
            registration.delete_webhook(find_webhook(id))
        return ApiResponse(status=204)

    @answers(DeliverySerializer, status=202)
    @action(detail=True, methods=["post"])
    def ping(self, request: Request, id: str) -> ApiResponse:
        """Send a test event, named ping."""
        webhook = find_webhook(id)
        refuse_body(request.data, "Webhook")
        delivery = registration.ping_webhook(webhook)
        return ApiResponse(DeliverySerializer.to_json(delivery), status=202)

    @answers(DeliverySerializer, many=True)
    @action(detail=True)
    def deliveries(self, request: Request, id: str) -> ApiResponse:
        """What a webhook delivered, or is about to, the newest first."""
        found = find_webhook(id).deliveries.select_related("event").order_by("-created_at", "-id")
        return ApiResponse(paginate(found, DeliverySerializer.to_json, of=id, **self.asked))

    @answers(DeliverySerializer, status=202)
    @action(detail=True, methods=["post"], url_path="deliveries/<delivery>/redeliver")
    def redeliver(self, request: Request, id: str, delivery: str) -> ApiResponse:
        """Send a delivery once more, at once."""
        webhook = find_webhook(id)
        find_by_id(webhook.deliveries.all(), "Delivery", delivery)
        refuse_body(request.data, "Webhook")
        registration.refuse_paused(webhook)
        with transaction.atomic():
            rows = webhook.deliveries.select_for_update(no_key=True)
            found = find_by_id(rows, "Delivery", delivery)
            registration.redeliver(webhook, found)
        return ApiResponse(DeliverySerializer.to_json(found), status=202)


def _without_unchanged(body: Mapping[str, Any], webhook: Webhook) -> dict[str, Any]:
    """What is sent, without what only the site sets and is as it was read."""
    shown = plain_json(WebhookSerializer.to_json(webhook))
    own = WebhookInput().fields
    return {k: v for k, v in body.items() if k in own or k not in shown or shown[k] != v}


def find_webhook(id: str) -> Webhook:
    """The tenant's webhook with this id. Raises NotFound, also for another tenant's."""
    webhook = find_by_id(Webhook.objects.with_fails(), "Webhook", id)
    webhook.tenant = tenancy.require()
    return webhook
