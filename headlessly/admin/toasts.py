"""Short messages after something was done, with the way to take it back where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from headlessly.admin import undo as undoing
from headlessly.admin.undo import Undo
from headlessly.context import tracing
from headlessly.declaration.registry import registry
from headlessly.log import events
from headlessly.nouns import Noun


@dataclass
class Toast:
    text: str
    bad: bool = False
    undo: Undo | None = None


def say(request: HttpRequest, text: str, done_to: Noun | None = None) -> None:
    """Say that something was done; ``done_to`` is the record whose event one may want to undo."""
    event = None if done_to is None else _event_of_this_request(done_to)
    messages.success(request, text, extra_tags=event or "")


def _event_of_this_request(record: Noun) -> str | None:
    """The event of the verb that this request executed on the record, not of what it caused."""
    found = type(record).history(record).filter(
        request_id=tracing.request_id(), cause=None
    )  # fmt: skip
    return found.values_list("id", flat=True).first()


def read_toasts(request: HttpRequest) -> list[Toast]:
    """What is to be said on this page."""
    found, said = [], set()
    for message in messages.get_messages(request):
        # What was sent again over a bad line is answered again, and was perhaps heard the first time.
        if (same := (message.message, message.extra_tags)) in said:
            continue
        said.add(same)
        bad = message.level >= messages.WARNING
        found.append(Toast(message.message, bad, _find_undo(message.extra_tags)))
    return found


def _find_undo(id: Any) -> Undo | None:
    """How to take back the event of a message, if that is possible."""
    if not id or not str(id).startswith(events.Event.prefix):
        return None
    event = events.Event.objects.filter(id=id).first()
    noun = registry.get(event.target_type or "") if event is not None else None
    if event is None or noun is None:
        return None
    record = find_even_deleted(noun, event.target)
    undo = undoing.find_undo(record, event) if record is not None else None
    return undo if undo is not None and not undo.reason else None


def find_even_deleted(noun: type[Noun], id: str | None) -> Noun | None:
    """The record, whether it is there or was deleted; None for another tenant's."""
    return noun.with_deleted.filter(pk=id).first()
