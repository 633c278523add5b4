"""Turns an operation that is written once, as steps, into a method of both clients, with the same
arguments and the same documentation.

Both call :meth:`~headlessly.client.sessions.Session.run`, which returns a result in a thread and an
awaitable in an event loop. So :func:`blocking` and :func:`awaited` do the same, and differ only in their
types.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from headlessly.client.calls import Steps

P = ParamSpec("P")
T = TypeVar("T")
Owner = TypeVar("Owner")
#: The arguments of a listing, an export or a batch, beside its session.
Asked = Mapping[str, Any]


def blocking(
    operation: Callable[Concatenate[Owner, P], Steps[T]],
) -> Callable[Concatenate[Owner, P], T]:
    """Returns the method that executes ``operation`` and returns its result."""
    return _method(operation, lambda self, steps: self._session.run(steps))


def awaited(
    operation: Callable[Concatenate[Owner, P], Steps[T]],
) -> Callable[Concatenate[Owner, P], Coroutine[Any, Any, T]]:
    """Returns the method that executes ``operation`` when it is awaited."""
    return _method(operation, lambda self, steps: self._session.run(steps))


def asking(
    kind: Callable[..., T], question: Callable[Concatenate[Owner, P], Asked]
) -> Callable[Concatenate[Owner, P], T]:
    """Returns the method that makes a ``kind`` from ``question``. Nothing is sent before that is read."""
    return _method(question, lambda self, asked: kind(self._session, **asked))


def _method(function: Callable[..., Any], answer: Callable[[Any, Any], Any]) -> Any:
    """Returns a method with the name, the arguments and the documentation of ``function``, which a
    subclass may override."""
    name = function.__name__

    @wraps(function)
    def method(self: Any, *args: Any, **named: Any) -> Any:
        return answer(self, getattr(self, name)(*args, **named))

    method.__name__ = name.removeprefix("_")
    signature = inspect.signature(function)
    method.__signature__ = signature.replace(return_annotation=inspect.Signature.empty)  # type: ignore[attr-defined]
    return method
