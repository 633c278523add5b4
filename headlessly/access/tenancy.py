"""The active tenant.

The tenant is ambient: :func:`active` opens one, :func:`current` returns it, and every query on a noun uses
:func:`require`, which raises without one. On the web the tenant is a mount point: the middleware moves
``/~acme`` from the path to the script name, so that every URL the site makes stays below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from headlessly.context import fiscal_year, tenant_scope
from headlessly.declaration import shapes
from headlessly.errors import NoTenant

if TYPE_CHECKING:
    from headlessly.access.models import Tenant

_tenant: ContextVar[Tenant | None] = ContextVar("tenant", default=None)
_base_url: ContextVar[str | None] = ContextVar("base_url", default=None)


def current() -> Tenant | None:
    return _tenant.get()


def require() -> Tenant:
    """Returns the active tenant. Raises NoTenant without one: the answer is never everything, and never
    nothing."""
    if (tenant := _tenant.get()) is None:
        raise NoTenant(
            "No tenant is active. Wrap this in `with tenancy.active(tenant):`, "
            "or call `headlessly.boot(tenant=...)` in a script."
        )
    return tenant


def typed_id(tenant: int | None = None) -> RawSQL:
    """Returns a tenant's id, by default the active one's, as a typed expression for Django's filters.

    A literal would be a four-byte integer, for which the search indexes have no operator. Raises NoTenant.
    """
    id = require().pk if tenant is None else tenant
    return RawSQL("%s::bigint", [id], output_field=BigIntegerField())


@contextmanager
def active(tenant: Tenant | None) -> Iterator[Tenant | None]:
    """Make ``tenant`` active inside the block; with None, no tenant is."""
    token = _tenant.set(tenant)
    shape = None if tenant is None else shapes.shape_of(tenant.pk, tenant.shape)
    try:
        with (
            tenant_scope.scoped_to(None if tenant is None else tenant.pk),
            shapes.shaped_by(shape),
            fiscal_year.beginning_in(
                fiscal_year.JANUARY if tenant is None else tenant.fiscal_year_begins
            ),
        ):
            yield tenant
    finally:
        _tenant.reset(token)


def enter(tenant: Tenant) -> None:
    """Make ``tenant`` active for the rest of this script or shell."""
    _tenant.set(tenant)
    tenant_scope.enter_scope(tenant.pk)
    fiscal_year.enter_fiscal_year(tenant.fiscal_year_begins)
    shapes.enter_shape(shapes.shape_of(tenant.pk, tenant.shape))


def renew_shape() -> None:
    """Give the active tenant's shape a new stamp, in the transaction that changes the shape.

    The stamp is a moment and not a count, so that what a process computed from a change that was rolled back
    is never mistaken for the result of the next change.
    """
    tenant = require()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE headlessly_tenant SET shape = greatest(shape + 1, "
            "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint) WHERE id = %s RETURNING shape",
            [tenant.pk],
        )
        (tenant.shape,) = cursor.fetchone()
    shapes.enter_shape(shapes.shape_of(tenant.pk, tenant.shape))


def reload_shape() -> None:
    """Load the stamp of the active tenant's shape again, because somebody else has changed it."""
    tenant = require()
    with connection.cursor() as cursor:
        cursor.execute("SELECT shape FROM headlessly_tenant WHERE id = %s", [tenant.pk])
        (tenant.shape,) = cursor.fetchone()
    shapes.enter_shape(shapes.shape_of(tenant.pk, tenant.shape))


def context_url() -> str:
    """Returns the tenant's address, the ``$context`` of its records: ``https://crm.example/~acme``."""
    return address_of(require().slug)


def address_of(slug: str) -> str:
    """Returns the address of the tenant with this slug."""
    return f"{_base_url.get() or settings.SITE_URL}/~{slug}"
