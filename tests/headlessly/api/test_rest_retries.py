"""Idempotency-Key: whatever is sent again happens once, and is answered as it was the first time."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg import errors as postgres

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import IdempotentReply
from headlessly.context.tenant_scope import every_tenant
from headlessly.log.events import Event
from tests.answered import answered, named, problem, unchanged
from tests.headlessly.test_races import at_once

LEAD = {"name": "Inbound", "source": "website"}


def same(first: Any, again: Any) -> None:
    """The second answer is the first one, and says so."""
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("Location", "ETag", "Content-Type", "Cache-Control", "Vary"):
        assert again.headers.get(name) == first.headers.get(name)
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert again["X-Request-Id"] != first["X-Request-Id"]


def test_it_creates_once_and_answers_the_same_again(api: Any) -> None:
    first = api.call("POST", "/leads", LEAD, Idempotency_Key="k-1")
    assert answered(first, 201)["name"] == "Inbound" and first["Location"] and first["ETag"]
    with unchanged():
        same(first, api.call("POST", "/leads", LEAD, Idempotency_Key="k-1"))
        # However the same JSON is spelled.
        same(
            first,
            api.call("POST", "/leads", b'{"source":"website",\n"name":"Inbound"}',
                     Idempotency_Key="k-1"),
        )  # fmt: skip
    assert answered(api.call("POST", "/leads", LEAD, Idempotency_Key="k-2"), 201) != first.json()


def test_it_answers_as_it_did_whatever_happened_since(api: Any, qualified: Lead) -> None:
    address = f"/leads/{qualified.pk}/convert"
    first = api.call("POST", address, Idempotency_Key="convert")
    assert answered(first)["status"] == "Converted"
    with unchanged():
        same(first, api.call("POST", address, Idempotency_Key="convert"))
        problem(api.call("POST", address, Idempotency_Key="another"), 409, "conflict")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/contacts/capture", {"email": "a@example.com", "name": "A"}), ("/events", {"name": "seen"})],
)
def test_it_does_so_for_every_post(path: str, body: Any, api: Any) -> None:
    first = api.call("POST", path, body, Idempotency_Key="k")
    answered(first, 201)
    with unchanged():
        same(first, api.call("POST", path, body, Idempotency_Key="k"))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/leads", LEAD | {"name": "Other"}),
        ("/leads", {}),
        ("/leads?dryRun=true", LEAD),
        ("/contacts", LEAD),
    ],
)
def test_it_refuses_a_key_that_was_used_for_something_else(path: str, body: Any, api: Any) -> None:
    first = api.call("POST", "/leads", LEAD, Idempotency_Key="k")
    answered(first, 201)
    with unchanged():
        response = api.call("POST", path, body, Idempotency_Key="k")
        found = problem(response, 422, "validation_error", field="Idempotency-Key")
        assert "another request" in named(found)["Idempotency-Key"]
    same(first, api.call("POST", "/leads", LEAD, Idempotency_Key="k"))


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "caf\xe9", "\x7f"])
def test_it_refuses_what_is_no_key(key: str, api: Any) -> None:
    with unchanged():
        response = api.call("POST", "/leads", LEAD, Idempotency_Key=key)
        problem(response, 400, "bad_request", field="Idempotency-Key")
    assert not IdempotentReply.objects.exists()
    answered(api.call("POST", "/leads", LEAD, Idempotency_Key="x" * 255), 201)


def test_it_keeps_the_keys_of_tenants_and_actors_apart(api: Any, rival_api: Any, acme: Any) -> None:
    colleague = type(api)(acme)
    answers = [c.call("POST", "/leads", LEAD, Idempotency_Key="k") for c in
               (api, rival_api, colleague)]  # fmt: skip
    assert len({answered(each, 201)["$id"] for each in answers}) == 3
    for client, first in zip((api, rival_api, colleague), answers, strict=True):
        same(first, client.call("POST", "/leads", LEAD, Idempotency_Key="k"))
    problem(
        type(api)(acme, "read").call("POST", "/leads", LEAD, Idempotency_Key="k"), 403, "forbidden"
    )


def test_it_keeps_nothing_of_what_was_refused(api: Any, lead: Lead) -> None:
    """Nothing has happened: the same key may be used for the corrected request."""
    with unchanged():
        for path, body, status, code in (
            ("/leads", {"name": "x", "score": "much"}, 422, "validation_error"),
            ("/leads", b"{", 400, "bad_request"),
            (f"/leads/{lead.pk}/convert", {}, 409, "conflict"),
            ("/leads/lead_nobody/lose", {}, 404, "not_found"),
            ("/nothing", {}, 404, "not_found"),
            ("/leads", b"[" * 2000, 400, "bad_request"),
            ("/leads", b'{"name":' + b"[" * 300 + b"]" * 300 + b"}", 400, "bad_request"),
        ):
            problem(api.call("POST", path, body, Idempotency_Key="k"), status, code)
    assert not IdempotentReply.objects.exists()
    answered(api.call("POST", "/leads", LEAD, Idempotency_Key="k"), 201)


def test_it_keeps_nothing_of_what_failed(api: Any, hooked: Any) -> None:
    def broken(record: Any, ctx: Any) -> None:
        raise RuntimeError("a bug")

    hooked(Lead.created, broken)
    with unchanged():
        response = api.call("POST", "/leads", LEAD, Idempotency_Key="k")
        problem(response, 500, "internal_error")
    assert not IdempotentReply.objects.exists()
    Lead.created.remove(broken)
    answered(api.call("POST", "/leads", LEAD, Idempotency_Key="k"), 201)


def test_it_forgets_after_a_day(api: Any) -> None:
    first = api.call("POST", "/leads", LEAD, Idempotency_Key="k")
    day = timedelta(hours=24)
    IdempotentReply.objects.update(created_at=timezone.now() - day + timedelta(minutes=1))
    same(first, api.call("POST", "/leads", LEAD, Idempotency_Key="k"))
    IdempotentReply.objects.update(created_at=timezone.now() - day)
    other = api.call("POST", "/leads", LEAD | {"name": "Later"}, Idempotency_Key="k")
    assert answered(other, 201)["name"] == "Later"
    same(other, api.call("POST", "/leads", LEAD | {"name": "Later"}, Idempotency_Key="k"))
    assert IdempotentReply.objects.count() == 1


@every_tenant()
def test_it_clears_away_what_is_older_than_a_day(api: Any, acme: Any, rival: Any) -> None:
    now = timezone.now()
    for moment in (now - timedelta(hours=25), now):
        IdempotentReply.objects.bulk_create(
            IdempotentReply(
                tenant=tenant, actor="a", key=f"{n}{moment}", fingerprint="", created_at=moment
            )
            for n in range(20)
            for tenant in (acme, rival)
        )
    for n in range(40):  # one in sixteen clears
        answered(api.call("POST", "/leads?dryRun=true", LEAD, Idempotency_Key=f"k{n}"))
    old = IdempotentReply.objects.filter(created_at__lt=now)
    assert {reply.tenant for reply in old} == {rival}, "others' are cleared by them, or hourly"
    assert IdempotentReply.objects.filter(tenant=acme).count() == 60


def test_it_asks_the_database_nothing_more_without_the_header(
    api: Any,
) -> None:
    with CaptureQueriesContext(connection) as asked:
        answered(api.call("POST", "/leads", LEAD), 201)
    assert not [q for q in asked.captured_queries if "idempotent" in q["sql"]]


@pytest.fixture
def hooked() -> Any:
    """Adds a hook for this test only."""
    added = []

    def add(hook: Any, function: Any) -> None:
        hook(function)
        added.append((hook, function))

    yield add
    for hook, function in added:
        hook.remove(function)


# -- at once, and half ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_it_does_what_is_sent_twice_at_once_once(api: Any, hooked: Any) -> None:
    hooked(Lead.created, lambda record, ctx: time.sleep(0.3))
    clients = [type(api)(tenancy.require()) for _ in range(6)]
    for client in clients:
        client.secret = api.secret
    answers = at_once(
        *[lambda c=c: c.call("POST", "/leads", LEAD, Idempotency_Key="k") for c in clients]
    )
    assert [a.status_code for a in answers] == [201] * 6, answers
    assert len({a.content for a in answers}) == len({a["Location"] for a in answers}) == 1
    assert sorted("Idempotency-Replayed" in a.headers for a in answers) == [False] + [True] * 5
    assert Lead.count() == 1
    assert Event.objects.filter(name="Lead.Created").count() == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_done_by_the_second_where_the_first_failed(api: Any, hooked: Any) -> None:
    reached, calls = threading.Event(), []

    def fails_first(record: Any, ctx: Any) -> None:
        calls.append(record)
        reached.set()
        if len(calls) == 1:
            time.sleep(0.3)
            raise RuntimeError("killed")

    hooked(Lead.created, fails_first)
    second = type(api)(tenancy.require())
    second.secret = api.secret

    def later() -> Any:
        reached.wait(20)
        return second.call("POST", "/leads", LEAD, Idempotency_Key="k")

    failed, done = at_once(lambda: api.call("POST", "/leads", LEAD, Idempotency_Key="k"), later)
    problem(failed, 500, "internal_error")
    assert answered(done, 201)["$id"] == Lead.find().get().pk
    assert "Idempotency-Replayed" not in done.headers


@pytest.mark.django_db(transaction=True)
def test_it_keeps_the_answer_in_the_transaction_of_its_effect(api: Any) -> None:
    answered(api.call("POST", "/leads", LEAD, Idempotency_Key="k"), 201)
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text::bigint FROM headlessly_idempotentreply")
        ((written,),) = cursor.fetchall()
    assert int(Event.objects.get().xid) % 2**32 == written


@pytest.mark.django_db(transaction=True)
def test_it_tries_again_after_a_deadlock(api: Any, hooked: Any) -> None:
    calls = []

    def chosen(record: Any, ctx: Any) -> None:
        calls.append(record)
        if len(calls) == 1:
            raise OperationalError("chosen") from postgres.DeadlockDetected()

    hooked(Lead.created, chosen)
    with actors.acting(actors.SYSTEM):
        answered(api.call("POST", "/leads", LEAD, Idempotency_Key="k"), 201)
    assert (len(calls), Lead.count()) == (2, 1)
