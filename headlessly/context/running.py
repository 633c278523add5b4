"""The running execution, ambient like the tenant and the actor."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from typing import Any

from headlessly.context import clock

_execution: ContextVar[Any] = ContextVar("execution", default=None)


def current_moment() -> datetime:
    """The moment of the running verb: the same for all that its hooks do, so that no moment of the past shows
    half of it. It is taken when first asked for, after the record was locked."""
    execution = _execution.get()
    if execution is None or not execution.frames:
        return clock.now()
    outermost = execution.frames[0]
    if outermost.moment is None:
        outermost.moment = clock.now()
    return outermost.moment


def is_in_verb() -> bool:
    """Whether a verb is running. What is read then is read by the product, not by the actor."""
    return (execution := _execution.get()) is not None and bool(execution.frames)


def current_execution() -> Any:
    return _execution.get()


def write_rows_before(sql: Any) -> None:
    """Write the rows that a verb changed and the statement ``sql`` may ask for."""
    if (execution := _execution.get()) is not None and execution.waiting_rows:
        execution.waiting_rows.write_named_in(str(sql))


def flush_events() -> None:
    """Write the events recorded so far, so that what is read in a hook sees them."""
    if (execution := _execution.get()) is not None:
        execution.flush()
