"""Of which tenant the database answers at the moment: of one, of none, or, in few named places, of all.

Kept here, below the tenants themselves, because every statement asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Instead of a tenant's number: the rows of all.
EVERY = -1

_scope: ContextVar[int | None] = ContextVar("tenant_scope", default=None)


def tenant_in_scope() -> int | None:
    """The number of the tenant whose rows are answered; ``EVERY``, or None of none."""
    return _scope.get()


@contextmanager
def scoped_to(tenant: int | None) -> Iterator[None]:
    """Let the database answer the rows of ``tenant`` only, or, with None, of no tenant."""
    token = _scope.set(tenant)
    try:
        yield
    finally:
        _scope.reset(token)


def enter_scope(tenant: int | None) -> None:
    """The same for the rest of this script."""
    _scope.set(tenant)


@contextmanager
def every_tenant() -> Iterator[None]:
    """Let the database answer the rows of all tenants: for what cleans up, for the operator, and to find out
    in which tenants somebody is. A tenant that is opened inside closes the others again.

    Also a decorator.
    """
    with scoped_to(EVERY):
        yield
