"""What a write answers, on every surface: the record as a read would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import tenancy

if TYPE_CHECKING:
    from .execution import DryRun
    from .nouns import Noun


def record(record: Noun) -> dict[str, Any]:
    """The record with the address of its tenant, in the order of a read."""
    said = record.wire()
    return {
        "$id": said.pop("$id"),
        "$type": said.pop("$type"),
        "$context": tenancy.context_url(),
    } | said


def dry_run(result: DryRun) -> dict[str, Any]:
    """The record as it would be, and the events, which have no place in the log."""
    return {
        "record": record(result.record),
        "events": [event.wire() | {"seq": None} for event in result.events],
    }
