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
    """The active tenant. Raises NoTenant when there is none: never everything, never nothing."""
    if (tenant := _tenant.get()) is None:
        raise NoTenant(
            "No tenant is active. Wrap this in `with tenancy.active(tenant):`, "
            "or call `headlessly.boot(tenant=...)` in a script."
        )
    return tenant


def typed_id(tenant: int | None = None) -> RawSQL:
    """A tenant's id, the active one's unless said, as Django's filters take it, in the type of its column.

    A literal would be an integer of four bytes, for which the indexes of search have no operator.
    Raises NoTenant.
    """
    id = require().pk if tenant is None else tenant
    return RawSQL("%s::bigint", [id], output_field=BigIntegerField())


@contextmanager
def active(tenant: Tenant | None) -> Iterator[Tenant | None]:
    """Let ``tenant`` be the active one inside the block; None closes the door."""
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
    """Note that the active tenant's own shape is another from now on; in the transaction that changes it.

    The stamp is a moment, not a count: what a process made of a change that was rolled back in the end is
    never taken for what the next change made.
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
    """Know the active tenant's shape as it is by now: somebody else has changed it."""
    tenant = require()
    with connection.cursor() as cursor:
        cursor.execute("SELECT shape FROM headlessly_tenant WHERE id = %s", [tenant.pk])
        (tenant.shape,) = cursor.fetchone()
    shapes.enter_shape(shapes.shape_of(tenant.pk, tenant.shape))


def context_url() -> str:
    """The tenant's address, the ``$context`` of its records: ``https://crm.example/~acme``."""
    return address_of(require().slug)


def address_of(slug: str) -> str:
    """The address of the tenant called so."""
    return f"{_base_url.get() or settings.SITE_URL}/~{slug}"
