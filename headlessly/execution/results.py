"""The JSON that every surface answers after a write: the record as a read would return it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headlessly.access import tenancy

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb
    from headlessly.execution.executor import DryRun


def record_json(record: Record) -> dict[str, Any]:
    """Returns the record with the address of its tenant, in the order of a read."""
    body = record.as_json()
    return {
        "$id": body.pop("$id"),
        "$type": body.pop("$type"),
        "$context": tenancy.context_url(),
    } | body


def public_json(verb: Verb, result: Record) -> dict[str, Any]:
    """Returns what a caller without a key may see after a public verb: only the fields that the verb
    names."""
    said = record_json(result)
    shown = (
        "$id",
        "$type",
        "$context",
        *(result.schema.by_name[n].wire for n in verb.public or ()),
    )
    return {name: said[name] for name in shown}


def dry_run_json(result: DryRun) -> dict[str, Any]:
    """Returns the record as it would be, and the events. Their ``seq`` is null, because they are not in the
    log."""
    return {
        "record": record_json(result.record),
        "events": [event.as_json() | {"seq": None} for event in result.events],
    }
