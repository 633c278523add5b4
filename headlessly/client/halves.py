"""How an operation that is written once, as steps, becomes a method of the half for threads and of that for
an event loop: with the same arguments and the same words, and with what it answers as each of them has it.

Both halves call :meth:`~headlessly.client.sessions.Session.run`, which answers a result in a thread and an
awaitable of it in an event loop; so the two makers do the same, and differ in what they promise.
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
#: What a listing, an export or a batch is made with, beside its session.
Asked = Mapping[str, Any]


def blocking(
    operation: Callable[Concatenate[Owner, P], Steps[T]],
) -> Callable[Concatenate[Owner, P], T]:
    """The method that executes ``operation`` and answers its result."""
    return _method(operation, lambda self, steps: self._session.run(steps))


def awaited(
    operation: Callable[Concatenate[Owner, P], Steps[T]],
) -> Callable[Concatenate[Owner, P], Coroutine[Any, Any, T]]:
    """The method that executes ``operation`` when it is awaited."""
    return _method(operation, lambda self, steps: self._session.run(steps))


def asking(
    kind: Callable[..., T], question: Callable[Concatenate[Owner, P], Asked]
) -> Callable[Concatenate[Owner, P], T]:
    """The method that answers a ``kind`` made from ``question``: nothing is sent before it is read."""
    return _method(question, lambda self, asked: kind(self._session, **asked))


def _method(function: Callable[..., Any], answer: Callable[[Any, Any], Any]) -> Any:
    """A method with the name, the arguments and the words of ``function``, which a subclass may replace."""
    name = function.__name__

    @wraps(function)
    def method(self: Any, *args: Any, **named: Any) -> Any:
        return answer(self, getattr(self, name)(*args, **named))

    method.__name__ = name.removeprefix("_")
    signature = inspect.signature(function)
    method.__signature__ = signature.replace(return_annotation=inspect.Signature.empty)  # type: ignore[attr-defined]
    return method
