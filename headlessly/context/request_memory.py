"""A cache for the duration of a request, for what each row of a list would otherwise read again.

Outside of a request nothing is cached, because scripts and jobs may run for hours.
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
    """Cache inside the block, which is one request."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def forget_what_was_read() -> None:
    """Empty the cache, because what was read has changed."""
    if (memory := _memory.get()) is not None:
        memory.clear()


def read_once(function: Callable[P, R]) -> Callable[P, R]:
    """Cache the results of a function during a request, by tenant and arguments."""

    @wraps(function)
    def read(*args: P.args, **kwargs: P.kwargs) -> R:
        if (memory := _memory.get()) is None:
            return function(*args, **kwargs)
        key = (function, tenant_in_scope(), args, tuple(kwargs.items()))
        if key not in memory:
            memory[key] = function(*args, **kwargs)
        return memory[key]  # type: ignore[no-any-return]

    return read
