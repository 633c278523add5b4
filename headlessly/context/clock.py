"""The clock. Verbs use it instead of the system's, so that history can be written with its true dates.

It may be set only for these purposes: ``demo`` (a company with a past), ``replay`` (another system's history
through our verbs), ``import``, and ``trial`` (what a condition meant by "7d ago" at a past moment). No
surface offers it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

#: How far somebody else's clock may be ahead of ours.
TOLERANCE = timedelta(minutes=5)

PURPOSES = ("demo", "replay", "import", "trial")

_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


def now() -> datetime:
    """Returns the current moment, in UTC."""
    return _moment.get() or datetime.now(UTC)


def is_in_future(moment: datetime) -> bool:
    """Whether ``moment`` is in the future, whatever the clock is set to."""
    return moment > datetime.now(UTC) + TOLERANCE


@contextmanager
def set_clock(moment: datetime, *, purpose: str) -> Iterator[None]:
    """Set the clock to ``moment`` inside the block.

    Raises ValueError for a purpose that is not one of :data:`PURPOSES`, for a moment without a time zone and
    for one in the future: an event is never dated before it happened.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"The clock may be set for {', '.join(PURPOSES)}, not for {purpose!r}.")
    if moment.tzinfo is None:
        raise ValueError("The moment needs a time zone.")
    if moment > datetime.now(UTC):
        raise ValueError("The clock cannot be set to the future.")
    token = _moment.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _moment.reset(token)
