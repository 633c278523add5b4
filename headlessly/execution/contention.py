"""How transactions that write the same records get along: lock in one order, retry, answer in time.

Two transactions that lock the same records in opposite order wait for each other until PostgreSQL aborts one
of them. So records that will certainly be written are locked first, in one order (:func:`records_to_lock`).
An aborted transaction is tried again after a random pause, and knows by then what it has to lock. If that
does not help in time, the caller is told to try again later.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from django.db import InterfaceError, OperationalError, transaction
from psycopg import errors as postgres

from headlessly.declaration.registry import noun_of, registry
from headlessly.ids import is_id

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

T = TypeVar("T")

#: How often a transaction is tried that PostgreSQL aborts to break a deadlock.
MAX_ATTEMPTS = 5
#: After this many seconds it is not tried again, because the caller is waiting.
PATIENCE = 4.0
#: The longest pause before the second attempt, in seconds; it doubles with each further one.
FIRST_PAUSE = 0.05

#: The records that the attempts so far have locked or waited for, by id; None outside of retries.
_touched: ContextVar[dict[str, type[Record]] | None] = ContextVar("touched", default=None)


def retry_on_deadlock(work: Callable[[], T]) -> T:
    """Run ``work``, a transaction of its own, again if PostgreSQL aborts it to break a deadlock.

    Inside a larger transaction it runs once, because all of that one would have to be repeated. Raises what
    the last attempt raised.
    """
    if transaction.get_connection().in_atomic_block:
        return work()
    began = time.monotonic()
    token = _touched.set({})
    try:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return work()
            except OperationalError as problem:
                late = time.monotonic() - began > PATIENCE
                if not is_deadlock(problem) or late or attempt == MAX_ATTEMPTS:
                    raise
            time.sleep(random.uniform(0, FIRST_PAUSE * 2**attempt))
    finally:
        _touched.reset(token)
    raise AssertionError("unreachable")


def is_deadlock(problem: OperationalError) -> bool:
    return isinstance(problem.__cause__, postgres.DeadlockDetected)


def is_contention(problem: BaseException) -> bool:
    """Whether it failed because of another transaction at the same moment. Only the whole transaction can be
    tried again, not a part of it."""
    return isinstance(
        problem.__cause__,
        postgres.DeadlockDetected | postgres.SerializationFailure | postgres.LockNotAvailable,
    ) or (isinstance(problem, OperationalError | InterfaceError) and _is_connection_gone())


def _is_connection_gone() -> bool:
    connection = transaction.get_connection()
    return connection.connection is None or connection.connection.closed


def note_lock(noun: type[Record], id: str) -> None:
    """Remember that a record is about to be locked, for the next attempt."""
    if (touched := _touched.get()) is not None:
        touched[id] = noun


def records_to_lock(ids: Iterable[str] = ()) -> list[tuple[type[Record], list[str]]]:
    """Returns the records of earlier attempts and those with these ids, in the order in which everybody
    locks."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for id, noun in (_touched.get() or {}).items():
        wanted[noun.__name__].add(id)
    for id in ids:
        if (found := noun_of(id)) is not None and is_id(id, (found.prefix,)):
            wanted[found.__name__].add(id)
    return [(registry[name], sorted(wanted[name])) for name in sorted(wanted)]
