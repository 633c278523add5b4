"""What several do who write the same records: an order for their locks, another try, an answer in time.

Two who lock the same records in opposite order wait for each other, until PostgreSQL ends one of them. So
what is known to be written is locked in one order first (:func:`records_to_lock`), whoever was ended tries
again after a moment of chance, knowing by then what it has to lock, and who never comes through is told to
come again.
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

#: How often something is tried that PostgreSQL ended to break a deadlock.
MAX_ATTEMPTS = 5
#: After how many seconds nothing is tried again: whoever asked waits.
PATIENCE = 4.0
#: The longest pause before the second try, in seconds; it doubles.
FIRST_PAUSE = 0.05

#: The records that the tries so far have locked, or waited for, by id; None where nothing is tried again.
_touched: ContextVar[dict[str, type[Record]] | None] = ContextVar("touched", default=None)


def retry_on_deadlock(work: Callable[[], T]) -> T:
    """Do ``work``, a transaction of its own, again where PostgreSQL chose it to break a deadlock.

    Within a larger transaction nothing is tried again: all of that has to be. Raises what the last try
    raised.
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
    """Whether somebody else's work at the same moment is why it failed: trying all of it again is for the
    transaction, not for what was done in a part of it."""
    return isinstance(
        problem.__cause__,
        postgres.DeadlockDetected | postgres.SerializationFailure | postgres.LockNotAvailable,
    ) or (isinstance(problem, OperationalError | InterfaceError) and _is_connection_gone())


def _is_connection_gone() -> bool:
    connection = transaction.get_connection()
    return connection.connection is None or connection.connection.closed


def note_lock(noun: type[Record], id: str) -> None:
    """Remember that a record is going to be locked, for the next try."""
    if (touched := _touched.get()) is not None:
        touched[id] = noun


def records_to_lock(ids: Iterable[str] = ()) -> list[tuple[type[Record], list[str]]]:
    """What earlier tries touched and the records of these ids, in the one order in which all lock."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for id, noun in (_touched.get() or {}).items():
        wanted[noun.__name__].add(id)
    for id in ids:
        if (found := noun_of(id)) is not None and is_id(id, (found.prefix,)):
            wanted[found.__name__].add(id)
    return [(registry[name], sorted(wanted[name])) for name in sorted(wanted)]
