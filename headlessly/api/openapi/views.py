"""``/openapi.json``, and ``/docs``: a page to read it and to try it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from rest_framework.request import Request

from headlessly.api import parameters
from headlessly.api.base import Handler, TenantView, answer_to_problem
from headlessly.api.bodies import ApiResponse
from headlessly.api.openapi import document
from headlessly.errors import Unauthorized
from headlessly.web.sign_in import redirect_to_sign_in

#: Nothing but this site; the page's own styles are written by its script.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class OpenApiView(TenantView):
    """The document of this tenant's API."""

    def get(self, request: Request) -> ApiResponse:
        parameters.refuse_parameters(request.GET)
        return ApiResponse(document.tenant_document())


class DocsView(TenantView):
    """Swagger UI, all of it from this site. A browser's session is used as it is, CSRF included."""

    def get(self, request: Request) -> HttpResponse:
        parameters.refuse_parameters(request.GET)
        get_token(request._request)  # so that there is a cookie for the page's script to send
        page = render(request._request, "headlessly/docs.html")
        page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return page

    def get_exception_handler(self) -> Handler:
        return lead_to_entrance


def lead_to_entrance(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """A browser in which nobody is signed in goes to where one does; everybody else is told why."""
    request = context["request"]._request
    if (
        isinstance(exc, Unauthorized)
        and request.method in ("GET", "HEAD")
        and "Authorization" not in request.headers
        and "text/html" in request.headers.get("Accept", "")
        and not get_user(request).is_authenticated  # somebody known would be led in a circle
    ):
        return redirect_to_sign_in(request)
    return answer_to_problem(exc, context)
