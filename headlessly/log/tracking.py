"""Tracked events: things that happened outside of the product and are not verbs of a noun."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.context import tracing
from headlessly.context.running import _execution, current_moment, flush_events
from headlessly.declaration.values import check_json
from headlessly.errors import Forbidden, Invalid
from headlessly.log.events import Event, append_event, plain_json

#: Sent in the transaction that recorded an event from outside; provides ``event``.
event_tracked = Signal()


class Tracker:
    """``ctx.Event``: things that happened and are not verbs of a noun."""

    @staticmethod
    def create(*, name: str, properties: dict[str, Any] | None = None) -> Event:
        """Record a tracked event from a hook. Raises Invalid for a name that looks like a verb's."""
        check_event_name(name)
        data = plain_json(dict(properties or {}))
        try:
            check_json(data, 0)
        except ValueError as problem:
            raise Invalid.for_fields({"properties": str(problem)}) from None
        if (execution := _execution.get()) is None:
            raise RuntimeError("Outside of a hook, record tracked events with tracking.track.")
        return execution.append(
            name=name,
            target=None,
            target_type=None,
            version=None,
            data=data,
            previous=None,
            timestamp=current_moment(),
        )


def is_tracked(name: str) -> bool:
    """Whether there are tracked events with this name, which may look like that of a noun."""
    return Event.log.filter(name=name).exists()


def permit_tracking() -> None:
    """Raise Forbidden for an actor who may only read."""
    if not (actor := actors.current()).writes:
        raise Forbidden(f"As {actor.role} you may not record events.", type="Event")


def check_event_name(name: str) -> None:
    """Raise Invalid for the name of a tracked event that looks like the event of a verb."""
    if not isinstance(name, str) or not name.strip() or len(name) > 255 or not name.isprintable():
        raise Invalid.for_fields({"name": _("Use 1 to 255 visible characters.")})
    # Characters that only look like a dot or a capital letter count as such.
    noun, dot, rest = unicodedata.normalize("NFKC", name).strip().partition(".")
    if dot and noun[:1].isupper() and rest[:1].isupper():
        raise Invalid.for_fields({"name": _("A name like Noun.Verb is the record of a verb.")})


def track(
    name: str, properties: dict[str, Any] | None = None, *, timestamp: datetime | None = None
) -> Event:
    """Record something that happened outside: ``page_view``, ``trial_started``."""
    permit_tracking()
    check_event_name(name)
    check_json(properties or {}, 0)
    flush_events()  # keeps the order of the log if several verbs are executed in one transaction
    with tracing.request_id_scope() as request_id, transaction.atomic():
        event = append_event(name, properties or {}, request_id, timestamp=timestamp)
        event_tracked.send(sender=Event, event=event)
    return event
