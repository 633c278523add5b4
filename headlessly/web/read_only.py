"""Refuses writes where nothing can be written: on a server whose database only reads, such as a standby, and
in a tenant that is moving to another database. Reads are answered as usual."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from headlessly.access.models import Tenant
from headlessly.errors import Moving, ReadOnly, status_and_body

SAFE = ("GET", "HEAD", "OPTIONS")


class RefuseWrites:
    """Middleware: with ``settings.READ_ONLY``, and in a closed tenant, everything but GET, HEAD and OPTIONS
    is answered with 503."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant: Tenant | None = getattr(request, "tenant", None)
        is_closed = tenant is not None and tenant.is_closed
        if request.method in SAFE or not (settings.READ_ONLY or is_closed):
            return self.get_response(request)
        problem = ReadOnly() if settings.READ_ONLY else Moving()
        status, body = status_and_body(problem)
        again = {"Retry-After": str(body["retryAfter"])} if "retryAfter" in body else {}
        return JsonResponse(body, status=status, headers=again)
