"""The mount point of a tenant: ``/~acme`` moves from the path to the script name."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

from headlessly.access import actors
from headlessly.access.models import Tenant
from headlessly.access.tenancy import _base_url, active
from headlessly.context.request_memory import request_memory
from headlessly.language.languages import SpokenRequest

MOUNT = re.compile(r"/~([^/]*)(/.*)?\Z", re.DOTALL)


class TenantRequest(SpokenRequest):
    """A request after :class:`MountTenant`."""

    tenant: Tenant | None  #: the tenant of the address


class MountTenant:
    """Middleware that serves the whole site under ``/~{slug}/``.

    ``request.tenant`` is the tenant of the address, or None at the root and for an unknown slug;
    ``request.mounted`` says whether the address names a tenant at all. The surfaces decide who may enter,
    because from outside an existing tenant and an unknown one must look the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TenantRequest) -> HttpResponse:
        with request_memory():
            return self._serve(request)

    def _serve(self, request: TenantRequest) -> HttpResponse:
        match = MOUNT.match(request.path_info)
        request.mounted = match is not None
        request.tenant = None
        if match is None:
            with active(None), actors.acting(None):
                return self.get_response(request)
        slug, rest = match.groups()
        return self._serve_under(request, slug, rest or "/")

    def _serve_under(self, request: TenantRequest, slug: str, rest: str) -> HttpResponse:
        before = get_script_prefix()
        prefix = f"{before.rstrip('/')}/~{slug}"
        request.path_info = request.META["PATH_INFO"] = rest
        request.META["SCRIPT_NAME"] = prefix
        request.path = prefix + rest
        request.urlconf = settings.TENANT_URLCONF
        request.tenant = Tenant.find_by_slug(slug)
        set_script_prefix(prefix + "/")
        url = _base_url.set(_site_url(request))
        try:
            with active(request.tenant), actors.acting(None):
                return self.get_response(request)
        finally:
            _base_url.reset(url)
            set_script_prefix(before)


def _site_url(request: HttpRequest) -> str | None:
    """Returns scheme and host as the client wrote them; None for a foreign host, which is refused later."""
    try:
        return f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return None
