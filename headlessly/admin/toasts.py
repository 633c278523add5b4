"""Short messages after something was done, with the way to take it back where there is one."""

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

#: Where the answer to a script says which request takes back what it did.
UNDO_HEADER = "X-Undo"


class MessageMiddleware(DjangoMessageMiddleware):
    """Django's, for people: programs are told nothing beside their answer."""

    def process_request(self, request: HttpRequest) -> None:
        if is_read_by_people(cast(SpokenRequest, request)):
            super().process_request(request)


@dataclass
class Toast:
    text: str
    bad: bool = False
    undo: Undo | None = None


def say(request: HttpRequest, text: str, *, undo: bool = False) -> None:
    """Say that something was done; with ``undo`` one may want to take back what this request did."""
    messages.success(request, text, extra_tags=undoable_request() if undo else "")


def undoable_request() -> str:
    """The id of this request, where it left something in the log; else nothing."""
    id = tracing.request_id() or ""
    found = Event.log.filter(request_id=id, target__isnull=False).exclude(target_type=SECURITY)
    return id if id and found.exists() else ""


def undo_of_request() -> Undo | None:
    """What takes back what this request did; None where it did nothing."""
    request = undoable_request()
    return Undo(request) if request else None


def read_toasts(request: HttpRequest) -> list[Toast]:
    """What is to be said on this page."""
    found, said = [], set()
    for message in messages.get_messages(request):
        # What was sent again over a bad line is answered again, and was perhaps heard the first time.
        if (same := (message.message, message.extra_tags)) in said:
            continue
        said.add(same)
        bad = message.level >= messages.WARNING
        tag = message.extra_tags or ""
        id = tag.removeprefix(REDO)
        found.append(Toast(message.message, bad, Undo(id, redo=id != tag) if id else None))
    return found
