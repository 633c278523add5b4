"""Short messages after an action, with a button to undo it where that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.messages.middleware import MessageMiddleware as DjangoMessageMiddleware
from django.http import HttpRequest

from headlessly.admin.undo import REDO, Undo
from headlessly.context import tracing
from headlessly.language.languages import SpokenRequest, is_read_by_people
from headlessly.log.events import Event
from headlessly.log.names import SECURITY

#: The response header with the id of the request to undo.
UNDO_HEADER = "X-Undo"


class MessageMiddleware(DjangoMessageMiddleware):
    """Django's middleware, for people only: programs get no messages."""

    def process_request(self, request: HttpRequest) -> None:
        if is_read_by_people(cast(SpokenRequest, request)):
            super().process_request(request)


@dataclass
class Toast:
    text: str
    bad: bool = False
    undo: Undo | None = None


def say(request: HttpRequest, text: str, *, undo: bool = False) -> None:
    """Shows a message that something was done, with a button if ``undo``."""
    messages.success(request, text, extra_tags=undoable_request() if undo else "")


def undoable_request() -> str:
    """Returns the id of this request if it left events in the log, else an empty text."""
    id = tracing.request_id() or ""
    found = Event.log.filter(request_id=id, target__isnull=False).exclude(target_type=SECURITY)
    return id if id and found.exists() else ""


def undo_of_request() -> Undo | None:
    """Returns the undo of this request; None if it did nothing."""
    request = undoable_request()
    return Undo(request) if request else None


def read_toasts(request: HttpRequest) -> list[Toast]:
    """Returns the messages of this page."""
    found, said = [], set()
    for message in messages.get_messages(request):
        # A request that was sent again queues its messages again.
        if (same := (message.message, message.extra_tags)) in said:
            continue
        said.add(same)
        bad = message.level >= messages.WARNING
        tag = message.extra_tags or ""
        id = tag.removeprefix(REDO)
        found.append(Toast(message.message, bad, Undo(id, redo=id != tag) if id else None))
    return found
