"""A simulated server, with a noun that nobody has declared; and a real one."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from headlessly.client import AsyncHeadlessly, Headlessly, Retries

URL = "https://crm.example.com/~acme"
NAME = {"type": "string", "required": True}

#: What a server might declare: none of the product's nouns.
SCHEMA = {
    "meta": {},
    "nouns": {
        "Rocket": {
            "name": "Rocket",
            "plural": "rockets",
            "prefix": "rocket",
            "description": "Something that flies.",
            "columns": ["name", "phase"],
            "fields": {
                "name": NAME,
                "phase": {"type": "enum", "choices": ["Built", "Flown"]},
                "launchPad": {"type": "reference", "to": "Pad"},
                "flownAt": {"type": "datetime", "readOnly": True, "setBy": ["liftOff"]},
                "built": {"type": "date"},
                "log": {"type": "json"},
            },
            "verbs": {
                "create": {
                    "description": "Create a record.",
                    "event": "Rocket.Created",
                    "after": "created",
                    "creates": True,
                    "input": {
                        "name": NAME,
                        "launchPad": {"type": "reference", "to": "Pad"},
                        "built": {"type": "date"},
                        "log": {"type": "json"},
                    },
                },
                "update": {
                    "description": "Change fields.",
                    "event": "Rocket.Updated",
                    "after": "updated",
                    "input": {"name": {"type": "string"}, "phase": {"type": "enum"}},
                },
                "delete": {
                    "description": "Delete the record.",
                    "event": "Rocket.Deleted",
                    "after": "deleted",
                    "input": {},
                },
                "liftOff": {
                    "description": "Let it fly.",
                    "event": "Rocket.LiftedOff",
                    "after": "lifted_off",
                    "input": {
                        "crewSize": {"type": "integer", "required": True},
                        "launchPad": {"type": "reference", "to": "Pad", "new": True},
                    },
                },
            },
            "machine": None,
            "relations": {},
        },
        "Pad": {
            "name": "Pad",
            "plural": "pads",
            "prefix": "pad",
            "description": "Where rockets start.",
            "columns": ["name"],
            "fields": {"name": NAME, "groundCrew": {"type": "integer"}},
            "verbs": {
                "create": {
                    "description": "Create a record.",
                    "event": "Pad.Created",
                    "after": "created",
                    "creates": True,
                    "input": {"name": NAME, "groundCrew": {"type": "integer"}},
                }
            },
            "machine": None,
            "relations": {"rockets": {"direction": "<-", "to": "Rocket", "inverse": "launchPad"}},
        },
    },
}
ROCKET = {
    "$id": "rocket_a",
    "$type": "Rocket",
    "$context": URL,
    "$version": 1,
    "$createdAt": "2026-01-31T09:00:00Z",
    "name": "Vega",
    "phase": "Built",
    "launchPad": {"$id": "pad_a", "$type": "Pad", "$version": 2, "name": "ELV", "groundCrew": 7},
    "flownAt": None,
    "built": "2025-12-24",
    "log": {"$type": "Pad", "at": "2026-01-31T09:00:00Z"},
}


class Server:
    """Answers each call with the next entry of ``script``: a response, an exception to raise, or a
    function.

    It answers /schema by itself, and records every other call and every pause.
    """

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.calls: list[httpx.Request] = []
        self.paused: list[float] = []
        self.schema: dict[str, Any] = SCHEMA
        self.schema_read = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/~acme/schema":
            self.schema_read += 1
            return httpx.Response(200, json=self.schema)
        self.calls.append(request)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if callable(step):
            return step(request)
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    async def asynchronously(self, request: httpx.Request) -> httpx.Response:
        return self(request)

    def body(self, number: int = -1) -> Any:
        return json.loads(self.calls[number].content)

    def path(self, number: int = -1) -> str:
        return self.calls[number].url.raw_path.decode().removeprefix("/~acme")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def acme_client(server: Server) -> Iterator[Headlessly]:
    """The synchronous client of the simulated server."""
    with Headlessly(URL, "hly_sk_x", transport=httpx.MockTransport(server)) as client:
        client._session.sleep = server.paused.append
        yield client


@pytest.fixture(params=["sync", "async"])
def ask(request: Any, server: Server) -> Callable[..., Any]:
    """A function that runs ``lambda acme: acme.Rocket.get("rocket_a")`` with either client."""

    def by_sync(question: Callable[[Any], Any], **options: Any) -> Any:
        with Headlessly(
            URL, "hly_sk_x", transport=httpx.MockTransport(server), **options
        ) as client:
            client._session.sleep = server.paused.append
            return question(client)

    def by_async(question: Callable[[Any], Any], **options: Any) -> Any:
        async def run() -> Any:
            transport = httpx.MockTransport(server.asynchronously)
            async with AsyncHeadlessly(URL, "hly_sk_x", transport=transport, **options) as client:

                async def sleep(seconds: float) -> None:
                    server.paused.append(seconds)

                client._session.sleep = sleep
                found = question(client)
                return await found if inspect.isawaitable(found) else found

        return asyncio.run(run())

    return by_sync if request.param == "sync" else by_async


@pytest.fixture
def few() -> Retries:
    return Retries(attempts=3, first=1, longest=10)


@pytest.fixture
def tenants(live_server: Any, acme: Any, rival: Any) -> SimpleNamespace:
    """Two tenants of a running server, each with a key."""
    from headlessly.access.models import ApiKey

    def login(tenant: Any) -> SimpleNamespace:
        key, secret = ApiKey.issue(tenant, "client", "admin", rate_limit=100_000)
        return SimpleNamespace(url=f"{live_server.url}/~{tenant.slug}", secret=secret, key=key)

    return SimpleNamespace(acme=login(acme), rival=login(rival))


@pytest.fixture
def home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A home directory in which nobody is signed in."""
    for name in ("HEADLESSLY_URL", "HEADLESSLY_API_KEY", "HEADLESSLY_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path
