"""`fetch`: one record; and what there is, how things stand, and what happened."""

from __future__ import annotations

from typing import Any

from headlessly.api import log
from headlessly.declaration.registry import noun_of, registry
from headlessly.errors import BadRequest, NotFound
from headlessly.language.wording import with_article
from headlessly.mcp import arguments, numbers, schemas
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
    named_operation,
)
from headlessly.scripts import proposals

#: What is fetched beside records, and what that takes beside its type.
OTHER_TYPES: dict[str, tuple[str, ...]] = {
    "Event": ("id", "fields"),
    "Schema": ("id",),
    "Status": (),
    "Report": ("id", "parameters", "asOf", "include"),
    "History": ("id", "fields"),
    "Proposal": ("id",),
}

#: How many of a list an agent is told of unless it says more.
OPERATION_PAGE = 20


def fetch(asked: dict[str, Any]) -> dict[str, Any]:
    """What is asked for by ``type`` and ``id``. Raises BadRequest, InvalidFilter, NotFound."""
    if "type" not in asked:
        asked = asked | {"type": _type_of_id(asked.get("id", ""))}
    kind = asked["type"]
    if kind in OTHER_TYPES:
        arguments.refuse_other_arguments(f"fetch of {kind}", asked, OTHER_TYPES[kind])
    match kind:
        case "Schema":
            return schemas.describe_type(asked["id"]) if "id" in asked else schemas.describe_all()
        case "Status":
            return {"nouns": counts.counts_by_state()}
        case "Report":
            return numbers.fetch_report(asked)
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
        said = ", ".join(f"<id>/{each}" for each in schemas.reading_operations(noun)) or "nothing"
        problem = f"Of {with_article(noun.__name__)} there is said, beside its fields: {said}."
        if (field := noun.schema.field(name)) is not None:
            problem += f" {field.wire} is a field: fetch the id alone."
        elif found is not None:
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
