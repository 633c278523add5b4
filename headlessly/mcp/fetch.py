"""`fetch`: one record; and what there is, how things stand, and what happened."""

from __future__ import annotations

from typing import Any

from headlessly.access import actors, tenancy
from headlessly.api import log
from headlessly.declaration import describe
from headlessly.declaration.next_steps import next_steps
from headlessly.declaration.registry import noun_of, registry
from headlessly.declaration.schema import wire_name
from headlessly.errors import BadRequest, NotFound, did_you_mean
from headlessly.language.wording import with_article
from headlessly.mcp import arguments
from headlessly.mcp.search import (
    checked_event_fields,
    pick_event_fields,
    require_noun,
    shorten_event_page,
)
from headlessly.models import Event
from headlessly.nouns import Noun
from headlessly.query import counts, reads
from headlessly.query.record_operations import (
    RecordOperation,
    named_operation,
    record_operations,
)
from headlessly.query.report_answers import describe_reports, report_as_json
from headlessly.scripts import own_fields, proposals
from headlessly.shaping import field_settings
from headlessly.shaping.models import TYPES

#: What is fetched beside records, and what that takes beside its type.
OTHER_TYPES: dict[str, tuple[str, ...]] = {
    "Event": ("id", "fields"),
    "Schema": ("id",),
    "Status": (),
    "Report": ("id", "parameters", "asOf"),
    "History": ("id", "fields"),
    "Proposal": ("id",),
}

#: How many of a list an agent is told of unless it says more.
OPERATION_PAGE = 20

#: What an agent is told whose key may only propose.
PROPOSAL_DESCRIPTION = (
    "what your scripts become: do changes nothing but stores what a script would do, until a person "
    "approves it; with the proposal's id: whether they did, and why not"
)

#: What an agent is told whose key may change which fields there are.
OWN_FIELDS = {
    "description": "Types may have fields of the tenant's own beside those of the product. In do:",
    "calls": list(own_fields.CALLS.values()),
    "settings": list(field_settings.SETTABLE),
    "types": list(TYPES),
}


def fetch(asked: dict[str, Any]) -> dict[str, Any]:
    """What is asked for by ``type`` and ``id``. Raises BadRequest, InvalidFilter, NotFound."""
    if "type" not in asked:
        asked = asked | {"type": _type_of_id(asked.get("id", ""))}
    kind = asked["type"]
    if kind in OTHER_TYPES:
        arguments.refuse_other_arguments(f"fetch of {kind}", asked, OTHER_TYPES[kind])
    match kind:
        case "Schema":
            return describe_type(asked["id"]) if "id" in asked else describe_all()
        case "Status":
            return {"nouns": counts.counts_by_state()}
        case "Report":
            return fetch_report(asked)
        case "History":
            return fetch_history(_id(asked), asked.get("fields"))
        case "Event":
            return fetch_event(_id(asked), asked.get("fields"))
        case "Proposal":
            return proposals.find_proposal(_id(asked)).as_json()
    noun = require_noun(kind, "fetch", *OTHER_TYPES)
    id = _id(asked)
    if "/" in id:
        return fetch_operation(noun, asked)
    try:
        return reads.record_json(
            noun,
            id,
            include=asked.get("include"),
            fields=asked.get("fields"),
            as_of=asked.get("asOf"),
        )
    except NotFound as problem:
        if (other := noun_of(id)) not in (None, noun):
            problem.message += (
                f" This is the id of {with_article(other.__name__)}: fetch that type."
            )
        raise


def fetch_operation(noun: type[Noun], asked: dict[str, Any]) -> dict[str, Any]:
    """What is asked of a record beside its fields, as the client calls it: ``lead_.../score``. Raises
    NotFound."""
    id, _slash, name = asked["id"].partition("/")
    if (found := named_operation(noun, name)) is None or found.writes:
        said = ", ".join(f"<id>/{each}" for each in _reading(noun)) or "nothing"
        problem = f"Of {with_article(noun.__name__)} there is said, beside its fields: {said}."
        if found is not None:
            problem += f" {found.key} changes something: call it in a script, with do."
        elif (other := noun_of(id)) not in (None, noun):
            problem += f" This is the id of {with_article(other.__name__)}: fetch that type."
        raise NotFound(problem, id=id[:64])
    allowed = (
        "id",
        *(("asOf",) if found.in_past else ()),
        *(("parameters",) if found.takes else ()),
    )
    arguments.refuse_other_arguments(f"fetch of {name}", asked, allowed)
    given = {"limit": OPERATION_PAGE} if found.is_paged else {}
    given |= asked.get("parameters", {}) | {k: asked[k] for k in ("asOf",) if k in asked}
    return found.answer(id, given)


