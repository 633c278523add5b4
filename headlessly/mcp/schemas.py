"""`fetch` of ``Schema``: all types and fields, in as few words as possible.

It is made from REST's schema. What applies to most types is said once, and nothing is repeated: for an input
that is a field, the field has the details.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from headlessly.access import actors, tenancy
from headlessly.declaration import describe
from headlessly.declaration.next_steps import next_steps
from headlessly.declaration.registry import registry
from headlessly.declaration.schema import wire_name
from headlessly.errors import NotFound, did_you_mean
from headlessly.nouns import Noun
from headlessly.query.record_operations import RecordOperation, record_operations
from headlessly.scripts import own_fields
from headlessly.shaping import field_settings
from headlessly.shaping.models import TYPES

#: For an agent whose key may only propose.
PROPOSAL_DESCRIPTION = (
    "what your scripts become: do changes nothing but stores what a script would do, until a person "
    "approves it; with the proposal's id: whether they did, and why not"
)

#: For an agent whose key may manage own fields.
OWN_FIELDS = {
    "description": "Types may have fields of the tenant's own beside those of the product. In do:",
    "calls": list(own_fields.CALLS.values()),
    "settings": list(field_settings.SETTABLE),
    "types": list(TYPES),
}

#: Properties of a field that are of no use to an agent: how it is stored, what the referenced type says, and
#: what an error says when it matters.
UNTOLD = ("indexed", "inverse", "maxLength")
#: The input of a verb that takes all fields.
EVERY_FIELD = "every field that is not readOnly"
#: The input for a reference whose record the verb may create.
OR_NEW = "an id, or {fields} of a new one"


def describe_all() -> dict[str, Any]:
    """Returns the nouns in a sentence each, the actor, and how to ask."""
    actor = actors.current()
    allowed = {name: _allowed_verbs(noun) for name, noun in registry.items()}
    usual = _usual_verbs(allowed)
    return {
        "types": {
            name: {
                "description": noun.schema.description.partition("\n")[0],
                "verbs": _with_usual(allowed[name], usual),
            }
            for name, noun in registry.items()
        },
        "usual": usual,
        "you": {
            "name": actor.name,
            "role": actor.role,
            "contact": actor.contact_id,
            "sees": "own" if actor.limited else "all",
            "tenant": tenancy.require().name,
        },
        "more": {
            "Schema": "with a type as id: its fields, allowed values, verbs and states",
            "Event": "the log of all that happened: search it, or fetch one",
            "Notification": "what the person is told whose key this is: search it",
            "History": "with a record's id: its latest events, newest first",
            "Status": "how many records stand in which state",
            "Report": "the numbers by name; with one as id, and parameters as it lists them: what it says",
        }
        | ({"Proposal": PROPOSAL_DESCRIPTION} if actor.role == actors.PROPOSER else {}),
    } | ({"ownFields": OWN_FIELDS} if actors.may_administer(actor) else {})


def _allowed_verbs(noun: type[Noun]) -> list[str]:
    """Returns the verbs that the actor may execute or, for a proposer, propose: those that a manager may."""
    actor = actors.current()
    if actor.role == actors.PROPOSER:
        actor = replace(actor, role=actors.MANAGER)
    return [wire_name(verb) for verb in noun.verbs if actors.may(actor, verb, noun)]


def _usual_verbs(allowed: dict[str, list[str]]) -> list[str]:
    """Returns the verbs that more than half of the types have."""
    counted = Counter(verb for verbs in allowed.values() for verb in verbs)
    return [verb for verb, count in counted.items() if count * 2 > len(allowed)]


def _with_usual(verbs: list[str], usual: list[str]) -> list[str]:
    """Returns the verbs, with ``usual`` for the usual ones if all of them are there."""
    if not usual or not set(usual) <= set(verbs):
        return verbs
    return ["usual", *(verb for verb in verbs if verb not in usual)]


def describe_type(name: str) -> dict[str, Any]:
    """Returns one noun: its fields, its verbs with their inputs, and what is possible in which state."""
    if (noun := registry.get(name)) is None:
        close = did_you_mean(name, registry)
        raise NotFound(f"There is no type {name[:64]!r}.{close} Types: {', '.join(registry)}.")
    described = {n: s for n, s in describe.describe_noun(noun).items() if s is not False}
    del described["plural"]  # only used in addresses
    fields = described["fields"]
    described["verbs"] = {
        name: _describe_verb(verb, fields) for name, verb in described["verbs"].items()
    }
    described["fields"] = {
        name: {key: said for key, said in field.items() if key not in UNTOLD}
        for name, field in fields.items()
    }
    # The references are among the fields.
    described["relations"] = {
        name: f"{each['to']}.{each['inverse']}"
        for name, each in described["relations"].items()
        if each["direction"] == "<-"
    }
    described["may"] = _allowed_verbs(noun)
    if said := {f"<id>/{name}": _say_operation(e) for name, e in reading_operations(noun).items()}:
        described["fetch"] = said
    if done := {e.name: _say_operation(e) for e in record_operations(noun) if e.writes}:
        described["do"] = done
    described["search"] = [wire_name(name.replace("__", ".")) for name in noun.schema.search]
    if machine := described.pop("machine"):
        described["states"] = {"field": machine["field"], "begins": machine["entry"]} | {
            "from": {state: _possible_steps(noun, state) for state in machine["states"]},
            "closed": machine["closed"],
        }
        if machine["gates"]:
            described["states"]["gates"] = machine["gates"]
    return described


def reading_operations(noun: type[Noun]) -> dict[str, RecordOperation]:
    """Returns the operations of a record that `fetch` offers, by name."""
    return {each.name: each for each in record_operations(noun) if not each.writes}


def _say_operation(asked: RecordOperation) -> str:
    """Returns what an operation is, and its parameters."""
    takes = [name for name in asked.takes if name != "offset"]
    return f"{asked.description} ({', '.join(takes)})" if takes else asked.description


def _describe_verb(verb: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    required: list[str] = []
    optional: list[str] = []
    for name, taken in verb["input"].items():
        if (more := _beyond_field(taken, fields.get(name))) is not None:
            own[name] = more
        else:
            (required if taken.get("required") else optional).append(name)
    described = {
        name: verb[name]
        for name in ("description", "event", "requires", "creates", "finds", "from", "to")
        if name in verb
    }
    takes: dict[str, Any] = {"required": required, "optional": optional, "input": own}
    if verb["input"].keys() >= _writable(fields):
        takes["optional"] = [EVERY_FIELD]
    return described | {name: value for name, value in takes.items() if value}


def _beyond_field(taken: dict[str, Any], field: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns what an input says that the field of its name does not; None if that is nothing."""
    if field is None:
        return {key: said for key, said in taken.items() if key not in UNTOLD}
    if "new" not in taken:
        return None
    more = {key: said for key, said in taken.items() if field.get(key) != said}
    return more | {"new": OR_NEW}


def _writable(fields: dict[str, Any]) -> set[str]:
    return {name for name, field in fields.items() if not field.get("readOnly")}


def _possible_steps(noun: type[Noun], state: str) -> dict[str, list[str]]:
    """Returns the verbs that are possible in a state, each with its targets."""
    found: dict[str, list[str]] = {}
    for step in next_steps(noun, state):
        if step.target is not None:
            found.setdefault(wire_name(step.verb.name), []).append(str(step.target))
    return found
