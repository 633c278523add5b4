"""Valid input for any noun and verb, made from the schema, and records in any state."""

from __future__ import annotations

import itertools
from collections import deque
from datetime import date, timedelta
from typing import Any

from headlessly.access import tenancy
from headlessly.access.models import Membership
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field, Step
from headlessly.declaration.surface import WORKERS
from headlessly.declaration.verbs import Verb
from headlessly.execution import executor
from headlessly.nouns import Noun

NOUNS = list(registry.values())
#: Nouns whose records can change.
CHANGING = [noun for noun in NOUNS if not noun.immutable]
#: Inputs that a verb only does not need if a person runs it.
NAMED = {("claim", "owner")}
#: Choices for a new record that need no further input.
CHOICES = {"how": "Nobody"}
#: Flags of a new record that others could not refer to otherwise.
STATED = {"is_active": True}
_number = itertools.count(1)

#: Texts that the validators accept; the first one that fits a field is used.
WORDS = ("Word {}", "word-{}", "word{}.example", "Europe/Berlin", "en")
CURRENCIES = ("EUR", "CHF", "GBP", "JPY", "SEK")
#: Fields whose form the schema does not describe.
SHAPES = {
    "stages": [
        {"name": name, "probability": 10, "order": 1} for name in ("Proposal", "Negotiation")
    ],
    "stage": "Proposal",  # that no pipeline requires
    "move_to": "Negotiation",
    "fields": [
        {"name": "email", "type": "email", "label": "Your email", "required": True},
        {"name": "size", "type": "select", "options": ["Small", "Large"]},
    ],
    "type": "Deal",  # of a gate, with a field that every deal has
    "state": "Lost",
    "requires": [{"field": "value"}],
    "about": "Lead",  # of a stale limit
    "status": "New",
    "keep": {"name": "this"},
    "condition": {"type": "Lead", "filter": {"status": "New"}},
    "criteria": {"type": "Lead", "filter": {"status": "New"}},
    "hours": [{"day": "Monday", "from": "09:00", "to": "17:00"}],
    "days_off": [{"from": "2026-12-24", "to": "2026-12-31", "name": "Closed"}],
    "country": "DE",
    "region": "BY",
    "steps": [
        {"name": "Came", "event": "Lead.Created"},
        {"name": "Converted", "event": "Lead.Converted"},
    ],
}


def value(field: Field, besides: Noun | None = None) -> Any:
    """Returns a valid value for `field` as in JSON, a different one each time if possible."""
    number = next(_number)
    match field.type:
        case "string" | "text" if field.name in SHAPES:
            return SHAPES[field.name]
        case "string" | "text":
            words = (*WORDS, CURRENCIES[number % len(CURRENCIES)])
            return next(filter(None, (_accepted(field, w.format(number)) for w in words)))
        case "email":
            return f"person.{number}@people.example"
        case "url":
            return f"https://example.com/{number}"
        case "enum" if besides is None and field.name in CHOICES:
            return CHOICES[field.name]
        case "enum":
            now = getattr(besides, field.column, None)
            return next((each for each in reversed(field.choices) if each != now), now)
        case "choices" if field.item is not None:
            return [value(field.item, besides)]
        case "choices":
            return list(field.choices[:2]) or [f"Word {number}"]
        case "number" | "integer" | "money":
            return (field.minimum or 0) + number % 90 + 1
        case "date":
            if not _accepted(
                field, "2001-01-31"
            ):  # a goal's start must be the first day of a month, and of a year for some
                return f"{date(1000 + number % 8000, 1, 1)}"
            # Ascending, as starts are asked for before ends.
            return f"{date(2001, 1, 31) + timedelta(days=number)}"
        case "datetime":
            return "2026-01-31T09:00:00Z"
        case "bool" if besides is None and field.name in STATED:
            return STATED[field.name]
        case "bool":
            return not field.default
        case "file":
            return field.example
        case "json" if field.parts:
            return [{"system": "hubspot", "id": f"{number}"}]
        case "json":
            return SHAPES.get(field.name, {"key": number})
        case "reference" if field.name in (*WORKERS, "person", "fallback") and (
            member := a_member()
        ):
            return member
        case "reference":
            return some(registry[field.to], besides, new=field.record or field.cascades)
    raise AssertionError(f"No sample for a field of type {field.type}: teach tests/contract one.")


