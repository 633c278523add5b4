"""Time limits of statements.

Every statement of a process that answers requests or runs jobs has one (:func:`bound_connections`). A
statement that may be slow, depending on the question, has a shorter one in its transaction
(:func:`statement_timeout`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import DataError, OperationalError, connection, connections, transaction
from django.utils.translation import gettext as _
from psycopg import errors as postgres

from headlessly.errors import InvalidFilter

#: The default time limit for the statements of a list, in milliseconds.
DEFAULT_TIMEOUT = 5_000

#: Sets the time limit of the current transaction, and resets it to that of its process.
BOUND = "SELECT set_config('statement_timeout', %s, true)"
UNBOUND = "SET LOCAL statement_timeout TO DEFAULT"

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class TooSlow(InvalidFilter):
    """A statement exceeded its time limit."""


def bound_connections(seconds: float | None = None) -> None:
    """Limit every statement of this process to so many seconds, by default ``settings.STATEMENT_TIMEOUT``.
    Call it before the first connection.

    The limit is an option of the connection, so that requests need no statement for it. Commands have none.
    The time to wait for a lock, and that of an idle transaction, is limited in all processes
    (:mod:`headlessly.environment`).
    """
    if seconds := settings.STATEMENT_TIMEOUT if seconds is None else seconds:
        options = connections["default"].settings_dict["OPTIONS"]
        given = f"{options.get('options', '')} -c statement_timeout={int(seconds * 1000)}"
        options["options"] = given.strip()


@contextmanager
def read_until(deadline: float) -> Iterator[None]:
    """Set a deadline, in seconds of :func:`time.monotonic`, for all reads inside the block."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def _milliseconds_left() -> int | None:
    """Returns the milliseconds until the current deadline, or None without one."""
    deadline = _deadline.get()
    return None if deadline is None else max(1, int((deadline - time.monotonic()) * 1000))


@contextmanager
def statement_timeout(milliseconds: int = DEFAULT_TIMEOUT) -> Iterator[None]:
    """Limit the time of the statements inside the block. Raises TooSlow, an error of the filter."""
    left, is_outermost = _milliseconds_left(), not connection.in_atomic_block
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(BOUND, [str(min(milliseconds, left or milliseconds))])
            yield
            if is_outermost:
                pass  # the limit ends with the transaction
            elif left := _milliseconds_left():
                cursor.execute(BOUND, [str(left)])
            else:
                cursor.execute(UNBOUND)
    except OperationalError as problem:
        if isinstance(problem.__cause__, postgres.QueryCanceled):
            raise TooSlow(_("This takes too long. Make the filter narrower.")) from problem
        raise
    except DataError as problem:
        if isinstance(problem.__cause__, postgres.InvalidRegularExpression):
            raise InvalidFilter(_("$regex: this is not a valid pattern.")) from problem
        raise
