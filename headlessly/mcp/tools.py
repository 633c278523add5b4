"""The answers of the three tools. An error is REST's, and says what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from headlessly import errors, scripts
from headlessly.access import actors, tenancy
from headlessly.declaration.registry import registry
from headlessly.errors import Forbidden
from headlessly.log.events import dump_json
from headlessly.mcp import arguments
from headlessly.mcp.fetch import fetch
from headlessly.mcp.search import main_fields, pick_fields, search
from headlessly.nouns import Noun

#: A list with more whole records than this is answered with their main fields, like a page of `search`.
MAX_WHOLE_RECORDS = 10

#: What happens to a proposal.
PROPOSAL_WAITS = (
    "Nothing was done: a person has to approve it, at %(page)s. "
    'fetch {"type": "Proposal", "id": "%(id)s"} says what became of it.'
)

logger = logging.getLogger("headlessly.mcp")


def call_tool(name: str, given: dict[str, Any]) -> tuple[bytes, bool]:
    """Returns the answer of a tool as JSON, and whether it is an error; raises nothing."""
    try:
        return dump_json(TOOLS[name](given)), False
    except Exception as problem:
        status, body = errors.status_and_body(problem)
        if status >= 500:
            logger.error("MCP %s failed", name, exc_info=problem)
        return dump_json(body | {"next": next_step(body, given.get("type"))}), True


def do(given: dict[str, Any]) -> dict[str, Any]:
    """Run a script. Raises Forbidden for an actor who may only read."""
    actor = actors.current()
    if actor.reads_only:
        raise Forbidden(
            f"As {actor.role} you may not do anything: do needs a key with the scope propose, write or admin."
        )
    asked = arguments.check_arguments("do", given)
    answer = scripts.run(asked["code"], dry_run=asked.get("dryRun", False)).as_json()
    if "proposal" in answer:
        id = answer["proposal"]["$id"]
        page = f"{tenancy.context_url()}/admin/proposals/{id}/"
        return answer | {"next": PROPOSAL_WAITS % {"page": page, "id": id}}
    return shorten_script_answer(answer)


def shorten_script_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer to a script, in which long lists of whole records are reduced to their main fields,
    with a note."""
    shortened: list[Any] = []
    value = _shorten_lists(answer.get("value"), shortened)
    if not shortened:
        return answer
    return answer | {
        "value": value,
        "leftOut": {
            "fields": f"Lists of more than {MAX_WHOLE_RECORDS} whole records have their main fields.",
            "how": 'Name those you want: find(..., fields=["name", ...]), or answer values of your own.',
        },
    }


def _shorten_lists(value: Any, shortened: list[Any]) -> Any:
    if isinstance(value, dict):
        return {key: _shorten_lists(item, shortened) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) <= MAX_WHOLE_RECORDS or not all(_is_whole(item) for item in value):
        return [_shorten_lists(item, shortened) for item in value]
    shortened.append(value)
    return [_pick_main_fields(registry[each["$type"]], each) for each in value]


def _pick_main_fields(noun: type[Noun], record: dict[str, Any]) -> dict[str, Any]:
    included = {
        name for name, value in record.items() if name in noun.schema.fields and _is_record(value)
    }
    return pick_fields(noun, record, {*main_fields(noun), *included})


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and "$type" in value


def _is_whole(value: Any) -> bool:
    """Whether this is a record with all of its fields."""
    if not isinstance(value, dict) or not isinstance(kind := value.get("$type"), str):
        return False
    return (
        kind in registry and "$id" in value and registry[kind].schema.fields.keys() <= value.keys()
    )


TOOLS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "search": lambda given: search(arguments.check_arguments("search", given)),
    "fetch": lambda given: fetch(arguments.check_arguments("fetch", given)),
    "do": do,
}


def next_step(body: dict[str, Any], asked: Any = None) -> str:
    """Returns what to do after this error, when this type was asked for."""
    of = next((k for k in (body.get("type"), asked) if isinstance(k, str) and k in registry), None)
    schema = f'fetch {{"type": "Schema", "id": "{of}"}}' if of else 'fetch {"type": "Schema"}'
    match body["error"]:
        case "not_found" if of and of == body.get("type"):  # that record
            return (
                f'Find it with search {{"type": "{of}", "q": ...}}; if it was deleted, its events are '
                "still there: fetch History with its id."
            )
        case "forbidden":
            return "Ask whoever gave you the key: what it may is set when it is made."
        case "conflict" | "refused":
            return f"Look at the record with fetch, and at what is possible from which state with {schema}."
        case "script_error":
            return f"Correct the script; nothing of it was done. {schema} says what there is."
        case "limit_exceeded":
            return "Do less in one script; nothing of this one was done."
        case "stale":
            return "Somebody changed it meanwhile: fetch it again, and decide anew."
        case "rate_limited" | "unavailable":
            return "Wait, then try again."
        case "internal_error":
            return "Try again once; if it fails again, tell a person the requestId."
        case _:
            return f"Correct the call; {schema} says what there is."
