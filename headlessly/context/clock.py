"""What time it is. Verbs ask here, never the system, so that history can be made with its true dates.

Only these purposes may set the clock: ``demo`` (a company with a past), ``replay`` (another system's history
through our verbs), ``import``, and ``trial`` (what a condition meant by "7d ago" at a moment of the past). No
surface offers it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

#: How far the clock of somebody else may be ahead of ours.
TOLERANCE = timedelta(minutes=5)

PURPOSES = ("demo", "replay", "import", "trial")

_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


def now() -> datetime:
    """The current moment, in UTC."""
    return _moment.get() or datetime.now(UTC)


def is_in_future(moment: datetime) -> bool:
    """Whether ``moment`` has not come yet, whatever the clock is set to."""
    return moment > datetime.now(UTC) + TOLERANCE


@contextmanager
def set_clock(moment: datetime, *, purpose: str) -> Iterator[None]:
    """Set the clock to ``moment`` inside the block.

    Raises ValueError for a purpose that is not one of :data:`PURPOSES`, for a moment without a time
    zone and for one in the future: an event is never dated before it happened.
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
