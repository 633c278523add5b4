"""Handlers for errors outside the API's views, in the same shape as all other errors.

A browser, which asks for HTML, gets a page; other clients get JSON.
"""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from headlessly import errors
from headlessly.api.bodies import ApiResponse
from headlessly.context import tracing


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_browser(request):
        return defaults.bad_request(request, exception)
    return _answer(exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Handles unexpected exceptions and temporary failures: a 503 says when to retry."""
    # Django calls this while it handles the exception, but does not pass it.
    problem = sys.exc_info()[1]
    problem = problem if isinstance(problem, Exception) else RuntimeError()
    if not _is_browser(request):
        return _answer(problem)
    status, body = errors.status_and_body(problem)
    if status != 503:
        return defaults.server_error(request)
    # No context of members' pages: loading it may be what failed.
    page = HttpResponse(render_to_string("503.html", {"message": body["message"]}), status=503)
    page.headers["Retry-After"] = str(body.get("retryAfter", 1))
    return page


def _answer(exception: Exception) -> HttpResponse:
    # The middleware that sets the request id may already have finished.
    with tracing.request_id_scope() as id:
        status, body = errors.status_and_body(exception)
        headers = {"X-Request-Id": id, "Cache-Control": "private, no-store"}
        if "retryAfter" in body:
            headers["Retry-After"] = str(body["retryAfter"])
        return ApiResponse(body, status, headers)


def _is_browser(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")
