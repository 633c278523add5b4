"""Whoever receives a webhook can tell that it is us: by libraries of Standard Webhooks, and by the client."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Standard
from standardwebhooks.webhooks import WebhookVerificationError

from crm import Contact
from headlessly.access import encryption
from headlessly.client import NotVerified, verify
from headlessly.copies import tenant_rows
from headlessly.models import Delivery
from headlessly.webhooks import sending, signing
from tests.answered import answered

SECRETS = [signing.new_secret(), "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "my own s3cret"]


def arrived(listen: Any, deliver: Any, receiver: Any, secret: str) -> tuple[dict[str, str], bytes]:
    listen("Contact.Created", secret=secret)
    Contact.create(name="Ada Größe")
    deliver()
    ((_, headers, body),) = receiver.raw
    return headers, body


@pytest.mark.parametrize("secret", SECRETS, ids=["made", "standard", "any text"])
def test_it_is_verified_by_the_library_and_by_the_client(listen, deliver, receiver, secret):
    headers, body = arrived(listen, deliver, receiver, secret)
    key = secret if secret.startswith("whsec_") else secret.encode()
    event = Standard(key).verify(body, headers)
    assert event == verify(secret, headers, body) == receiver.got[0]
    assert verify(secret, {k.upper(): v for k, v in headers.items()}, body.decode()) == event
    assert headers["webhook-id"] == event["id"]
    for wrong_headers, wrong_body in (
        (headers, body + b" "),
        (headers | {"webhook-id": "evt_other"}, body),
        (headers | {"webhook-timestamp": str(int(time.time()) - 301)}, body),
        (headers | {"webhook-timestamp": "soon"}, body),
        (headers | {"webhook-signature": "v1,"}, body),
        ({k: v for k, v in headers.items() if k != "webhook-signature"}, body),
    ):
        with pytest.raises(NotVerified):
            verify(secret, wrong_headers, wrong_body)
        with pytest.raises(WebhookVerificationError):
            Standard(key).verify(wrong_body, wrong_headers)
    with pytest.raises(NotVerified):
        verify(signing.new_secret(), headers, body)
    for no_moment in ("9" * 400, "9" * 5000):
        with pytest.raises(NotVerified):
            verify(secret, headers | {"webhook-timestamp": no_moment}, body)


def test_it_takes_one_of_several_signatures(listen, deliver, receiver):
    headers, body = arrived(listen, deliver, receiver, SECRETS[0])
    several = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"
    assert verify(SECRETS[0], headers | {"webhook-signature": several}, body)["name"]
    with pytest.raises(NotVerified):
        verify(SECRETS[0], headers | {"webhook-signature": several[3:].replace("v1,", "v2,")}, body)


def test_it_sends_the_same_id_again_with_a_new_signature(listen):
    delivery = Delivery.make(listen(), timezone.now(), name="ping")
    first, second = (sending.make_request(delivery, at=at).headers for at in (1, 2))
    assert first["webhook-id"] == second["webhook-id"] == delivery.pk
    assert first["webhook-signature"] != second["webhook-signature"]


def test_it_says_in_the_document_how_to_verify(api, listen, deliver, receiver):
    from jsonschema import Draft202012Validator

    headers, _ = arrived(listen, deliver, receiver, SECRETS[0])
    document = answered(api.call("GET", "/openapi.json"))
    sent = document["webhooks"]["event"]["post"]
    named = {parameter["name"].lower() for parameter in sent["parameters"]}
    assert named <= {name.lower() for name in headers}
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= named
    assert "HMAC-SHA256" in sent["description"] and "whsec_" in sent["description"]
    schema = document["components"]["schemas"]["WebhookEvent"]
    assert list(Draft202012Validator(schema).iter_errors(receiver.got[0])) == []
    assert set(receiver.got[0]) == set(schema["properties"])


def test_what_a_tenant_gets_that_is_imported_without_its_secrets_signs():
    table = SimpleNamespace(encrypted=("secret",))
    for _ in range(50):
        made = tenant_rows._unreadable(cast(Any, table), "{}")
        signing.check_secret(encryption.decrypt(orjson.loads(made)["secret"]))


def test_it_says_so_where_a_secret_cannot_sign_and_tries_again(listen, deliver, later, receiver):
    """As one of an import of an earlier version cannot."""
    hook = listen()
    hook.secret = "whsec_-_-"
    hook.save()
    Contact.create(name="Ada Größe")
    deliver()
    assert hook.deliveries.get().error == sending.SECRET_LOST
    hook.secret = signing.new_secret()
    hook.save()
    later()
    assert receiver.names == ["Contact.Created"]