def _reading(noun: type[Noun]) -> dict[str, RecordOperation]:
    """What is fetched of a record beside its fields, by its name."""
    return {each.name: each for each in record_operations(noun) if not each.writes}


def _type_of_id(id: str) -> str:
    """The type that the beginning of an id tells. Raises BadRequest."""
    if (noun := noun_of(id.partition("/")[0])) is not None:
        return noun.__name__
    if id.startswith(f"{Event.prefix}_"):
        return "Event"
    raise BadRequest(
        f"fetch needs a type, or the id of a record. One of {', '.join([*registry, *OTHER_TYPES])}.",
        field="type",
    )


def _id(asked: dict[str, Any]) -> str:
    if "id" not in asked:
        raise BadRequest(f"fetch of {asked['type']} needs an id.", field="id")
    return asked["id"]


def fetch_report(asked: dict[str, Any]) -> dict[str, Any]:
    """The numbers by name, or the one whose name is given. Raises NotFound, InvalidFilter."""
    if "id" not in asked:
        arguments.refuse_other_arguments("fetch of Report without id", asked, ())
        return describe_reports()
    given = dict(asked.get("parameters", {}))
    return report_as_json(asked["id"], given | {k: asked[k] for k in ("asOf",) if k in asked})


# -- what happened ---------------------------------------------------------------------------------


def fetch_history(id: str, fields: Any) -> dict[str, Any]:
    """The latest events of a record, newest first; also of one that is deleted."""
    if (noun := noun_of(id)) is None:
        prefixes = ", ".join(f"{noun.prefix}_..." for noun in registry.values())
        raise NotFound(f"{id[:64]!r} is no record's id. Ids: {prefixes}.", id=id[:64])
    return shorten_event_page(log.record_history(noun, id), fields)


def fetch_event(id: str, fields: Any) -> dict[str, Any]:
    """One event of the log by its id. Raises NotFound, and InvalidFilter for fields it does not have."""
    wanted = checked_event_fields(fields)
    event = log.find_event(id).as_json()
    return pick_event_fields(event, wanted) if fields else event


# -- what there is ---------------------------------------------------------------------------------


def describe_all() -> dict[str, Any]:
    """The nouns in a sentence each, who asks, and how to ask."""
    actor = actors.current()
    return {
        "types": {
            name: {
                "description": describe.describe_noun(noun)["description"],
                "verbs": [wire_name(verb) for verb in noun.verbs if actors.may(actor, verb, noun)],
            }
            for name, noun in registry.items()
        },
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


def describe_type(name: str) -> dict[str, Any]:
    """One noun: its fields, its verbs with what they take, and what is possible from which state.

    What a verb takes like a field of the noun is named only: the field says the rest.
    """
    if (noun := registry.get(name)) is None:
        close = did_you_mean(name, registry)
        raise NotFound(f"There is no type {name[:64]!r}.{close} Types: {', '.join(registry)}.")
    described = dict(describe.describe_noun(noun))
    fields = described["fields"]
    described["verbs"] = {
        name: _describe_verb(verb, fields) for name, verb in described["verbs"].items()
    }
    described["may"] = [wire_name(v) for v in noun.verbs if actors.may(actors.current(), v, noun)]
    if said := {f"<id>/{name}": _say_operation(e) for name, e in _reading(noun).items()}:
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


def _say_operation(asked: RecordOperation) -> str:
    """What it is, and what it takes beside the record."""
    takes = [name for name in asked.takes if name != "offset"]
    return f"{asked.description} ({', '.join(takes)})" if takes else asked.description


def _describe_verb(verb: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    required: list[str] = []
    optional: list[str] = []
    for name, taken in verb["input"].items():
        if name in fields and "new" not in taken:
            (required if taken.get("required") else optional).append(name)
        else:
            own[name] = taken
    described = {
        name: verb[name]
        for name in ("description", "event", "requires", "creates", "finds", "from", "to")
        if name in verb
    }
    takes = {"required": required, "optional": optional, "input": own}
    return described | {name: value for name, value in takes.items() if value}


def _possible_steps(noun: type[Noun], state: str) -> dict[str, list[str]]:
    """The verbs that are possible from a state and only from some, each with where it leads."""
    found: dict[str, list[str]] = {}
    for step in next_steps(noun, state):
        if step.target is not None:
            found.setdefault(wire_name(step.verb.name), []).append(str(step.target))
    return found
