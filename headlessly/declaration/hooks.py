"""Hooks: Django signals that can be used as decorators.

``@Lead.converting`` runs before the verb and refuses by raising; ``@Lead.converted`` runs after it, in
the same transaction, and undoes everything by raising. Both receive ``(record, ctx)``.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.dispatch import Signal

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

N = TypeVar("N", bound="Record")
Receiver = Callable[[N, Any], None]


def only_creates(receiver: Receiver[N]) -> Receiver[N]:
    """Mark a hook that never queries the database and only creates records. Such hooks may run for the rows
    of an import, which are written later, by the thousand."""
    receiver.only_creates = True  # type: ignore[attr-defined]
    return receiver


def after_every_verb(*nouns: type[N]) -> Callable[[Receiver[N]], Receiver[N]]:
    """Run a function after each verb of these nouns, including those that correct something."""

    def connect(receiver: Receiver[N]) -> Receiver[N]:
        for noun in nouns:
            for verb in (*noun.verbs.values(), *noun.corrections.values()):
                verb.after(receiver)
        return receiver

    return connect


def after_creation(noun: type[N]) -> Callable[[Receiver[N]], Receiver[N]]:
    """Run a function after each verb that may create a record of ``noun``; ``record.is_new`` says whether it
    did."""

    def connect(receiver: Receiver[N]) -> Receiver[N]:
        for verb in noun.verbs.values():
            if verb.creates:
                verb.after(receiver)
        return receiver

    return connect


class Hook(Signal, Generic[N]):
    """One moment in the life of one noun's verb.

    As a decorator it takes a function of ``(record, ctx)``. As a signal it takes Django's receivers:
    ``Lead.converted.connect(receiver)`` calls ``receiver(sender=Lead, record=..., ctx=...)``.
    """

    def __init__(self, noun: str, name: str) -> None:
        # Compute the receivers once, not for each signal.
        super().__init__(use_caching=True)
        self.noun, self.name = noun, name
        #: The functions, if all receivers were connected as decorators; None before that was computed.
        self._decorated: list[Receiver[N]] | None = None

    def __call__(self, receiver: Receiver[N]) -> Receiver[N]:
        def adapter(sender: type[N], record: N, ctx: Any, **_: Any) -> None:
            receiver(record, ctx)

        # Not __wrapped__: under DEBUG Django inspects receivers through it and misses **kwargs.
        adapter.hook = receiver  # type: ignore[attr-defined]
        self.connect(adapter, weak=False, dispatch_uid=receiver)
        return receiver

    def connect(self, *args: Any, **kwargs: Any) -> None:
        super().connect(*args, **kwargs)
        self._decorated = None

    def disconnect(self, *args: Any, **kwargs: Any) -> bool:
        self._decorated = None
        return super().disconnect(*args, **kwargs)

    def remove(self, receiver: Receiver[N]) -> bool:
        """Disconnect a function; returns whether it was connected."""
        return self.disconnect(dispatch_uid=receiver)

    @contextmanager
    def attached(self, receiver: Receiver[N]) -> Iterator[None]:
        """Connect ``receiver`` inside the block: for tests and one-off scripts."""
        self(receiver)
        try:
            yield
        finally:
            self.remove(receiver)

    @contextmanager
    def detached(self, receiver: Receiver[N]) -> Iterator[None]:
        """Disconnect ``receiver`` inside the block; afterwards it runs at the same place as before."""
        before = self.receivers
        self.receivers = [*before]
        self.remove(receiver)
        try:
            yield
        finally:
            self.receivers, self._decorated = before, None
            self.sender_receivers_cache.clear()

    def fire(self, record: N, ctx: Any) -> None:
        """Run every receiver in the order of connection; exceptions are not caught."""
        if self._decorated is None:
            each = [getattr(receiver, "hook", None) for _lookup, receiver, *_ in self.receivers]
            self._decorated = [function for function in each if function is not None]
        # Some are plain Django receivers, which may filter by sender.
        if len(self._decorated) < len(self.receivers):
            self.send(sender=type(record), record=record, ctx=ctx)
            return
        for function in self._decorated:
            function(record, ctx)

    @property
    def needs_rows(self) -> bool:
        """Whether one of the functions may query the row of its record."""
        return any(not getattr(function, "only_creates", False) for function in self.functions())

    def functions(self) -> Iterator[Callable[..., Any]]:
        """Yields the functions of this hook, in the order in which they run."""
        for _lookup, reference, *_ in self.receivers:
            receiver = reference if inspect.isfunction(reference) else _dereference(reference)
            if receiver is not None:
                yield getattr(receiver, "hook", receiver)

    def __repr__(self) -> str:
        return f"<Hook {self.noun}.{self.name}>"


def _dereference(reference: Any) -> Callable[..., Any] | None:
    """Returns the receiver; None if it was connected weakly and is gone."""
    return reference() if isinstance(reference, weakref.ReferenceType) else reference
