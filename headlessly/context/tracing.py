"""The id of a request, job or script, which its events, log lines and errors have; and the referrer."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from headlessly.ids import public_id

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_referrer: ContextVar[str | None] = ContextVar("referrer", default=None)
_route: ContextVar[Callable[[], str]] = ContextVar("route", default=lambda: "-")

#: A caller may bring an id of their own, within reason: it goes into headers and log lines.
ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")


def request_id() -> str | None:
    """The id of what is going on now, or None outside of any request or run."""
    return _request_id.get()


def referrer() -> str | None:
    """The page from which the request came, as its browser says; None where there is none."""
    return _referrer.get()


def route() -> str:
    """What is being answered or done, by its kind: ``GET /~/leads/<id>``, ``job webhooks.pump``; or ``-``."""
    return _route.get()()


@contextmanager
def route_scope(name: Callable[[], str]) -> Iterator[None]:
    """Set the route inside the block. It is asked for late: a request has none before it was resolved."""
    token = _route.set(name)
    try:
        yield
    finally:
        _route.reset(token)


@contextmanager
def request_id_scope(id: str | None = None) -> Iterator[str]:
    """Set the request id inside the block: the given one, else the current one, else a new one."""
    id = id or _request_id.get() or public_id("req")
    token = _request_id.set(id)
    try:
        yield id
    finally:
        _request_id.reset(token)


class RequestIdMiddleware:
    """Middleware: every request has an id, in its events, its log lines and the header X-Request-Id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        token = _referrer.set(request.META.get("HTTP_REFERER"))
        try:
            with request_id_scope(given if ACCEPTABLE_ID.match(given) else public_id("req")) as id:
                request.request_id = id  # type: ignore[attr-defined]
                response = self.get_response(request)
        finally:
            _referrer.reset(token)
        response.headers["X-Request-Id"] = id
        return response


class RequestIdFilter(logging.Filter):
    """Logging filter: adds ``record.request_id``.

    Django logs what was refused after all middleware is done, and says of which request.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        told = getattr(getattr(record, "request", None), "request_id", None)
        record.request_id = request_id() or told or "-"
        return True
