"""One tenant at a time.

The tenant is ambient: :func:`active` opens one, :func:`current` answers it, and every query on a noun
asks :func:`require`, which raises when there is none. On the web the tenant is a mount point: the
middleware moves ``/~acme`` from the path to the script name, so that every URL the site makes stays
under it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

from . import actors
from .errors import NoTenant

if TYPE_CHECKING:
    from .models import Tenant

_tenant: ContextVar[Tenant | None] = ContextVar("tenant", default=None)
_base_url: ContextVar[str | None] = ContextVar("base_url", default=None)

MOUNT = re.compile(r"/~([^/]*)(/.*)?\Z", re.DOTALL)


def current() -> Tenant | None:
    """The active tenant, or None."""
    return _tenant.get()


def require() -> Tenant:
    """The active tenant. Raises NoTenant when there is none: never everything, never nothing."""
    if (tenant := _tenant.get()) is None:
        raise NoTenant(
            "No tenant is active. Wrap this in `with tenancy.active(tenant):`, "
            "or call `headlessly.boot(tenant=...)` in a script."
        )
    return tenant


@contextmanager
def active(tenant: Tenant | None) -> Iterator[Tenant | None]:
    """Let ``tenant`` be the active one inside the block; None closes the door."""
    token = _tenant.set(tenant)
    try:
        yield tenant
    finally:
        _tenant.reset(token)


def enter(tenant: Tenant) -> None:
    """Make ``tenant`` active for the rest of this script or shell."""
    _tenant.set(tenant)


def context_url() -> str:
    """The tenant's address, the ``$context`` of its records: ``https://crm.example/~acme``."""
    return f"{_base_url.get() or settings.SITE_URL}/~{require().slug}"


class MountTenant:
    """Middleware, the first of all: serves the whole site under ``/~{slug}/``.

    ``request.tenant`` is the tenant of the address, or None at the root and for a slug that does not
    exist; ``request.mounted`` says whether the address names a tenant at all. Who may enter is the
    surfaces' question, not this one's: existing and not existing must look the same from outside.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match = MOUNT.match(request.path_info)
        request.mounted = match is not None
        request.tenant = None
        if match is None:
            with active(None), actors.acting(None):
                return self.get_response(request)
        slug, rest = match.groups()
        return self._serve_under(request, slug, rest or "/")

    def _serve_under(self, request: HttpRequest, slug: str, rest: str) -> HttpResponse:
        from .models import Tenant

        before = get_script_prefix()
        prefix = f"{before.rstrip('/')}/~{slug}"
        request.path_info = request.META["PATH_INFO"] = rest
        request.META["SCRIPT_NAME"] = prefix
        request.path = prefix + rest
        request.urlconf = settings.TENANT_URLCONF
        request.tenant = Tenant.by_slug(slug)
        set_script_prefix(prefix + "/")
        url = _base_url.set(_site_of(request))
        try:
            with active(request.tenant), actors.acting(None):
                return self.get_response(request)
        finally:
            _base_url.reset(url)
            set_script_prefix(before)


def _site_of(request: HttpRequest) -> str | None:
    """Scheme and host as the client wrote them; None for a host that is not ours, refused further in."""
    from django.core.exceptions import DisallowedHost

    try:
        return f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return None
