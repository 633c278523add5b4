"""`fetch`: one record; and the schema, the status of things, and events."""

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

#: Other types than records, and their arguments besides the type.
OTHER_TYPES: dict[str, tuple[str, ...]] = {
    "Event": ("id", "fields"),
    "Schema": ("id",),
    "Status": (),
    "Report": ("id", "parameters", "asOf", "include"),
    "History": ("id", "fields"),
    "Proposal": ("id",),
}

#: How many items of a list are returned by default.
OPERATION_PAGE = 20


def fetch(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns what is asked for by ``type`` and ``id``. Raises BadRequest, InvalidFilter, NotFound."""
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
    """Returns the answer of a record's operation, named as in the client: ``lead_.../score``. Raises
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
    """Returns the type for the prefix of an id. Raises BadRequest."""
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
    """Returns the latest events of a record, newest first; also of a deleted one."""
    if (noun := noun_of(id)) is None:
        prefixes = ", ".join(f"{noun.prefix}_..." for noun in registry.values())
        raise NotFound(f"{id[:64]!r} is no record's id. Ids: {prefixes}.", id=id[:64])
    return shorten_event_page(log.record_history(noun, id), fields)


def fetch_event(id: str, fields: Any) -> dict[str, Any]:
    """Returns one event of the log by its id. Raises NotFound, and InvalidFilter for unknown fields."""
    wanted = checked_event_fields(fields)
    event = log.find_event(id).as_json()
    return pick_event_fields(event, wanted) if fields else event