def some(noun: type[Noun], besides: Noun | None, *, new: bool = False) -> str:
    """Returns the id of a record of `noun` other than `besides`: the first that was made, or a new one."""
    there = noun.objects.exclude(pk=besides and besides.pk).order_by("created_at", "pk")
    found = None if new else there.values_list("pk", flat=True).first()
    return found or create(noun).pk


def a_member() -> str | None:
    """Returns the id of a contact who is a member: once there are members, work only goes to them."""
    linked = Membership.objects.filter(tenant=tenancy.require()).exclude(contact=None)
    return linked.order_by("pk").values_list("contact_id", flat=True).first()


def _accepted(field: Field, word: str) -> str | None:
    try:
        return field.clean(word)
    except ValueError:
        return None


def inputs(verb: Verb, *, full: bool = False, record: Noun | None = None) -> dict[str, Any]:
    """Returns valid input for `verb` by wire name: only required values, or with `full` all but the state."""
    machine, kind = verb.noun.schema.machine, verb.noun.schema.kind
    found = {}
    asked = verb.inputs_of(record) if verb.asks else verb.inputs
    own_kind = kind and (getattr(record, kind.column, None) or kind.default)
    others = verb.noun.schema.fields_of_others(own_kind)
    for wire, field in asked.items():
        if field.name in others:
            continue
        if wire == "asOf":
            found[wire] = record.created_at
        elif machine and field.name == machine.name:
            if verb.chooses and record is not None:
                found[wire] = verb.steps.get(getattr(record, machine.name), machine.entry[0])
        elif field.required or full or (verb.name, field.name) in NAMED:
            found[wire] = value(field, record)
    if verb.name == "update" and record is not None and not found:
        found = change(record)
    return found


def change(record: Noun) -> dict[str, Any]:
    """Returns input that changes `record`: unchanged values would leave no event."""
    plain = [f for f in record.schema.inputs() if f.type in ("string", "enum") and not f.unique]
    field = min((f for f in plain if not f.moves), key=lambda f: f.type != "string")
    return {field.wire: value(field, record)}


def run(verb: Verb, record: Any = None, data: dict[str, Any] | None = None, **options: Any) -> Any:
    """Run `verb` as programs do, with the minimal valid input by default."""
    data = inputs(verb, record=record) if data is None else data
    return executor.run(verb, record, data, wire=True, **options)


def create(noun: type[Noun], *, full: bool = False, **data: Any) -> Noun:
    verb = noun.verbs["create"]
    given = inputs(verb, full=full)
    if "claim" in noun.verbs:
        given.pop(noun.schema.owner.wire, None)  # only records without an owner can be claimed
    return run(verb, None, given | data)


def path_to(noun: type[Noun], state: str) -> tuple[str, list[Step]]:
    """Returns an entry state, and the shortest way from there to `state`."""
    machine = noun.schema.machine
    ways = deque((entry, entry, []) for entry in machine.entry)
    seen = set(machine.entry)
    while ways:
        entry, at, steps = ways.popleft()
        if at == state:
            return entry, steps
        for step in machine.steps_from(at):
            if step.target not in seen:
                seen.add(step.target)
                ways.append((entry, step.target, [*steps, step]))
    raise AssertionError(f"No way leads a {noun.__name__} to {state}.")


def in_state(noun: type[Noun], state: str) -> Noun:
    """Returns a record with all fields filled that was moved through its states to `state`."""
    entry, steps = path_to(noun, state)
    record = create(noun, full=True, **{noun.schema.machine.name: entry})
    for step in steps:
        take(record, step)
    return noun.get(record.pk)


def take(record: Noun, step: Step) -> Noun:
    noun = type(record)
    if step.via == "update":
        return run(noun.verbs["update"], record.pk, {noun.schema.machine.name: step.target})
    return run(noun.verbs[step.via], record.pk)


def states(noun: type[Noun]) -> tuple[str, ...]:
    return noun.schema.machine.states if noun.schema.machine else ()
