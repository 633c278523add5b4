"""Webhooks by REST: made, changed and looked at by admins of the tenant, and by nobody else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import Contact
from headlessly.access.models import Membership, Tenant, User
from headlessly.models import Delivery, Webhook
from headlessly.webhooks import registration
from tests.answered import answered, named, problem
from tests.contract.described import Described, described_to

URL = "https://hooks.example.com/in?token=t0ken"


@contextmanager
def untouched() -> Any:
    """No webhook and no delivery of anybody is made, changed or deleted in here."""

    def state() -> Any:
        return list(Webhook.objects.order_by("pk").values()), list(
            Delivery.objects.order_by("pk").values()
        )

    before = state()
    yield
    assert state() == before


@pytest.fixture
def described(api: Any) -> Described:
    return described_to(api)


@pytest.fixture
def hook(api: Any) -> Webhook:
    made = answered(api.call("POST", "/webhooks", {"url": URL, "events": ["*"]}), 201)
    return Webhook.objects.get(pk=made["$id"])


@pytest.fixture
def given_up(hook: Webhook) -> Delivery:
    delivery = Delivery.make(hook, timezone.now(), name="ping", status="failing", attempts=6)
    delivery.save(force_insert=True)
    return delivery


def test_it_makes_one_and_shows_its_secret_once(api, described):
    body = {"url": URL, "events": ["Lead.Converted", "Deal.*", "page_view", "Deal.*"]}
    assert described.takes("webhookCreate", body) == []
    response = api.call("POST", "/webhooks", body)
    made = described.fits("webhookCreate", response, 201)
    secret = made.pop("secret")
    assert secret.startswith("whsec_") and len(secret) > 40
    assert made["events"] == ["Lead.Converted", "Deal.*", "page_view"]
    assert (made["url"], made["active"], made["status"]) == (URL, True, "active")
    assert made["$id"].startswith("webhook_")
    assert response["Location"] == f"http://testserver/~acme/webhooks/{made['$id']}"
    read = api.call("GET", f"/webhooks/{made['$id']}")
    assert described.fits("webhookGet", read, 200) == made
    listed = api.call("GET", "/webhooks")
    assert described.fits("webhookList", listed, 200)["results"] == [made]
    assert secret not in (read.content + listed.content).decode()


def test_it_takes_a_secret_and_never_shows_it_again(api, described, caplog):
    body = {"url": URL, "events": ["*"], "secret": "my own s3cret"}
    assert described.takes("webhookCreate", body) == []
    made = answered(api.call("POST", "/webhooks", body), 201)
    assert made["secret"] == "my own s3cret"
    for path in ("/webhooks", f"/webhooks/{made['$id']}", f"/webhooks/{made['$id']}/deliveries"):
        assert "s3cret" not in api.call("GET", path).content.decode()
    changed = answered(api.call("PATCH", f"/webhooks/{made['$id']}", {"events": ["Lead.*"]}))
    assert "secret" not in changed
    wrong = api.call("POST", "/webhooks", body | {"events": ["Nothing.*"]})
    assert "s3cret" not in wrong.content.decode()
    assert "s3cret" not in caplog.text and "t0ken" not in caplog.text
    assert "s3cret" not in repr(Webhook.objects.get())


def test_it_gives_no_secret_to_whoever_sends_the_request_again(api):
    body = {"url": URL, "events": ["*"]}
    first = answered(api.call("POST", "/webhooks", body, Idempotency_Key="k"), 201)
    again = api.call("POST", "/webhooks", body, Idempotency_Key="k")
    assert again["Idempotency-Replayed"] == "true"
    assert answered(again, 201) == {k: v for k, v in first.items() if k != "secret"}
    assert Webhook.objects.count() == 1


BAD = [
    ({}, "url"),
    ({"url": None}, "url"),
    ({"url": ""}, "url"),
    ({"url": 7}, "url"),
    ({"url": ["https://example.com"]}, "url"),
    ({"url": "https://example.com/" + "x" * 2000}, "url"),
    ({"events": None}, "events"),
    ({"events": []}, "events"),
    ({"events": "*"}, "events"),
    ({"events": {"a": 1}}, "events"),
    ({"events": [7]}, "events"),
    ({"events": [""]}, "events"),
    ({"events": ["a\x00b"]}, "events"),
    ({"events": ["x" * 256]}, "events"),
    ({"events": ["*"] * 101}, "events"),
    ({"events": ["Lead.Exploded"]}, "events"),
    ({"events": ["Lead"]}, "events"),
    ({"events": ["View"]}, "events"),
    ({"events": ["Nothing.*"]}, "events"),
    ({"events": ["Nothing.Created"]}, "events"),
    ({"events": ["lead.converted"]}, "events"),
    ({"events": ["*.Created"]}, "events"),
    ({"events": ["Lead.Con*"]}, "events"),
    ({"events": ["page_*"]}, "events"),
    ({"secret": ""}, "secret"),
    ({"secret": 7}, "secret"),
    ({"secret": "whsec_"}, "secret"),
    ({"secret": "whsec_no!base64"}, "secret"),
    ({"secret": "x" * 256}, "secret"),
    ({"secret": "geheim\n"}, "secret"),
    ({"secret": "gëheim"}, "secret"),
    ({"active": "yes"}, "active"),
    ({"active": None}, "active"),
    ({"tenant": "rival"}, "tenant"),
    ({"status": "disabled"}, "status"),
]


def test_it_refuses_what_is_wrong_and_names_it(api, hook, described):
    for body, field in BAD:
        whole = ({"url": URL, "events": ["*"]} if body else {}) | body
        with untouched():
            answer = api.call("POST", "/webhooks", whole)
            assert field in named(problem(answer, 422, "validation_error", type="Webhook")), body
            described.fits("webhookCreate", answer)
            if body:
                answer = api.call("PATCH", f"/webhooks/{hook.pk}", body)
                assert list(named(problem(answer, 422, "validation_error"))) == [field], body
                described.fits("webhookUpdate", answer)


def test_it_says_what_events_exist(api):
    def said(pattern: str) -> str:
        answer = api.call("POST", "/webhooks", {"url": URL, "events": [pattern]})
        return named(problem(answer, 422, "validation_error"))["events"]

    assert "Lead.Converted" in said("Lead.Exploded") and "Lead.*" in said("Lead.Exploded")
    assert "Deal" in said("Nothing.*") and "Lead" in said("Nothing.Created")
    assert said("lead.converted") == (
        "There is no event lead.converted. Did you mean Lead.Converted?"
    )


def test_it_changes_pauses_and_deletes(api, hook, described, acme):
    path = f"/webhooks/{hook.pk}"
    body = {"url": "https://other.example.com", "events": ["Deal.*"]}
    changed = described.fits("webhookUpdate", api.call("PATCH", path, body), 200)
    assert (changed["url"], changed["events"]) == ("https://other.example.com", ["Deal.*"])
    paused = described.fits("webhookUpdate", api.call("PATCH", path, {"active": False}), 200)
    assert paused["status"] == "paused"
    assert not Tenant.objects.get(pk=acme.pk).has_webhooks
    assert problem(api.call("POST", f"{path}/ping"), 409, "conflict")["status"] == "paused"
    described.fits("webhookPing", api.call("POST", f"{path}/ping"), 409)
    described.fits("webhookDelete", api.call("DELETE", path), 204)
    described.fits("webhookGet", api.call("GET", path), 404)
    described.fits("webhookDelete", api.call("DELETE", path), 404)
    assert not Webhook.objects.exists()


def test_it_takes_back_what_was_read_by_put_as_by_patch(api, hook, described):
    path = f"/webhooks/{hook.pk}"
    read = answered(api.call("GET", path))
    for method, id in (("PUT", "webhookPut"), ("PATCH", "webhookUpdate")):
        sent = read | {"events": ["Deal.*"] if method == "PUT" else ["Lead.*"]}
        assert described.fits(id, api.call(method, path, sent), 200)["events"] == sent["events"]
        wrong = api.call(method, path, read | {"status": "paused"})
        problem(wrong, 422, "validation_error", field="status")


def test_it_rotates_the_secret(api, hook, described):
    path = f"/webhooks/{hook.pk}"
    own = described.fits("webhookUpdate", api.call("PATCH", path, {"secret": "another one"}), 200)
    assert own["secret"] == Webhook.objects.get().secret == "another one"
    made = answered(api.call("PATCH", path, {"secret": None}))["secret"]
    assert made.startswith("whsec_") and made == Webhook.objects.get().secret
    assert "secret" not in answered(api.call("PATCH", path, {}))


def test_it_pings(listen, deliver, receiver, api, described):
    hook = listen("Lead.Converted")
    said = described.fits("webhookPing", api.call("POST", f"/webhooks/{hook.pk}/ping"), 202)
    assert (said["status"], said["event"], said["name"]) == ("pending", None, "ping")
    deliver()
    (body,) = receiver.got
    assert (body["id"], body["name"], body["tenant"]) == (said["$id"], "ping", "acme")
    listed = api.call("GET", f"/webhooks/{hook.pk}/deliveries")
    (delivery,) = described.fits("webhookDeliveries", listed, 200)["results"]
    assert (delivery["status"], delivery["responseStatus"], delivery["attempts"]) == (
        "delivered", 200, 1,
    )  # fmt: skip
    assert delivery["deliveredAt"] and delivery["duration"] >= 0
    assert delivery["nextAttemptAt"] is None


def test_it_pages_deliveries_newest_first(listen, deliver, receiver, api):
    hook = listen()
    contact = Contact.create(name="Ada")
    deliver()
    receiver.answer = lambda body: 500
    contact.update(title="CTO")
    deliver()
    path = f"/webhooks/{hook.pk}/deliveries"
    newest = answered(api.call("GET", f"{path}?limit=1"))
    assert newest["hasMore"] and newest["total"] == 2
    (failed,) = newest["results"]
    assert (failed["name"], failed["target"]) == ("Contact.Updated", contact.id)
    assert (failed["status"], failed["attempts"]) == ("retrying", 1)
    assert failed["nextAttemptAt"] > failed["lastAttemptAt"]
    assert failed["event"].startswith("evt_")
    (oldest,) = answered(api.call("GET", f"{path}?limit=1&offset=1"))["results"]
    assert (oldest["name"], oldest["status"]) == ("Contact.Created", "delivered")
    problem(api.call("GET", f"{path}?limit=0"), 400, "invalid_filter")
    problem(api.call("GET", f"{path}?state=1"), 400, "bad_request")


def test_it_sends_again_what_was_given_up_or_has_arrived(
    listen, deliver, later, receiver, api, described
):
    hook = listen()
    receiver.answer = lambda body: 500
    contact = Contact.create(name="Ada")
    for _ in range(12):
        later()
    contact.update(title="CTO")
    receiver.answer = lambda body: 200
    deliver()
    assert receiver.versions(contact.id) == [1] * 12 + [2]
    first = Delivery.objects.get(status="failing")
    path = f"/webhooks/{hook.pk}/deliveries/{first.pk}/redeliver"
    for times in (1, 2):
        said = described.fits("webhookRedeliver", api.call("POST", path), 202)
        assert (said["status"], said["attempts"]) == ("pending", 0)
        deliver()
        assert receiver.versions(contact.id) == [1] * 12 + [2] + [1] * times
    assert answered(api.call("GET", f"/webhooks/{hook.pk}"))["status"] == "active"


def test_it_keeps_nobody_waiting_for_what_is_sent_again(listen, deliver, receiver, api):
    hook = listen()
    contact = Contact.create(name="Ada")
    deliver()
    receiver.answer = lambda body: 500 if body["version"] == 1 else 200
    first = Delivery.objects.get()
    answered(api.call("POST", f"/webhooks/{hook.pk}/deliveries/{first.pk}/redeliver"), 202)
    contact.update(title="CTO")
    deliver()
    assert 2 in receiver.versions(contact.id)
    assert Delivery.objects.get(pk=first.pk).state == "retrying"


def test_it_hastens_what_waits_but_keeps_it_in_its_place(listen, deliver, receiver, api):
    hook = listen()
    receiver.answer = lambda body: 500
    contact = Contact.create(name="Ada")
    contact.update(title="CTO")
    deliver()
    receiver.answer = lambda body: 200
    first, second = Delivery.objects.order_by("event")
    for each in (second, first):
        answered(api.call("POST", f"/webhooks/{hook.pk}/deliveries/{each.pk}/redeliver"), 202)
    deliver()
    assert receiver.versions(contact.id) == [1, 1, 2]


CALLS = [
    ("GET", "/webhooks", None),
    ("POST", "/webhooks", {"url": URL, "events": ["*"]}),
    ("GET", "/webhooks/{hook}", None),
    ("PATCH", "/webhooks/{hook}", {"active": False}),
    ("DELETE", "/webhooks/{hook}", None),
    ("POST", "/webhooks/{hook}/ping", None),
    ("GET", "/webhooks/{hook}/deliveries", None),
    ("POST", "/webhooks/{hook}/deliveries/{delivery}/redeliver", None),
]


def test_it_is_for_admins_only(api, acme, hook, given_up):
    browsers = []
    for role in ("viewer", "rep", "manager"):
        user = User.objects.create_user(f"{role}@acme.example")
        Membership.objects.create(user=user, tenant=acme, role=role)
        browsers.append(Client())
        browsers[-1].force_login(user)
    with untouched():
        for method, path, body in CALLS:
            path = path.format(hook=hook.pk, delivery=given_up.pk)
            for scope in ("read", "write"):
                refused = type(api)(acme, scope).call(method, path, body)
                problem(refused, 403, "forbidden", type="Webhook")
            for browser in browsers:
                refused = browser.generic(
                    method, f"/~acme{path}", b"{}", content_type="application/json"
                )
                problem(refused, 403, "forbidden")
            problem(Client().generic(method, f"/~acme{path}"), 401, "unauthorized")


def test_it_shows_nothing_of_another_tenant(rival_api, hook, given_up):
    with untouched():
        for method, path, body in CALLS[2:]:
            path = path.format(hook=hook.pk, delivery=given_up.pk)
            problem(rival_api.call(method, path, body), 404, "not_found", id=hook.pk)
    assert answered(rival_api.call("GET", "/webhooks"))["results"] == []


def test_it_finds_deliveries_of_its_own_webhook_only(api, rival_api, hook, given_up):
    other = answered(api.call("POST", "/webhooks", {"url": URL, "events": ["*"]}), 201)["$id"]
    theirs = answered(rival_api.call("POST", "/webhooks", {"url": URL, "events": ["*"]}), 201)
    with untouched():
        for caller, owner in ((api, other), (rival_api, theirs["$id"])):
            path = f"/webhooks/{owner}/deliveries/{given_up.pk}/redeliver"
            problem(caller.call("POST", path), 404, "not_found", type="Delivery")


def test_it_finds_no_nonsense(api, hook, given_up):
    with untouched():
        for id in ("webhook_x", "x", "%00", "%F0%9F%98%80", "*"):
            problem(api.call("GET", f"/webhooks/{id}"), 404, "not_found")
            redeliver = f"/webhooks/{hook.pk}/deliveries/{id}/redeliver"
            problem(api.call("POST", redeliver), 404, "not_found")
        problem(api.call("POST", f"/webhooks/{hook.pk}/ping", {"x": 1}), 422, "validation_error")


def test_it_has_a_limit(api, hook, monkeypatch):
    monkeypatch.setattr(registration, "MOST", 1)
    with untouched():
        problem(api.call("POST", "/webhooks", {"url": URL, "events": ["*"]}), 409, "conflict")


def test_it_works_in_a_batch_and_sees_what_follows_there(listen, deliver, receiver, api, inside):
    operations = [
        {"method": "POST", "path": "/contacts", "body": {"name": "Before"}},
        {"method": "POST", "path": "/webhooks", "body": {"url": receiver.url, "events": ["*"]}},
        {"method": "POST", "path": "/contacts", "body": {"name": "After"}},
    ]
    answered(api.call("POST", "/batch", {"operations": operations, "atomic": True}))
    deliver()
    assert [body["data"]["name"] for body in receiver.got] == ["After"]
