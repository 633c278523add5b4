"""The month in which the active tenant's fiscal year begins; quarters and years are counted from it.

It is in this low layer, and not with the tenants, because the words for days need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

JANUARY = 1

_first_month: ContextVar[int] = ContextVar("fiscal_year", default=JANUARY)


def first_month() -> int:
    """Returns the month, from 1 to 12; January without a tenant."""
    return _first_month.get()


@contextmanager
def beginning_in(month: int) -> Iterator[None]:
    """Let the fiscal year begin in ``month`` inside the block."""
    token = _first_month.set(month)
    try:
        yield
    finally:
        _first_month.reset(token)


def enter_fiscal_year(month: int) -> None:
    """Let the fiscal year begin in ``month`` for the rest of this script."""
    _first_month.set(month)
