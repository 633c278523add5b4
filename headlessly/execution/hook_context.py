"""What a hook receives beside its record: who does what, why, and the nouns to go on with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from headlessly.declaration.record import Record
from headlessly.log import tracking

if TYPE_CHECKING:
    from headlessly.access.actors import Actor
    from headlessly.access.models import Tenant
    from headlessly.declaration.verbs import Verb
    from headlessly.execution.execution import Execution
    from headlessly.log.events import Event

N = TypeVar("N", bound=Record)


@dataclass
class RunningVerb:
    """One verb on the way: the outermost, or one that a hook executes."""

    verb: Verb
    record: Record
    event: Event | None = None
    moment: datetime | None = None
    #: Whether the caller asked for it, and no hook: it needs their permission, and sees what they do.
    for_caller: bool = False


class Context:
    """What a hook receives beside the record: the ``$`` of the original.

    Every noun by name (``ctx.Deal.create(...)``), ``ctx.Event`` for tracked events, and ``actor``,
    ``tenant``, ``input`` (the verb's, checked; not to be changed), ``extras`` (what was sent beside it, where
    the verb ``receives`` such), ``verb``, ``cause``, ``is_import`` and ``event`` (None before).
    """

    def __init__(
        self,
        execution: Execution,
        frame: RunningVerb,
        input: Mapping[str, Any],
        extras: Mapping[str, Any],
    ) -> None:
        self._execution, self._frame = execution, frame
        self.input = MappingProxyType(dict(input))
        self.extras = MappingProxyType(dict(extras))
        self.actor: Actor = execution.actor
        self.tenant: Tenant = execution.tenant
        self.verb = frame.verb.name

    @property
    def event(self) -> Event | None:
        """The event that this verb recorded; None in a before-hook, when nothing has happened yet."""
        return self._frame.event

    @property
    def cause(self) -> Verb | None:
        """The verb whose hook executes this one; None for what the caller executes."""
        above = self._above
        return above.verb if above is not None else None

    @property
    def cause_record(self) -> Record | None:
        """The record of :attr:`cause`."""
        above = self._above
        return above.record if above is not None else None

    @property
    def _above(self) -> RunningVerb | None:
        frames = self._execution.frames
        above = frames.index(self._frame)
        return frames[above - 1] if above else None

    @property
    def is_import(self) -> bool:
        """Whether the record is a row of a file."""
        return self._execution.is_import

    def lock(self, noun: type[N], id: str) -> N:
        """The record as it is now, held until the verb is done: read before you decide."""
        return self._execution.lock(noun, id)

    def lock_many(self, noun: type[N], ids: Iterable[str]) -> list[N]:
        """Those of these records that are still there, as :meth:`lock` answers one: in the order of their
        ids, which is the same for all who lock several."""
        return self._execution.lock_many(noun, ids)

    def flush(self) -> None:
        """Write what is gathered or waits, so that the database knows of it, or refuses it here and not in an
        :meth:`attempt`. A hook that reads records otherwise than by Django's cursor calls it first."""
        self._execution.flush()

    def attempt(self) -> AbstractContextManager[None]:
        """A block that is undone where an exception leaves it; the verb goes on."""
        return self._execution.attempt()

    def acted_by(self, actor: Actor) -> AbstractContextManager[None]:
        """A block in which ``actor`` does what the hook executes."""
        return self._execution.acted_by(actor)

    def __getattr__(self, name: str) -> Any:
        if name == "Event":
            return tracking.Tracker
        registry = self._frame.verb.noun.registry
        try:
            return registry[name]
        except KeyError:
            raise AttributeError(
                f"There is no noun {name}. Nouns: {', '.join(registry)}."
            ) from None
