"""The result of a script: its value, its output and its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headlessly.log.events import Event, plain_json
from headlessly.log.names import SCRIPT_RAN

#: How many events are shown; how many the answer of a script with more events shows, because an agent reads
#: it; and the maximum length of the value in the log, in characters.
MAX_EVENTS_SHOWN, MAX_EVENTS_ANSWERED, MAX_VALUE_LENGTH = 100, 20, 1_000


@dataclass
class ScriptRun:
    """What a script did, or would do: its value as JSON, its events and its output."""

    value: Any
    events: list[Event]
    output: str
    dry_run: bool = False
    proposal: dict[str, Any] | None = None
    event: str | None = None  #: the id of the script's own event

    def as_json(self) -> dict[str, Any]:
        """Returns the result for JSON; for a proposal, the proposal instead."""
        if self.proposal is not None:
            return {"proposal": self.proposal, **answered_events_json(self.events)}
        data = {"value": self.value, **answered_events_json(self.events), "output": self.output}
        if self.events and not self.dry_run:
            data["requestId"] = self.events[0].request_id  # for an undo
        return data | {"dryRun": True} if self.dry_run else data


def events_json(recorded: Sequence[Event]) -> dict[str, Any]:
    """Returns ``events`` in short, and how many were left out."""
    shown = plain_json([event_summary(event) for event in recorded[:MAX_EVENTS_SHOWN]])
    left_out = len(recorded) - len(shown)
    return {"events": shown} | ({"eventsLeftOut": left_out} if left_out else {})


def answered_events_json(recorded: Sequence[Event]) -> dict[str, Any]:
    """Returns the events in short. If there are too many, it returns the first that the script itself caused,
    and how often each name occurs, because hooks often do the same to each record."""
    if len(recorded) <= MAX_EVENTS_SHOWN:
        return events_json(recorded)
    of_verbs = {event.id for event in recorded if event.name != SCRIPT_RAN}
    shown = [e for e in recorded if e.cause not in of_verbs][:MAX_EVENTS_ANSWERED]
    return events_json(shown) | {
        "eventsLeftOut": len(recorded) - len(shown),
        "eventCounts": Counter(event.name for event in recorded),
    }


def event_summary(event: Event) -> dict[str, Any]:
    """Returns an event in short; for a record only its changes, each with the value before and after."""
    summary: dict[str, Any] = {
        "$id": event.id,
        "name": event.name,
        "target": event.target,
        "version": event.version,
        "cause": event.cause,
    }
    data = event.data or {}
    if event.target is None:
        # They are in the answer already.
        own = ("code", "value") if event.name == SCRIPT_RAN else ()
        summary["data"] = {k: v for k, v in data.items() if k not in own}
        return summary
    if event.version == 1:
        values = {k: v for k, v in data.items() if not k.startswith("$") and v not in (None, "")}
        return summary | {"data": values}
    changes = {k: [was, data.get(k)] for k, was in (event.previous or {}).items()}
    return summary | {"changes": changes}
