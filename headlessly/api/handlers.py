"""What went wrong before any view was reached, in the shape of all other errors.

A browser, which asks for HTML, gets Django's page; everyone else gets JSON.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from headlessly import errors
from headlessly.api.bodies import ApiResponse
from headlessly.context import tracing


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_browser(request):
        return defaults.bad_request(request, exception)
    return _answer(exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_browser(request):
        return defaults.server_error(request)
    return _answer(RuntimeError())


def _answer(exception: Exception) -> HttpResponse:
    with (
        tracing.request_id_scope() as id
    ):  # the middleware that gives every request one may lie behind
        status, body = errors.status_and_body(exception)
        return ApiResponse(body, status, {"X-Request-Id": id, "Cache-Control": "private, no-store"})


def _is_browser(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")
