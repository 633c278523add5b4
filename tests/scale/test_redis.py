"""With a Redis it counts requests and knows sessions; PostgreSQL does where it does not answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, KeyUse, Tenant, User
from headlessly.accounts import session_cache, sessions
from headlessly.accounts.models import Session
from headlessly.api import limits
from headlessly.database import redis_server
from headlessly.log import news
from headlessly.log.events import LOG_START
from tests.conftest import Api

from .redis_servers import own_redis

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with own_redis() as url:
        yield url


@pytest.fixture
def redis(settings: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The Redis that is asked inside the test, empty at first."""
    settings.REDIS_URL = redis_url
    monkeypatch.setattr(redis_server, "_asked_again_from", 0)
    monkeypatch.setattr(redis_server, "_said_again_from", 0)
    asked = redis_server._connect(redis_url)
    asked.flushall()
    limits.leases.forget()
    yield asked
    redis_server._connect.cache_clear()


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


def test_it_counts_the_requests_of_a_key_without_writing(redis: Any, tenant: Any) -> None:
    api = Api(tenant)
    ApiKey.objects.update(rate_limit=3)
    answers = [api.call("GET", "/leads") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each["X-RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert 0 < int(answers[3]["X-RateLimit-Reset"]) - time.time() <= 61
    assert 0 < int(answers[3]["Retry-After"]) <= 60
    assert not KeyUse.objects.exists()
    assert ApiKey.objects.get(pk=api.key.pk).last_used_at is not None
    redis.delete(*redis.keys("headlessly:minute:*"))  # the minute is over
    assert api.call("GET", "/leads").status_code == 200
    assert [limits.count_stranger("ip_somebody")[0] for _ in range(2)] == [1, 2]


def test_a_minute_that_ends_tomorrow_is_over(redis: Any) -> None:
    # The clock was wrong, and is put right.
    assert [limits.count_stranger("ip_somebody")[0] for _ in range(2)] == [1, 2]
    redis.expire("headlessly:minute:ip_somebody", 86_400)
    for count in (1, 2):
        used, ends, left = limits.count_stranger("ip_somebody")
        assert used == count and 0 < left <= 60 and 0 < ends - time.time() <= 61


def test_it_counts_in_the_database_while_redis_is_silent(
    redis: Any,
    tenant: Any,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    api = Api(tenant)
    assert [api.call("GET", "/leads").status_code for _ in range(3)] == [200] * 3
    assert KeyUse.objects.get(key=api.key.pk).count
    for _ in range(3):  # it is asked again in a while, all night
        monkeypatch.setattr(redis_server, "_asked_again_from", 0)
        assert api.call("GET", "/leads").status_code == 200
        assert redis_server._asked_again_from
    told = [line for line in caplog.messages if "Redis does not answer" in line]
    assert len(told) == 1
    assert limits.count_stranger("ip_somebody")[0] == 1


def test_it_knows_who_is_signed_in_and_that_they_are_no_more(redis: Any) -> None:
    user = User.objects.create(email="ann@acme.example")
    browser = Client()
    browser.force_login(user)
    hashed = Session.objects.get(user=user).session_key

    def asks_table() -> bool:
        store = sessions.SessionStore(browser.cookies["sessionid"].value)
        with CaptureQueriesContext(connection) as asked:
            is_in = store.get("_auth_user_id") == str(user.pk)
        assert is_in == Session.objects.filter(user=user).exists()
        return bool(asked.captured_queries)

    assert not asks_table()  # known since it was written
    redis.delete(*redis.keys("headlessly:session:*"))
    assert asks_table() and not asks_table()
    slow = Session.objects.get(user=user)
    assert sessions.end_sessions(user) == 1
    session_cache.remember_read(slow)  # read before the end, remembered after it
    assert session_cache.known_session(hashed) is None
    assert asks_table()


def test_the_end_of_a_session_is_told_to_others_although_redis_was_silent(
    redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.create(email="ann@acme.example")
    Client().force_login(user)
    hashed = Session.objects.get(user=user).session_key
    assert 0 < redis.ttl(session_cache._name(hashed)) <= 10
    monkeypatch.setattr(redis_server, "_asked_again_from", time.monotonic() + 60)
    sessions.end_sessions(user)
    assert redis.get(session_cache._name(hashed)) == session_cache.ENDED


def test_what_is_known_and_old_is_not_written_over_the_table(redis: Any) -> None:
    browser = Client()
    browser.force_login(User.objects.create(email="ann@acme.example"))
    key = browser.cookies["sessionid"].value
    first = sessions.SessionStore(key)
    first.update({"visited": "acme", "language": "en", "left": True})
    first.save()
    name = session_cache._name(Session.objects.get().session_key)
    old = redis.get(name)
    confirmed = sessions.SessionStore(key)
    confirmed["confirmed"] = True
    del confirmed["visited"]
    confirmed.save()
    redis.set(name, old)  # as if it had not been told
    slow = sessions.SessionStore(key)
    assert "confirmed" not in slow
    slow["language"] = "de"
    del slow["left"]
    slow.save()
    row = Session.objects.get()
    found = slow.decode(row.session_data)
    assert found["confirmed"] and found["language"] == "de" and row.user_id
    assert not found.keys() & {"visited", "left"}


def test_what_another_version_knows_of_a_session_is_not_read(redis: Any) -> None:
    user = User.objects.create(email="ann@acme.example")
    Client().force_login(user)
    hashed = Session.objects.get(user=user).session_key
    name = session_cache._name(hashed)
    known = orjson.loads(redis.get(name))
    for other in ({"later": "x"} | known, dict(list(known.items())[1:])):
        redis.set(name, orjson.dumps(other))
        assert session_cache.known_session(hashed) is None
    redis.set(name, orjson.dumps(known))
    assert session_cache.known_session(hashed) is not None


def test_a_session_that_is_known_is_over_in_time(redis: Any, settings: Any) -> None:
    user = User.objects.create(email="ann@acme.example")
    browser = Client()
    browser.force_login(user)
    known = session_cache.known_session(Session.objects.get(user=user).session_key)
    assert known is not None and not sessions.is_over(known)
    settings.SESSION_IDLE *= 0
    assert sessions.is_over(known)


def test_it_tells_of_events_as_they_are_committed(redis: Any, tenant: Any) -> None:
    heard = news.LogNews()
    assert heard.look([tenant.pk], [tenant.pk], True) == {tenant.pk: LOG_START}
    assert heard.look([], [tenant.pk], True) == {}, "nothing was said of it, so nothing is asked"
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        with transaction.atomic():
            Lead.create(name="Anna", source="website")
            assert heard._listen(0.1) == set(), "nobody knows whether it will be"
        began = time.monotonic()
        found = heard.look([], [tenant.pk], False)
        assert time.monotonic() - began < news.LISTEN, "it does not wait when something is said"
        assert found[tenant.pk] > LOG_START
        assert heard.look([], [0], True) == {}


def test_logs_are_looked_at_while_redis_is_silent(
    redis: Any, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = news.LogNews()
    heard.look([], [tenant.pk], True)
    monkeypatch.setattr(redis_server, "_asked_again_from", time.monotonic() + 60)
    assert heard.look([], [tenant.pk], False) == {tenant.pk: LOG_START}
