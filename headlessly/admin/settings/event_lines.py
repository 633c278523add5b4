"""Events of all kinds as lines of a list: who did what to which record, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.html import strip_tags

from headlessly.admin.event_text import Entry, Teller
from headlessly.admin.settings.security_text import SecurityTeller
from headlessly.log.events import Event
from headlessly.log.names import SECURITY

#: Longest text about the changes of one event; the record's page has all of it.
LONGEST = 200


class EventLines:
    """The lines of several events. The names in them are fetched once for all."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.security = SecurityTeller(e for e in events if e.target_type == SECURITY)
        self.teller = Teller([e for e in events if e.target_type != SECURITY])

    def rows(self) -> list[dict[str, Any]]:
        """Returns one line per event, its texts without HTML."""
        return [row for event in self.events if (row := self._row(event)) is not None]

    def _row(self, event: Event) -> dict[str, Any] | None:
        """Returns the line of an event, or None if it only notes that another event, with a line of its
        own, touched the record."""
        if event.target_type == SECURITY:
            return {**self.security.row(event), "about": None, "after": "", "changes": ""}
        entry = self.teller.tell(event, about=event.target is not None)
        if entry.nothing and event.cause is not None:
            return None
        return {
            "event": event,
            "who": entry.who,
            "did": entry.did,
            "after": entry.after,
            "about": entry.about,
            "changes": _changes_text(entry),
            "maker": "",
            "asked": "",
        }


def _changes_text(entry: Entry) -> str:
    """Returns what changed, in one line."""
    told = []
    if entry.moved is not None:
        told.append(" → ".join(strip_tags(str(state)) for state in entry.moved))
    for change in entry.changes:
        was, now = strip_tags(str(change.was)), strip_tags(str(change.now))
        told.append(f"{change.label}: {was} → {now}" if was else f"{change.label}: {now}")
    text = "; ".join(told) or entry.said
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
