"""Each event arrives, signed, in order per record, whatever fails on the way."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from crm import Contact, Lead
from headlessly.access import actors, tenancy
from headlessly.log import tracking
from headlessly.models import Delivery, Event, Webhook
from headlessly.webhooks import deliveries, sending
from tests.answered import answered

from .conftest import signed


def ada(**more: Any) -> Contact:
    return Contact.create(name="Ada Chen", **more)


# -- what is sent ---------------------------------------------------------------------------------


def test_it_delivers_an_event_as_the_log_has_it(listen, deliver, receiver, acme):
    listen()
    bob = actors.Actor("user_bob", "Bob", "rep")
    with actors.acting(bob):
        contact = ada(email="ada@acme.example")
        contact.update(title="CTO")
    deliver()
    first, second = receiver.got
    log = list(Event.log.filter(target_type="Contact").order_by("seq"))
    assert [first["id"], second["id"]] == [event.id for event in log]
    assert second == {
        "id": log[1].id,
        "name": "Contact.Updated",
        "timestamp": second["timestamp"],
        "tenant": "acme",
        "data": log[1].data | {"$context": f"{settings.SITE_URL}/~acme"},
        "previous": {"title": None},
        "target": contact.id,
        "targetType": "Contact",
        "version": 2,
        "actor": "user_bob",
        "cause": None,
        "requestId": log[1].request_id,
    }
    assert second["timestamp"].endswith("Z")
    assert second["data"]["title"] == "CTO"


def test_it_signs_what_it_sends(listen, deliver, receiver):
    listen("Contact.Created")
    ada()
    deliver()
    ((path, headers, body),) = receiver.raw
    assert path == "/hook"
    assert signed(headers, body)
    assert not signed(headers, body + b" ")
    assert not signed(headers, body, "another")
    assert abs(int(headers["X-Headlessly-Timestamp"]) - time.time()) < 60
    assert headers["X-Headlessly-Event"] == "Contact.Created"
    assert headers["X-Headlessly-Delivery"] == Delivery.objects.get().pk
    assert headers["Content-Type"] == "application/json"


def test_it_signs_as_openssl_would(listen):
    hook = listen()
    delivery = Delivery.make(hook, timezone.now(), name="ping")
    message = sending.make_request(delivery, at=1_700_000_000)
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", "s3cret"],
        input=b"1700000000." + message.body,
        capture_output=True,
        check=True,
    )
    assert message.headers["X-Headlessly-Signature"] == (
        "sha256=" + done.stdout.decode().split()[-1]
    )


def test_it_sends_only_what_is_wanted(listen, deliver, receiver, qualified):
    listen("Lead.Converted", "Deal.*", "page_view")
    tracking.track("page_view", {"path": "/pricing"})
    tracking.track("other")
    qualified.convert()
    deliver()
    assert sorted(receiver.names) == ["Deal.Created", "Lead.Converted", "page_view"]
    tracked = next(body for body in receiver.got if body["name"] == "page_view")
    assert tracked["target"] is tracked["version"] is None
    assert tracked["data"] == {"path": "/pricing"}


def test_it_names_any_tracked_event_in_a_header(listen, deliver, receiver):
    listen()
    tracking.track("größer: 1 € mehr")
    deliver()
    ((_, headers, _),) = receiver.raw
    assert headers["X-Headlessly-Event"] == "gr%C3%B6%C3%9Fer%3A%201%20%E2%82%AC%20mehr"


def test_it_tells_nothing_that_happened_before(listen, deliver, receiver, lead):
    tracking.track("before")
    listen()
    lead.update(score=1)
    deliver()
    assert receiver.names == ["Lead.Updated"]


def test_it_tells_each_of_its_own_tenant_only(listen, deliver, receiver, rival, theirs):
    listen()
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        theirs.lead.update(score=5)
        Webhook.objects.create(
            tenant=rival, url=receiver.url + "/theirs", events=["*"], secret="x", xid=0, seq=0,
            past="3:3:/3.0",
        )  # fmt: skip
        rival.has_webhooks = True
        theirs.lead.update(score=6)
    ada()
    deliver()
    paths = {
        path: body["tenant"] for (path, *_), body in zip(receiver.raw, receiver.got, strict=True)
    }
    assert paths == {"/hook": "acme", "/hook/theirs": "rival"}
    assert {b["name"] for b in receiver.got if b["tenant"] == "acme"} == {"Contact.Created"}


def test_it_delivers_to_each_webhook(listen, deliver, receiver):
    listen(url=receiver.url + "/a")
    listen("Contact.Created", url=receiver.url + "/b")
    ada().update(title="CTO")
    deliver()
    assert sorted(path for path, *_ in receiver.raw) == ["/hook/a", "/hook/a", "/hook/b"]


def test_it_tells_of_what_a_hidden_rep_did(listen, deliver, receiver, acme):
    """Webhooks are the admins': what a limited rep sees does not count."""
    listen()
    rep = actors.Actor("user_x", "X", "rep", "contact_nobody", limited=True)
    with actors.acting(rep):
        ada()
        deliver()
    assert receiver.names == ["Contact.Created"]


