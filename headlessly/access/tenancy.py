"""One tenant at a time.

The tenant is ambient: :func:`active` opens one, :func:`current` answers it, and every query on a noun
asks :func:`require`, which raises when there is none. On the web the tenant is a mount point: the
middleware moves ``/~acme`` from the path to the script name, so that every URL the site makes stays
under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from headlessly.context import tenant_scope
from headlessly.declaration import paths
from headlessly.errors import NoTenant

if TYPE_CHECKING:
    from headlessly.access.models import Tenant

_tenant: ContextVar[Tenant | None] = ContextVar("tenant", default=None)
_base_url: ContextVar[str | None] = ContextVar("base_url", default=None)


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


def typed_id() -> RawSQL:
    """The active tenant's id as Django's filters take it, in the type of its column.

    A literal would be an integer of four bytes, for which the indexes of search have no operator.
    Raises NoTenant.
    """
    return RawSQL("%s::bigint", [require().pk], output_field=BigIntegerField())


@contextmanager
def active(tenant: Tenant | None) -> Iterator[Tenant | None]:
    """Let ``tenant`` be the active one inside the block; None closes the door."""
    token, shaped = _tenant.set(tenant), paths.at_hand.set(tenant)
    try:
        with tenant_scope.scoped_to(None if tenant is None else tenant.pk):
            yield tenant
    finally:
        paths.at_hand.reset(shaped)
        _tenant.reset(token)


def enter(tenant: Tenant) -> None:
    """Make ``tenant`` active for the rest of this script or shell."""
    _tenant.set(tenant)
    paths.at_hand.set(tenant)
    tenant_scope.enter_scope(tenant.pk)


def context_url() -> str:
    """The tenant's address, the ``$context`` of its records: ``https://crm.example/~acme``."""
    return f"{_base_url.get() or settings.SITE_URL}/~{require().slug}"
