"""A server on a database that only reads, such as a standby: it answers what is read, and says so of the
rest."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from headlessly.errors import ReadOnly, status_and_body

SAFE = ("GET", "HEAD", "OPTIONS")


class RefuseWrites:
    """Middleware: with ``settings.READ_ONLY`` everything but GET, HEAD and OPTIONS is answered by 503."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.READ_ONLY or request.method in SAFE:
            return self.get_response(request)
        status, body = status_and_body(ReadOnly())
        return JsonResponse(body, status=status)
