"""The id of a request, job or script, which is in its events, log lines and errors; and the referrer."""

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

#: A caller may send an id of their own, within limits, because it gets into headers and log lines.
ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")


def request_id() -> str | None:
    """Returns the current request id, or None outside of any request or run."""
    return _request_id.get()


def referrer() -> str | None:
    """Returns the page from which the request came, according to the browser, or None."""
    return _referrer.get()


def route() -> str:
    """Returns the kind of what is running: ``GET /~/leads/<id>``, ``job webhooks.pump``; or ``-``."""
    return _route.get()()


@contextmanager
def route_scope(name: Callable[[], str]) -> Iterator[None]:
    """Set the route inside the block, as a function, because a request has no route before it is resolved."""
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
    """Middleware: gives every request an id, in its events, its log lines and the header X-Request-Id."""

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

    Django logs refusals after all middleware has finished, with the request as an extra.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        told = getattr(getattr(record, "request", None), "request_id", None)
        record.request_id = request_id() or told or "-"
        return True
