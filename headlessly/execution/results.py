"""What a write answers, on every surface: the record as a read would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headlessly.access import tenancy

if TYPE_CHECKING:
    from headlessly.declaration.record import Record as Noun
    from headlessly.declaration.verbs import Verb
    from headlessly.execution.executor import DryRun


def record_json(record: Noun) -> dict[str, Any]:
    """The record with the address of its tenant, in the order of a read."""
    said = record.as_json()
    return {
        "$id": said.pop("$id"),
        "$type": said.pop("$type"),
        "$context": tenancy.context_url(),
    } | said


def public_json(verb: Verb, result: Noun) -> dict[str, Any]:
    """What somebody without a key is told after a public verb: no more than it says of itself."""
    said = record_json(result)
    shown = ("$id", "$type", "$context", *(result.schema.by_name[n].wire for n in verb.public))
    return {name: said[name] for name in shown}


def dry_run_json(result: DryRun) -> dict[str, Any]:
    """The record as it would be, and the events, which have no place in the log."""
    return {
        "record": record_json(result.record),
        "events": [event.as_json() | {"seq": None} for event in result.events],
    }
