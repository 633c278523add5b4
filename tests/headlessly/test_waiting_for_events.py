"""Who waits for an event keeps no thread, and hears of it as soon as it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections

from crm import Lead
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey, Tenant
from headlessly.log import news
from headlessly.log.events import LogPosition
from headlessly.web.front import Front, held_requests

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 3


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme")


@pytest.fixture
def bearer(tenant: Tenant) -> str:
    return ApiKey.issue(tenant, "follower", "admin", rate_limit=100_000)[1]


@dataclass
class Answer:
    """What the front sent, and how long after the beginning."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    content: bytes = b""
    seconds: float = 0

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in orjson.loads(self.content)["results"]]

    @property
    def cursor(self) -> str:
        return orjson.loads(self.content)["cursor"]


class Site:
    """The product behind its front, as a server runs it, and how often the log is read for those who wait."""

    def __init__(self, look: held_requests.Look | None = None) -> None:
        self.front = Front(WSGIHandler(), THREADS, 1, look=look or news.LogNews().look)
        self.turns: list[str] = []
        do = self.front.room.do

        async def counted(tenant: str, work: Callable[[], Any]) -> Any:
            self.turns.append(tenant)
            return await do(tenant, work)

        self.front.room.do = counted  # type: ignore[method-assign]

    async def get(self, path: str, bearer: str, leaves: asyncio.Event | None = None) -> Answer:
        before, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "GET", "path": f"/~acme{before}", "http_version": "1.1",
            "query_string": query.encode(), "client": ("192.0.2.1", 1),
            "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {bearer}".encode())],
        }  # fmt: skip
        told, began = Answer(), time.monotonic()
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if asked:
                await (leaves or asyncio.Event()).wait()
                return {"type": "http.disconnect"}
            asked = True
            return {"type": "http.request", "body": b""}

        async def send(message: dict[str, Any]) -> None:
            told.status = message.get("status", told.status)
            told.headers |= dict(message.get("headers", ()))
            told.content += message.get("body", b"")

        await self.front(scope, receive, send)
        told.seconds = time.monotonic() - began
        return told

    async def until_held(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.front.holding.by_tenant.total() != count:
                await asyncio.sleep(0.02)


@sync_to_async
def create_lead(tenant: Tenant) -> None:
    try:
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            Lead.create(name="At last", source="website")
    finally:
        connections.close_all()


def test_many_wait_while_others_are_answered_and_all_hear_of_it(
    tenant: Tenant, bearer: str
) -> None:
    async def story() -> None:
        site = Site()
        end = (await site.get("/events", bearer)).cursor
        waiting = [
            asyncio.ensure_future(site.get(f"/events?cursor={end}&wait=25", bearer))
            for _ in range(60)
        ]
        await site.until_held(60)
        assert (await site.get("/leads", bearer)).status == 200
        assert (await site.get("/events?wait=0.3&name=ping", bearer)).seconds >= 0.3
        site.turns.clear()
        await create_lead(tenant)
        answers = await asyncio.gather(*waiting)
        assert {tuple(each.names) for each in answers} == {("Lead.Created",)}
        assert len(site.turns) <= 3, "one reading for all who ask the same"
        for each in answers:
            assert each.headers[b"content-length"] == str(len(each.content)).encode()
            assert LogPosition.parse(each.cursor) > LogPosition.parse(end)
            assert b"x-ratelimit-remaining" in each.headers and b"x-request-id" in each.headers
        assert not site.front.holding.groups and not site.front.holding.by_tenant

    asyncio.run(story())


def test_what_somebody_waits_for_is_what_they_asked_for_and_may_see(
    tenant: Tenant, bearer: str
) -> None:
    reader = ApiKey.issue(tenant, "reader", "read", rate_limit=1000)[1]

    async def story() -> None:
        site = Site()
        end = (await site.get("/events", bearer)).cursor
        all_of_it, deals, others = (
            asyncio.ensure_future(site.get(f"/events?cursor={end}&wait={query}", key))
            for query, key in (
                ("20", bearer),
                ("2&targetType=Deal", bearer),
                ("20&targetType=Lead&limit=1&count=exact", reader),
            )
        )
        await site.until_held(3)
        await create_lead(tenant)
        assert (await all_of_it).names == (await others).names == ["Lead.Created"]
        assert orjson.loads((await others).content)["total"] == 1
        nothing = await deals
        assert nothing.names == [] and nothing.seconds >= 2
        assert LogPosition.parse(nothing.cursor) > LogPosition.parse(end), "it goes on from there"

    asyncio.run(story())


def test_who_leaves_is_held_no_longer_and_one_too_many_is_answered_at_once(
    tenant: Tenant, bearer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_requests, "MOST_OF_TENANT", 1)

    async def story() -> None:
        site, leaves = Site(), asyncio.Event()
        held = asyncio.ensure_future(site.get("/events?wait=25", bearer, leaves))
        await site.until_held(1)
        assert (await site.get("/events?wait=25", bearer)).seconds < 20
        leaves.set()
        assert (await held).status == 0
        assert not site.front.holding.groups and not site.front.holding.by_tenant

    asyncio.run(story())


def test_a_database_that_is_away_ends_no_waiting(tenant: Tenant, bearer: str) -> None:
    looked = 0
    real = news.LogNews().look

    def look(*asked: Any) -> Any:
        nonlocal looked
        looked += 1
        if looked == 1:
            raise OSError("away")
        return real(*asked)

    async def story() -> None:
        site = Site(look)
        end = (await site.get("/events", bearer)).cursor
        held = asyncio.ensure_future(site.get(f"/events?cursor={end}&wait=25", bearer))
        await site.until_held(1)
        await create_lead(tenant)
        assert (await held).names == ["Lead.Created"] and looked > 1

    asyncio.run(story())
