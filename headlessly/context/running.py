"""The execution at hand: ambient, as tenant and actor are."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from typing import Any

from headlessly.context import clock

_execution: ContextVar[Any] = ContextVar("execution", default=None)


def current_moment() -> datetime:
    """The moment of what is going on: one for a verb and all that its hooks do, so that the past too
    has all of it or nothing. Taken when first asked for, with the record already locked."""
    execution = _execution.get()
    if execution is None or not execution.frames:
        return clock.now()
    outermost = execution.frames[0]
    if outermost.moment is None:
        outermost.moment = clock.now()
    return outermost.moment


def is_in_verb() -> bool:
    """Whether a verb is under way: then it is the product that looks, not the one who asked."""
    return (execution := _execution.get()) is not None and bool(execution.frames)


def current_execution() -> Any:
    """The execution at hand, or None outside of any."""
    return _execution.get()


def flush_events() -> None:
    """Write the events recorded so far, so that what is read in a hook sees them."""
    if (execution := _execution.get()) is not None:
        execution.flush()
