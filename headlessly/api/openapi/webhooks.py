"""What is sent to webhooks, for those who receive it: the event, its headers, what to answer."""

from __future__ import annotations

from headlessly.api.json_schema import TEXT, TYPES, Schema, nullable, object_schema, ref

ABOUT = """\
Each event that a webhook wants, by POST to its address, at least once and in order per record. Answer 2xx
within ten seconds; anything else is tried again after 30 s, 2 min, 15 min, 1 h, 6 h and then every 12 h,
up to 3 days. A webhook to which nothing has arrived for 3 days is disabled, and at once after a 410.

`View.Entered` and `View.Left` are about a record (`target`, of the noun `targetType`) that came into a saved
view or went: of views that somebody follows, or that are watched (`POST /views/{id}/watch`). Their `data` has
`view`, its id, `viewName` where it is shared, and `person` where it is the list of one person. The record was
not changed by it: they have no `version`.

**Verify it** before you read it. `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over
`{webhook-id}.{webhook-timestamp}.{body}`, with the body as it arrived, byte by byte; the key is what follows
`whsec_` in the secret, decoded from base64 (of a secret that does not begin so, its own bytes). Refuse a
timestamp that is more than five minutes off. Any library of Standard Webhooks does this, and
`headlessly.client.verify(secret, headers, body)`. `X-Headlessly-Signature` is `sha256=` and the hex of
HMAC-SHA256 over `{X-Headlessly-Timestamp}.{body}`, with the whole secret as it is written."""

HEADERS = {
    "webhook-id": "The event's id: the same however often it is sent.",
    "webhook-timestamp": "When it was signed, in seconds since 1970.",
    "webhook-signature": "`v1,` and a signature; several are separated by spaces.",
    "X-Headlessly-Event": "The event's name, percent-encoded.",
    "X-Headlessly-Delivery": "The delivery's id, as in `GET /webhooks/{id}/deliveries`.",
    "X-Headlessly-Timestamp": "When it was signed, in seconds since 1970.",
    "X-Headlessly-Signature": "`sha256=` and a signature.",
}


def webhook_payload() -> Schema:
    """The body of a delivery. A ping has only what is always there."""
    anything = {"type": "object", "additionalProperties": True}
    always = {
        "id": TEXT,
        "name": TEXT | {"examples": ["Lead.Converted", "ping"]},
        "timestamp": TYPES["datetime"],
        "tenant": TEXT | {"description": "The slug of the tenant."},
        "data": nullable(
            anything | {"description": "The record after it; of View.Entered the view."}
        ),
        "previous": nullable(anything | {"description": "The former values of what changed."}),
    }
    of_events = {
        "target": nullable(TEXT | {"description": "The record's id."}),
        "targetType": nullable(TEXT),
        "version": nullable({"type": "integer"}),
        "actor": nullable(TEXT),
        "cause": nullable(TEXT | {"description": "The id of the event that caused it."}),
        "requestId": nullable(TEXT),
    }
    return object_schema(always | of_events, always, additionalProperties=True)


def webhook_items() -> dict[str, Schema]:
    """The document's ``webhooks``."""
    headers = [
        {"name": name, "in": "header", "required": True, "schema": TEXT, "description": said}
        for name, said in HEADERS.items()
    ]
    return {
        "event": {
            "post": {
                "operationId": "webhookEvent",
                "summary": "An event, sent to an address of yours.",
                "description": ABOUT,
                # Not the tag of /webhooks: openapi-generator would put this in the place of those.
                "tags": ["WebhookEvent"],
                "security": [],
                "parameters": headers,
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref("WebhookEvent")}},
                },
                "responses": {
                    "2XX": {"description": "It has arrived."},
                    "410": {"description": "Nothing more, please: the webhook is disabled."},
                    "default": {"description": "It is tried again later."},
                },
            }
        }
    }
