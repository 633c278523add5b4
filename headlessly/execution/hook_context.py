"""The context that a hook receives with its record: who executes what, why, and the nouns to go on with."""

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
    """One verb on the stack of an execution: the outermost, or one that a hook executes."""

    verb: Verb
    record: Record
    event: Event | None = None
    moment: datetime | None = None
    #: Whether the caller executes it and not a hook: then it needs the caller's permission and sees what they
    #: see.
    for_caller: bool = False


class Context:
    """What a hook receives beside the record: the ``$`` of the original.

    Has every noun by name (``ctx.Deal.create(...)``), ``ctx.Event`` for tracked events, and ``actor``,
    ``tenant``, ``input`` (the verb's checked input, read-only), ``extras`` (what was sent beside it, for
    verbs with ``receives``), ``verb``, ``cause``, ``is_import`` and ``event`` (None in a before-hook).
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
        """The event that this verb recorded; None in a before-hook."""
        return self._frame.event

    @property
    def cause(self) -> Verb | None:
        """The verb whose hook executes this one; None if the caller executes it."""
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
        """Returns the record as it is now, locked until the transaction ends: read it before you decide."""
        return self._execution.lock(noun, id)

    def lock_many(self, noun: type[N], ids: Iterable[str]) -> list[N]:
        """Returns these records as :meth:`lock` does, without deleted ones. They are locked in the order of
        their ids, so that two transactions never wait for each other."""
        return self._execution.lock_many(noun, ids)

    def flush(self) -> None:
        """Write all waiting rows and events, so that the database sees them, or refuses them here and not in
        an :meth:`attempt`. Needed before a hook reads records by other means than Django's cursor."""
        self._execution.flush()

    def attempt(self) -> AbstractContextManager[None]:
        """A block that is rolled back if an exception leaves it; the hook can catch that and go on."""
        return self._execution.attempt()

    def acted_by(self, actor: Actor) -> AbstractContextManager[None]:
        """A block in which ``actor`` executes the verbs."""
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
