"""Rate limits: a key may send so many requests a minute, to however many processes."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crm import Lead
from headlessly.access.models import ApiKey, KeyUse, Membership, User
from headlessly.api import limits
from tests.answered import answered, problem, unchanged
from tests.headlessly.test_races import at_once

LEAD = {"name": "Inbound", "source": "website"}


@pytest.fixture
def three(api: Any) -> Any:
    """A client whose key may send three requests a minute."""
    ApiKey.objects.filter(pk=api.key.pk).update(rate_limit=3)
    return api


def said(response: Any) -> tuple[int, int]:
    return int(response["X-RateLimit-Limit"]), int(response["X-RateLimit-Remaining"])


def minutes_pass(n: float = 1) -> None:
    KeyUse.objects.update(since=timezone.now() - timedelta(minutes=n))


def test_it_allows_a_thousand_a_minute_unless_told_otherwise(acme: Any) -> None:
    key, _ = ApiKey.issue(acme, "any")
    assert key.rate_limit == 1000
    assert ApiKey.issue(acme, "more", rate_limit=5)[0].rate_limit == 5


def test_a_minute_that_begins_tomorrow_is_over(three: Any) -> None:
    # The clock was wrong, and is put right.
    assert [three.call("GET", "/leads").status_code for _ in range(4)] == [200] * 3 + [429]
    minutes_pass(-24 * 60)
    limits.leases.forget()
    answer = three.call("GET", "/leads")
    assert (answer.status_code, said(answer)) == (200, (3, 2))
    assert 0 <= int(answer["X-RateLimit-Reset"]) - time.time() <= 61


def test_it_says_on_every_answer_what_is_left(three: Any, lead: Lead) -> None:
    ApiKey.objects.update(rate_limit=10)
    calls = [
        ("GET", "/leads", None, 200),
        ("POST", "/leads", LEAD, 201),
        ("POST", "/leads", {"score": "x"}, 422),
        ("POST", "/leads", b"{", 400),
        ("GET", "/nothing", None, 404),
        ("DELETE", "/schema", None, 405),
        ("OPTIONS", "/leads", None, 204),
        ("DELETE", f"/leads/{lead.pk}", None, 204),
    ]
    for n, (method, path, body, status) in enumerate(calls, 1):
        response = three.call(method, path, body)
        assert response.status_code == status
        assert said(response) == (10, 10 - n)
        assert 0 <= int(response["X-RateLimit-Reset"]) - time.time() <= 61
        assert "Retry-After" not in response.headers


def test_it_refuses_one_too_many_until_the_minute_is_over(three: Any) -> None:
    for left in (2, 1, 0):
        assert said(three.call("GET", "/schema")) == (3, left)
    with unchanged():
        for _ in range(2):
            response = three.call("POST", "/leads", LEAD)
            problem(response, 429, "rate_limited")
            assert said(response) == (3, 0)
            assert 1 <= int(response["Retry-After"]) <= 60
    minutes_pass(0.9)
    problem(three.call("GET", "/schema"), 429, "rate_limited")
    minutes_pass(1)
    assert said(three.call("GET", "/schema")) == (3, 2)


def test_it_counts_every_key_for_itself(three: Any, rival_api: Any, acme: Any) -> None:
    for _ in range(4):
        last = three.call("GET", "/schema")
    problem(last, 429, "rate_limited")
    answered(rival_api.call("GET", "/schema"))
    answered(type(three)(acme).call("GET", "/schema"))


def test_it_does_not_limit_people_and_tells_strangers_nothing(three: Any, acme: Any) -> None:
    user = User.objects.create_user("ada@acme.example", "pass-word-1")
    Membership.objects.create(user=user, tenant=acme, role="admin")
    browser = Client()
    browser.force_login(user)
    for response in (browser.get("/~acme/leads"), Client().get("/~acme/leads")):
        assert not [name for name in response.headers if "RateLimit" in name]
    assert not KeyUse.objects.exists()


def test_it_notes_the_last_use_once_a_minute(three: Any) -> None:
    def last_use() -> Any:
        return ApiKey.objects.get(pk=three.key.pk).last_used_at

    assert last_use() is None
    three.call("GET", "/schema")
    first = last_use()
    assert abs(first - timezone.now()) < timedelta(seconds=30)
    three.call("GET", "/schema")
    assert last_use() == first
    minutes_pass()
    three.call("GET", "/schema")
    assert last_use() > first


@pytest.mark.django_db(transaction=True)
def test_it_counts_right_for_many_at_once(acme: Any, api: Any) -> None:
    """Each thread has a connection of its own, and nothing else is shared: as processes have."""
    ApiKey.objects.filter(pk=api.key.pk).update(rate_limit=50)

    def ten() -> list[int]:
        client = type(api)(acme)
        client.secret = api.secret
        return [client.call("GET", "/schema").status_code for _ in range(10)]

    answers = [status for each in at_once(*[ten] * 8) for status in each]
    assert sorted(answers) == [200] * 50 + [429] * 30
    assert KeyUse.objects.get(pk=api.key.pk).count == 80


def test_it_counts_ten_at_a_time_for_a_key_that_may_send_many(api: Any) -> None:
    ApiKey.objects.filter(pk=api.key.pk).update(rate_limit=1000)
    left = [said(api.call("GET", "/schema"))[1] for _ in range(11)]
    assert left == list(range(999, 988, -1))
    assert KeyUse.objects.get(pk=api.key.pk).count == 20
    answered(api.call("GET", "/schema"))
    assert KeyUse.objects.get(pk=api.key.pk).count == 20


def test_it_never_lets_more_through_than_a_key_may_send(api: Any) -> None:
    ApiKey.objects.filter(pk=api.key.pk).update(rate_limit=1005)
    answered(api.call("GET", "/schema"))
    KeyUse.objects.update(count=1000)
    for _ in range(9):
        answered(api.call("GET", "/schema"))
    statuses = [api.call("GET", "/schema").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2


def test_it_refuses_a_revoked_key_that_has_counted_ahead(api: Any) -> None:
    answered(api.call("GET", "/schema"))
    ApiKey.objects.get(pk=api.key.pk).revoke()
    problem(api.call("GET", "/schema"), 401, "unauthorized")


def test_it_takes_no_lease_into_the_next_minute(api: Any, monkeypatch: Any) -> None:
    answered(api.call("GET", "/schema"))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    minutes_pass(1.1)
    assert said(api.call("GET", "/schema"))[1] == 100_000 - 1
    assert KeyUse.objects.get(pk=api.key.pk).count == 10


def test_it_counts_for_itself_where_it_only_reads(three: Any, settings: Any) -> None:
    settings.READ_ONLY = True
    assert [three.call("GET", "/schema").status_code for _ in range(4)] == [200] * 3 + [429]
    assert not KeyUse.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_counts_what_is_rolled_back(acme: Any, three: Any) -> None:
    problem(three.call("POST", "/leads", {"score": "x"}, Idempotency_Key="k"), 422,
            "validation_error")  # fmt: skip
    assert KeyUse.objects.get().count == 1


def test_it_counts_without_the_write_ahead_log(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'headlessly_keyuse'")
        assert cursor.fetchall() == [("u",)]
