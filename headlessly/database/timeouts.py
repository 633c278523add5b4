"""Time limits of statements."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import DataError, OperationalError, connection, transaction
from django.utils.translation import gettext as _
from psycopg import errors as postgres

from headlessly.errors import InvalidFilter

#: The most time that the statements of a list may take, in milliseconds.
DEFAULT_TIMEOUT = 5_000

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class TooSlow(InvalidFilter):
    """A statement exceeded its time limit."""


@contextmanager
def read_until(deadline: float) -> Iterator[None]:
    """Set a deadline, in seconds of :func:`time.monotonic`, for all that is read inside the block."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def _milliseconds_left() -> int | None:
    """The milliseconds until the deadline at hand, or None where there is none."""
    deadline = _deadline.get()
    return None if deadline is None else max(1, int((deadline - time.monotonic()) * 1000))


@contextmanager
def statement_timeout(milliseconds: int = DEFAULT_TIMEOUT) -> Iterator[None]:
    """Limit the time of the statements inside the block. Raises TooSlow, an error of the filter."""
    bound = "SELECT set_config('statement_timeout', %s, true)"
    left = _milliseconds_left()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(bound, [str(min(milliseconds, left or milliseconds))])
            yield
            cursor.execute(bound, [str(_milliseconds_left() or 0)])
    except OperationalError as problem:
        if isinstance(problem.__cause__, postgres.QueryCanceled):
            raise TooSlow(_("This takes too long. Make the filter narrower.")) from problem
        raise
    except DataError as problem:
        if isinstance(problem.__cause__, postgres.InvalidRegularExpression):
            raise InvalidFilter(_("$regex: this is not a valid pattern.")) from problem
        raise
