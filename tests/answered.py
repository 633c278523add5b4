"""What a REST answer must look like, whatever it was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from headlessly.api.openapi import responses
from headlessly.declaration.registry import registry
from tests.refusals import everything


def answered(response: Any, status: int = 200) -> Any:
    """The JSON of an answer with this status."""
    assert response.status_code == status, response.content.decode()
    return response.json() if response.content else None


def problem(response: Any, status: int, code: str, **body: Any) -> dict[str, Any]:
    """The body of an error of this kind, in the contract's shape, with these entries."""
    assert response.status_code == status, response.content.decode()
    assert response["Content-Type"] == "application/json"
    found = response.json()
    assert found["error"] == code
    assert isinstance(found["message"], str) and found["message"]
    assert not wrong_articles().search(found["message"]), found["message"]
    assert found["requestId"] == response["X-Request-Id"]
    assert {key: found.get(key) for key in body} == body
    assert found.keys() <= documented(), "the document does not say that errors have this"
    for detail in found.get("details", ()):
        assert detail.keys() == {"field", "message"}
    return found


@cache
def wrong_articles() -> re.Pattern[str]:
    """``a Organization``."""
    names = [name for name in registry if name[0] in "AEIO"]
    return re.compile(rf"\b[Aa] ({'|'.join(names)})\b")


@cache
def documented() -> frozenset[str]:
    """What OpenAPI says that an error may have."""
    return frozenset(responses.error_schema()["properties"])


def named(found: dict[str, Any]) -> dict[str, str]:
    """The fields that a validation error names, with what it says of each."""
    return {each["field"]: each["message"] for each in found["details"]}


@contextmanager
def unchanged() -> Iterator[None]:
    """Nothing is written in here: no row of any noun of any tenant, no version, no event."""
    before = everything()
    yield
    assert everything() == before, "it was refused, but something happened"
