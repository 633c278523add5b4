"""The running execution, ambient like the tenant and the actor."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from typing import Any

from headlessly.context import clock

_execution: ContextVar[Any] = ContextVar("execution", default=None)


def current_moment() -> datetime:
    """Returns the moment of the running verb. It is the same for everything that its hooks do, so that no
    moment of the past shows half of it. It is taken when first needed, after the record was locked."""
    execution = _execution.get()
    if execution is None or not execution.frames:
        return clock.now()
    outermost = execution.frames[0]
    if outermost.moment is None:
        outermost.moment = clock.now()
    return outermost.moment


def is_in_verb() -> bool:
    """Whether a verb is running. Reads are then the product's own, and not the actor's."""
    return (execution := _execution.get()) is not None and bool(execution.frames)


def current_execution() -> Any:
    return _execution.get()


def write_rows_before(sql: Any) -> None:
    """Write the changed rows that the statement ``sql`` may read."""
    if (execution := _execution.get()) is not None and execution.waiting_rows:
        execution.waiting_rows.write_named_in(str(sql))


def flush_events() -> None:
    """Write the events recorded so far, so that reads in a hook see them."""
    if (execution := _execution.get()) is not None:
        execution.flush()
