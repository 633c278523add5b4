"""Imports and exports of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from headlessly.access import actors, tenancy

CSV = "text/csv"


@pytest.fixture
def send(api: Any) -> Callable[..., Any]:
    """A function for ``POST /import/{collection}`` with a body; it returns the response."""
    return sender(api)


def sender(api: Any) -> Callable[..., Any]:
    def send(
        collection: str, body: str | bytes, query: str = "", *, kind: str = CSV, **headers: str
    ) -> Any:
        sent = {"Authorization": f"Bearer {api.secret}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        content = body.encode() if isinstance(body, str) else body
        address = f"{api.base}/import/{collection}{query}"
        return api.generic("POST", address, content, content_type=kind, headers=sent)

    return send


@pytest.fixture
def imported(send: Any, api: Any, work: Any) -> Callable[..., dict[str, Any]]:
    """A function that imports a body, runs the job, and returns the finished import."""

    def imported(*args: Any, **kwargs: Any) -> dict[str, Any]:
        response = send(*args, **kwargs)
        assert response.status_code == 202, response.content.decode()
        work()
        return told(api, response.json()["$id"])

    return imported


def told(api: Any, id: str) -> dict[str, Any]:
    response = api.call("GET", f"/imports/{id}?limit=100")
    assert response.status_code == 200, response.content.decode()
    return response.json()


def counts(told: dict[str, Any]) -> dict[str, int]:
    """Returns how many rows were created, updated and so on, without zeros; they add up to the total."""
    found = {name: told[name] for name in ("created", "updated", "unchanged", "refused")}
    assert told["status"] == "completed", told
    assert sum(found.values()) == told["total"] == told["done"]
    return {name: count for name, count in found.items() if count}


def errors(told: dict[str, Any]) -> list[tuple[int, str | None]]:
    return [(each["row"], each["field"]) for each in told["errors"]]


@pytest.fixture
def exported(api: Any) -> Callable[..., bytes]:
    """A function for ``GET /export/{path}``; it returns the whole content."""

    def exported(path: str) -> bytes:
        response = api.call("GET", f"/export/{path}")
        assert response.status_code == 200, b"".join(response)
        with tenancy.active(None), actors.acting(None):  # like a server, after the request
            return b"".join(response.streaming_content)

    return exported


def lines(content: bytes) -> list[Any]:
    return [orjson.loads(line) for line in content.splitlines()]