# -- what fails -----------------------------------------------------------------------------------


HOUR = 3600
PAUSES = [30, 120, 900, HOUR, 6 * HOUR, *[12 * HOUR] * 5]
PAUSES.append(3 * 24 * HOUR - sum(PAUSES))


def test_whoever_finds_that_it_fails_comes_back_at_the_same_moment(
    listen: Any, deliver: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = listen()
    receiver.answer = lambda body: 500
    ada()
    deliver()
    Delivery.objects.update(next_at=timezone.now())
    rest = int(deliveries.REST.total_seconds())
    begins = (int(timezone.now().timestamp()) // rest + 1) * rest
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    for after in (0.2, 1.3, 2.6, 4.1):
        now = datetime.fromtimestamp(begins + after, UTC)
        monkeypatch.setattr(timezone, "now", lambda now=now: now)
        deliveries.defer_next_attempt(hook.pk, rest=deliveries.REST)
    with connection.cursor() as cursor:
        cursor.execute("SELECT scheduled_at FROM procrastinate_jobs WHERE status = 'todo'")
        ((moment,),) = cursor.fetchall()
    assert moment == datetime.fromtimestamp(begins + 2 * rest, UTC)


def test_it_tries_again_and_gives_up_after_three_days(listen, deliver, receiver, api):
    hook = listen()
    receiver.answer = lambda body: 500
    ada()
    pauses = []
    for _ in range(len(PAUSES) + 3):
        before = timezone.now()
        deliver()
        delivery = Delivery.objects.get()
        if delivery.status == "pending":
            pauses.append(round((delivery.next_at - before).total_seconds()))
            Delivery.objects.update(next_at=timezone.now())
    assert pauses == pytest.approx(PAUSES, abs=10)
    assert len(receiver.got) == len(PAUSES) + 1
    (said,) = answered(api.call("GET", f"/webhooks/{hook.pk}/deliveries"))["results"]
    assert (said["status"], said["attempts"], said["responseStatus"]) == ("failing", 12, 500)
    assert said["error"] == "It answered 500."
    assert said["nextAttemptAt"] is said["deliveredAt"] is None
    assert answered(api.call("GET", f"/webhooks/{hook.pk}"))["status"] == "failing"
    receiver.answer = lambda body: 200
    Contact.create(name="Eve")
    deliver()
    assert receiver.got[-1]["data"]["name"] == "Eve", "later events still go"
    assert len(receiver.got) == len(PAUSES) + 2


def test_it_keeps_the_order_of_a_record_while_it_tries_again(listen, deliver, later, receiver):
    listen()
    contact, other = ada(), Contact.create(name="Bob")
    failing = {contact.id}
    receiver.answer = lambda body: 503 if body["target"] in failing else 200
    for title in ("A", "B"):
        contact.update(title=title)
        other.update(title=title)
    deliver()
    assert receiver.versions(contact.id) == [1], "the later ones wait"
    assert receiver.versions(other.id) == [1, 2, 3], "other records go on"
    later()
    assert receiver.versions(contact.id) == [1, 1]
    failing.clear()
    contact.update(title="C")
    later()
    assert receiver.versions(contact.id) == [1, 1, 1, 2, 3, 4]


def test_it_lets_later_events_go_when_one_is_given_up(listen, deliver, later, receiver):
    listen()
    receiver.answer = lambda body: 500 if body["version"] == 1 else 200
    contact = ada()
    contact.update(title="CTO")
    for _ in range(12):
        later()
    deliver()
    assert receiver.versions(contact.id) == [1] * 12 + [2]


def test_it_does_not_follow_redirects(listen, deliver, receiver):
    listen()

    def elsewhere(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{receiver.url}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answer = lambda body: elsewhere
    ada()
    deliver()
    assert [path for path, *_ in receiver.raw] == ["/hook"]
    assert Delivery.objects.get().error == "It answered 302. Redirects are not followed."


def test_it_gives_a_slow_receiver_ten_seconds_in_all(listen, deliver, receiver, monkeypatch):
    monkeypatch.setattr(sending, "TOTAL_TIMEOUT", 0.5)
    listen()

    def drip(handler: Any) -> None:
        handler.send_response(200)
        for _ in range(300):
            time.sleep(0.1)
            handler.wfile.write(b"X-Drip: 1\r\n")
            handler.wfile.flush()

    receiver.answer = lambda body: drip
    ada()
    started = time.monotonic()
    deliver()
    assert time.monotonic() - started < 15
    assert Delivery.objects.get().error.startswith("There was no answer within")


def cut(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"ok")
    handler.close_connection = True


def endlessly_slow(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    time.sleep(30)


@pytest.mark.parametrize("answer", [cut, endlessly_slow])
def test_its_status_is_the_answer_whatever_becomes_of_the_rest(
    answer, listen, deliver, receiver, monkeypatch
):
    monkeypatch.setattr(sending, "TOTAL_TIMEOUT", 3)
    listen()
    receiver.answer = lambda body: answer
    ada()
    deliver()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.response_status) == ("delivered", 200)


def test_a_secret_that_nobody_can_read_any_more_is_in_nobodys_way(
    listen, deliver, later, receiver, api, settings
):
    lost = listen()
    settings.SECRET_KEY = "another that was chosen when the first one was lost"
    listen(url=receiver.url + "/b")
    ada()
    deliver()
    assert [path for path, *_ in receiver.raw] == ["/hook/b"]
    assert lost.deliveries.get().error == sending.SECRET_LOST
    assert answered(api.call("GET", "/webhooks"))["total"] == 2
    answered(api.call("PATCH", f"/webhooks/{lost.pk}", {"secret": "n3w"}))
    later()
    path, headers, body = receiver.raw[-1]
    assert path == "/hook" and signed(headers, body, "n3w")


def test_it_reads_little_of_an_endless_answer(listen, deliver, receiver):
    listen()

    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            pass

    receiver.answer = lambda body: endless
    ada()
    started = time.monotonic()
    deliver()
    assert time.monotonic() - started < 15
    assert Delivery.objects.get().status == "delivered"


def test_it_says_what_went_wrong_when_nobody_answers(listen, deliver, receiver):
    listen()
    receiver.close()
    ada()
    deliver()
    delivery = Delivery.objects.get()
    assert (delivery.error, delivery.response_status) == ("The connection was refused.", None)
    assert delivery.duration is not None


def test_it_says_so_when_what_answers_is_not_http(listen, deliver, receiver):
    listen()
    receiver.answer = lambda body: lambda handler: handler.wfile.write(b"SMTP here\r\n\r\n")
    ada()
    deliver()
    assert Delivery.objects.get().error == "What it answered is not HTTP."


def test_it_sends_what_a_dead_worker_held(listen, deliver, receiver):
    listen()
    ada()
    from headlessly.webhooks.outbox import pump

    pump()
    (held,) = deliveries.hold_due(Webhook.objects.get().pk)  # and dies
    deliver()
    assert receiver.got == [], "it is still being sent"
    Delivery.objects.update(held_until=timezone.now())
    deliver()
    assert receiver.names == ["Contact.Created"]
    deliveries.record_results([held], [sending.AttemptResult(500, "It answered 500.")])
    assert Delivery.objects.get().status == "delivered", "whoever was late has no say"


@pytest.mark.parametrize("tried", [True, False])
def test_what_waits_for_tomorrow_since_the_clock_was_wrong_is_sent(
    tried, listen, deliver, receiver
):
    listen()
    ada()
    from headlessly.webhooks.outbox import pump

    pump()
    tomorrow = timezone.now() + timedelta(days=1)
    said = {"tried_at": tomorrow} if tried else {"created_at": tomorrow}
    Delivery.objects.update(next_at=tomorrow + timedelta(minutes=2), **said)
    deliver()
    assert receiver.names == ["Contact.Created"]


def test_the_pause_after_a_failure_is_kept(listen, deliver, receiver):
    listen()
    ada()
    receiver.answer = lambda body: 500
    deliver()
    due = timezone.now() + timedelta(hours=12)
    Delivery.objects.update(next_at=due)
    deliveries.make_due_what_is_of_later()
    assert Delivery.objects.get().next_at == due


def test_it_makes_one_delivery_however_often_the_log_is_read(listen, deliver, receiver):
    hook = listen()
    ada()
    deliver()
    Webhook.objects.update(xid=0, seq=0)
    deliver()
    assert len(receiver.got) == hook.deliveries.count() == 1


def test_it_goes_on_where_it_was_paused(listen, deliver, receiver, api):
    hook = listen()
    ada()
    answered(api.call("PATCH", f"/webhooks/{hook.pk}", {"active": False}))
    Contact.create(name="Bob")
    deliver()
    assert receiver.got == []
    assert not type(hook.tenant).objects.get(pk=hook.tenant_id).has_webhooks
    answered(api.call("PATCH", f"/webhooks/{hook.pk}", {"active": True}))
    deliver()
    assert sorted(body["data"]["name"] for body in receiver.got) == ["Ada Chen", "Bob"]


def test_it_forgets_what_is_old_and_over(listen, deliver, receiver):
    hook = listen()
    ada()
    deliver()
    Delivery.make(hook, timezone.now(), name="ping").save(force_insert=True)
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    receiver.close()
    deliver()
    assert [d.name for d in Delivery.objects.all()] == ["ping"], "what is pending stays"


# -- what was written in other ways ---------------------------------------------------------------


def test_it_tells_of_a_batch_and_of_tracked_events(listen, deliver, receiver, api):
    listen()
    operations = [
        {"method": "POST", "path": "/contacts", "body": {"name": "A"}},
        {"method": "POST", "path": "/events", "body": {"name": "page_view"}},
        {"method": "POST", "path": "/contacts", "body": {"name": "B"}},
    ]
    answered(api.call("POST", "/batch", {"operations": operations, "atomic": True}))
    answered(api.call("POST", "/events", {"name": "signup"}), 201)
    deliver()
    assert sorted(receiver.names) == ["Contact.Created"] * 2 + ["page_view", "signup"]


def test_it_tells_of_an_import(listen, deliver, receiver, api, work):
    listen("Contact.*")
    answered(api.call("POST", "/import/contacts", b'[{"name": "A"}, {"name": "B"}]'), 202)
    work()
    deliver()
    assert sorted(body["data"]["name"] for body in receiver.got) == ["A", "B"]


def test_it_tells_nothing_of_a_dry_run(listen, deliver, receiver):
    listen()
    Contact.create(name="Ada", dry_run=True)
    deliver()
    assert receiver.got == []


def test_it_tells_of_more_than_a_page_of_events(listen, deliver, receiver, monkeypatch):
    from headlessly.webhooks import outbox

    monkeypatch.setattr(outbox, "PAGE", 3)
    listen("Lead.*", "Contact.Updated")
    contact = ada()
    for n in range(5):
        contact.update(title=str(n))
        Lead.create(name=f"L{n}", source="x", contact=contact)
    deliver()
    assert receiver.names.count("Lead.Created") == 5
    assert [v for v in receiver.versions(contact.id) if v] == sorted(receiver.versions(contact.id))
    assert receiver.names.count("Contact.Updated") >= 5
