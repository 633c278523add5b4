"""Whose rows the database shows at the moment: those of one tenant, of none or, in a few places, of all.

It is in this low layer, and not with the tenants, because every statement needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Instead of a tenant's number: the rows of all tenants.
EVERY = -1

_scope: ContextVar[int | None] = ContextVar("tenant_scope", default=None)


def tenant_in_scope() -> int | None:
    """Returns the number of the tenant whose rows are visible; ``EVERY`` for all, None for none."""
    return _scope.get()


@contextmanager
def scoped_to(tenant: int | None) -> Iterator[None]:
    """Limit the database to the rows of ``tenant`` or, with None, of no tenant."""
    token = _scope.set(tenant)
    try:
        yield
    finally:
        _scope.reset(token)


def enter_scope(tenant: int | None) -> None:
    """Limit the database for the rest of this script."""
    _scope.set(tenant)


@contextmanager
def every_tenant() -> Iterator[None]:
    """Show the rows of all tenants: for clean-up, for the operator, and to find out in which tenants somebody
    is. A tenant that is opened inside hides the others again.

    Also a decorator.
    """
    with scoped_to(EVERY):
        yield
