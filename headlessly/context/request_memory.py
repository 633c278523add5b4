"""What is read once in a request, however often it is asked: by each row of a list for itself.

Outside of a request nothing is remembered, since what asks there may go on for hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from headlessly.context.tenant_scope import tenant_in_scope

P = ParamSpec("P")
R = TypeVar("R")

_memory: ContextVar[dict[Any, Any] | None] = ContextVar("request_memory", default=None)


@contextmanager
def request_memory() -> Iterator[None]:
    """A block that is one request."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def forget_what_was_read() -> None:
    """Ask anew from here on: what was read has changed."""
    if (memory := _memory.get()) is not None:
        memory.clear()


def read_once(function: Callable[P, R]) -> Callable[P, R]:
    """Let a request have the answer that it had before, of the tenant at hand and the same arguments."""

    @wraps(function)
    def read(*args: P.args, **kwargs: P.kwargs) -> R:
        if (memory := _memory.get()) is None:
            return function(*args, **kwargs)
        key = (function, tenant_in_scope(), args, tuple(kwargs.items()))
        if key not in memory:
            memory[key] = function(*args, **kwargs)
        return memory[key]  # type: ignore[no-any-return]

    return read
