"""Verbs bound to a noun or a record: ``Lead.convert``, ``lead.convert``, ``Lead.converted_by``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headlessly.declaration.record import Record
from headlessly.execution import executor
from headlessly.log import events

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb
    from headlessly.execution.executor import DryRun


class BoundVerb:
    """A verb about to be executed: ``Lead.convert`` or ``lead.convert``."""

    def __init__(self, verb: Verb, record: Record | None) -> None:
        self.verb, self.record = verb, record
        self.__doc__ = verb.__doc__
        self.__name__ = verb.name

    def __call__(
        self,
        target: str | Record | None = None,
        /,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        **inputs: Any,
    ) -> Record | DryRun:
        """Executes the verb. Called on the class, the first argument is the record or its id; verbs that
        create take none.

        ``dry_run`` returns the record and the events without writing anything. ``if_match`` refuses unless
        the record is at this version.
        """
        noun = self.verb.noun
        if self.verb.name not in noun.verbs:
            raise noun.never_changes(self.verb.name)
        target = self.record if self.record is not None else target
        if target is None and not self.verb.creates:
            raise TypeError(f"{self.verb.noun.__name__}.{self.verb.name} needs a record or its id.")
        return executor.run(self.verb, target, inputs, dry_run=dry_run, if_match=if_match)

    def __repr__(self) -> str:
        return f"<{self.verb.noun.__name__}.{self.verb.name}>"


class EventsByActor:
    """``Lead.lost_by(user)``: the events that this actor's executions of a verb recorded, newest first."""

    def __init__(self, verb: Verb) -> None:
        self.verb = verb

    def __get__(self, record: Record | None, noun: type[Record]) -> Callable[[Any], Any]:
        return lambda actor: events.events_by_actor(self.verb.event, getattr(actor, "id", actor))
