"""The addresses of webhooks."""

from __future__ import annotations

from headlessly.api.openapi import responses
from headlessly.api.openapi.components import list_schema, object_schema
from headlessly.api.openapi.operations import operation, request_body
from headlessly.api.openapi.parameters import path_parameter, shared_parameters
from headlessly.api.openapi.types import TYPES, Schema, id_schema, nullable, ref
from headlessly.api.webhooks import LONGEST_SECRET
from headlessly.declaration.registry import registry
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import addresses, patterns

TAG = "Webhook"
TEXT: Schema = {"type": "string"}
#: No body, or an empty one.
NOTHING = request_body(object_schema({}, []), required=False)


def paths() -> dict[str, Schema]:
    id = path_parameter(Webhook.prefix)
    delivery = path_parameter(Delivery.prefix) | {"name": "delivery"}
    return {
        "/webhooks": {"get": _list(), "post": _make()},
        "/webhooks/{id}": {
            "parameters": [id],
            "get": operation(
                "webhookGet",
                "Read one webhook, without its secret.",
                TAG,
                {"200": responses.success_response("The webhook.", ref("Webhook"))},
                parameters=shared_parameters(),
                errors=(403, 404, *responses.READING),
            ),
            "patch": _change(),
            "delete": operation(
                "webhookDelete",
                "Delete a webhook and its deliveries, at once.",
                TAG,
                {"204": responses.success_response("It is gone.", None)},
                parameters=shared_parameters(),
                errors=(403, 404, *responses.READING),
                writes=True,
            ),
        },
        "/webhooks/{id}/ping": {
            "parameters": [id],
            "post": _sent("webhookPing", "Send a test event, named ping."),
        },
        "/webhooks/{id}/deliveries": {
            "parameters": [id],
            "get": operation(
                "webhookDeliveries",
                "What a webhook delivered, or is about to, the newest first.",
                TAG,
                {"200": responses.success_response("One page of deliveries.", ref("DeliveryList"))},
                parameters=shared_parameters("limit", "offset"),
                errors=(403, 404, *responses.READING),
            ),
        },
        "/webhooks/{id}/deliveries/{delivery}/redeliver": {
            "parameters": [id, delivery],
            "post": _sent("webhookRedeliver", "Send a delivery once more, at once."),
        },
    }


def components() -> dict[str, Schema]:
    secret = TEXT | {"description": "Signs what is sent. Only this answer has it."}
    return {
        "Webhook": object_schema(_webhook(), _webhook()),
        "WebhookMade": object_schema(_webhook() | {"secret": secret}, _webhook()),
        "WebhookList": list_schema(ref("Webhook")),
        "WebhookInput": object_schema(_written(), ["url", "events"]),
        "WebhookChanges": object_schema(_written(), []),
        "Delivery": object_schema(_delivery(), _delivery()),
        "DeliveryList": list_schema(ref("Delivery")),
    }


def _list() -> Schema:
    return operation(
        "webhookList",
        "The webhooks of the tenant, without their secrets.",
        TAG,
        {"200": responses.success_response("One page of webhooks.", ref("WebhookList"))},
        parameters=shared_parameters("limit", "offset"),
        errors=(403, *responses.READING),
    )


def _make() -> Schema:
    return operation(
        "webhookCreate",
        "Have events sent to an address, from now on: this answer is the only one with the secret.",
        TAG,
        {
            "201": responses.success_response(
                "The webhook and its secret.", ref("WebhookMade"), "Location"
            )
        },
        parameters=shared_parameters("idempotencyKey"),
        errors=responses.WRITING,
        writes=True,
        requestBody=request_body(ref("WebhookInput")),
    )


def _change() -> Schema:
    return operation(
        "webhookUpdate",
        "Change a webhook, pause it (nothing is lost: it goes on later), or give it another secret.",
        TAG,
        {
            "200": responses.success_response(
                "The webhook, and its secret if that is new.", ref("WebhookMade")
            )
        },
        parameters=shared_parameters(),
        errors=(404, *(s for s in responses.WRITING if s != 409)),
        writes=True,
        requestBody=request_body(ref("WebhookChanges")),
    )


def _sent(id: str, summary: str) -> Schema:
    return operation(
        id,
        summary,
        TAG,
        {"202": responses.success_response("What will be sent.", ref("Delivery"))},
        parameters=shared_parameters("idempotencyKey"),
        errors=(404, *responses.WRITING),
        writes=True,
        requestBody=NOTHING,
    )


def _webhook() -> dict[str, Schema]:
    return {
        "$id": id_schema(Webhook.prefix),
        "$type": {"const": "Webhook"},
        "$context": TYPES["url"],
        "$createdAt": TYPES["datetime"],
        "$updatedAt": TYPES["datetime"],
        "url": TEXT,
        "events": {"type": "array", "items": TEXT},
        "active": TYPES["bool"],
        "status": {
            "enum": ["active", "paused", "failing"],
            "description": "failing: with deliveries that were given up.",
        },
    }


def _written() -> dict[str, Schema]:
    noun = next(iter(registry))
    names = {
        "anyOf": [
            {
                "enum": [
                    patterns.ALL,
                    *(f"{each}.*" for each in registry),
                    *patterns.known_event_names(),
                ]
            },
            TEXT
            | {
                "pattern": r"^[^.*\s]+$",
                "maxLength": 255,
                "description": "The name of a tracked event.",
            },
        ]
    }
    return {
        "url": TEXT
        | {
            "maxLength": addresses.MAX_URL_LENGTH,
            "description": "https, on the public internet; no user name, no fragment.",
            "examples": ["https://example.com/hook"],
        },
        "events": {
            "type": "array",
            "items": names,
            "minItems": 1,
            "maxItems": patterns.MAX_PATTERNS,
            "examples": [[f"{noun}.*"], [patterns.ALL]],
        },
        "secret": nullable(
            TEXT
            | {
                "pattern": r"^[ -~]+$",
                "maxLength": LONGEST_SECRET,
                "writeOnly": True,
                "description": "To sign with; one is made where it is left out, or null.",
            }
        ),
        "active": TYPES["bool"] | {"description": "false: paused.", "default": True},
    }


def _delivery() -> dict[str, Schema]:
    moment = nullable(TYPES["datetime"])
    return {
        "$id": id_schema(Delivery.prefix),
        "$type": {"const": "Delivery"},
        "$context": TYPES["url"],
        "$createdAt": TYPES["datetime"],
        "webhook": id_schema(Webhook.prefix),
        "event": nullable(id_schema("evt") | {"description": "Null for a ping."}),
        "name": TEXT,
        "target": nullable(TEXT),
        "status": {
            "enum": ["pending", "retrying", "delivered", "failing"],
            "description": "failing: given up after six attempts.",
        },
        "attempts": {"type": "integer", "minimum": 0},
        "responseStatus": {"type": ["integer", "null"]},
        "duration": {"type": ["integer", "null"], "description": "Milliseconds."},
        "error": nullable(TEXT),
        "lastAttemptAt": moment,
        "nextAttemptAt": moment,
        "deliveredAt": moment,
    }
