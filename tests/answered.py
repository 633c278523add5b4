"""Checks that hold for every response of REST."""

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
    """Returns the JSON of a response, which must have this status."""
    assert response.status_code == status, response.content.decode()
    return response.json() if response.content else None


def problem(response: Any, status: int, code: str, **body: Any) -> dict[str, Any]:
    """Returns the body of an error, which must have this status and code, these entries, and the
    contract's shape."""
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
    """Returns a pattern for wrong articles, such as ``a Organization``."""
    names = [name for name in registry if name[0] in "AEIO"]
    return re.compile(rf"\b[Aa] ({'|'.join(names)})\b")


@cache
def documented() -> frozenset[str]:
    """Returns the properties of errors that OpenAPI documents."""
    return frozenset(responses.error_schema()["properties"])


def named(found: dict[str, Any]) -> dict[str, str]:
    """Returns the fields that a validation error names, with their messages."""
    return {each["field"]: each["message"] for each in found["details"]}


@contextmanager
def unchanged() -> Iterator[None]:
    """Asserts that the block writes nothing: no row of any noun of any tenant, no version, no event."""
    before = everything()
    yield
    assert everything() == before, "it was refused, but something happened"
