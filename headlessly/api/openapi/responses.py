"""What an operation may answer: its success, and each error that it can have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headlessly.api.bodies import JSON
from headlessly.api.json_schema import TEXT, TEXTS, TYPES, Schema, nullable, object_schema, ref
from headlessly.declaration.registry import registry
from headlessly.errors import HeadlesslyError

#: What a request may meet beside its own work: nobody known, too many of them, a fault of ours, no time left.
ALWAYS = (401, 429, 500, 503)
#: A read is refused for a wrong parameter.
READING = (400, *ALWAYS)
#: A write is refused for permission, the record's state, and the body's size, kind and content.
WRITING = (400, 403, 409, 413, 415, 422, *ALWAYS)


def _header(description: str, schema: Schema = TEXT, **more: Any) -> Schema:
    return {"description": description, "schema": schema} | more


INTEGER: Schema = {"type": "integer"}
HEADERS: dict[str, Schema] = {
    "X-Request-Id": _header(
        "The id of this request, in its events, its errors and our logs.", required=True
    ),
    "X-RateLimit-Limit": _header("How many requests a minute this key may send.", INTEGER),
    "X-RateLimit-Remaining": _header("How many are left of this minute.", INTEGER),
    "X-RateLimit-Reset": _header("When the minute is over, in seconds since 1970.", INTEGER),
    "Idempotency-Replayed": _header(
        "`true` when this is the first answer to an Idempotency-Key again.",
        TEXT | {"enum": ["true"]},
    ),
    "Retry-After": _header("How many seconds to wait.", INTEGER),
    "ETag": _header(
        "The record's version, for If-Match; of what has no version another one for each change.",
        TEXT | {"examples": ['"3"']},
    ),
    "Content-Disposition": _header("The name of the file."),
    "Location": _header("The record's address.", TYPES["url"]),
}
#: What every answer to a key says of its limit.
LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def errors_by_status() -> dict[int, list[type[HeadlesslyError]]]:
    """The product's errors by status."""
    found: dict[int, list[type[HeadlesslyError]]] = {500: [HeadlesslyError]}
    for each in HeadlesslyError.__subclasses__():
        found.setdefault(each.status, []).append(each)
    return found


def error_schema() -> Schema:
    """The one shape of every error, with all that any of them may say more."""
    machines = [noun.schema.machine for noun in registry.values() if noun.schema.machine]
    codes = _codes(e for each in errors_by_status().values() for e in each)
    detail = object_schema({"field": TEXT, "message": TEXT}, ["field", "message"])
    failed: Schema = {"type": "object", "properties": {"id": nullable(TEXT), "index": INTEGER}}
    counts: Schema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
    described: dict[str, tuple[Schema, str]] = {
        "message": (TEXT, "A sentence for people."),
        "type": (TEXT, "The noun."),
        "id": (TEXT, "The record."),
        "reason": (TEXT, "A hook's code, for programs."),
        "existingId": (nullable(TEXT), "The record that has this unique value already."),
        "status": (TEXT, "The record's present state."),
        "allowed": (TEXTS, "The states that can be reached from there."),
        "referredBy": (counts, "What refers to the record, and how often."),
        "mergedInto": (TEXT, "The record that took its place."),
        "line": (INTEGER, "Of the script where it came up."),
        "source": (TEXT, "That line."),
        "output": (TEXT, "What the script printed until then."),
        "limit": (TEXT, "Which limit of a script was exceeded."),
        "most": ({"type": "number"}, "That limit."),
        "retryAfter": (INTEGER, "Seconds to wait."),
        "differences": (
            {"type": "array", "items": ref("ProposalDifference")},
            "What a proposal would do differently by now.",
        ),
        "problem": ({"type": "object"}, "Why a proposal no longer works."),
        "stays": (
            {"type": "array", "items": ref("StayingRecord")},
            "Of a request that cannot be taken back: the records that stay, and why.",
        ),
        "import": (TEXT, "Of a request that cannot be taken back yet: the import that is at work."),
        "version": (INTEGER, "The record's present version."),
        "failed": (failed, "The operation of a batch that failed."),
        "results": (
            {"type": "array", "items": ref("BatchResult")},
            "What each operation of the batch would have answered.",
        ),
    }
    properties = {
        "error": TEXT | {"enum": codes},
        "requestId": TEXT,
        "field": TEXT,
        "details": {"type": "array", "items": detail},
        "allowedVerbs": TEXTS,
        **{name: schema | {"description": said} for name, (schema, said) in described.items()},
        # The same as status, as the noun itself calls it; and records that say more of it.
        **{machine.name: TEXT for machine in machines if machine.name != "status"},
        **{wire: TEXT for noun in registry.values() for wire in noun.conflict_reference_columns()},
    }
    return object_schema(properties, ["error", "message", "requestId"])


def error_components() -> dict[str, Schema]:
    """The error responses by name."""
    found = {}
    for status, errors in errors_by_status().items():
        names = () if status == 401 else LIMITS
        if status in (429, 503):
            names = (*names, "Retry-After")
        headers = _headers(*names)
        if status == 401:
            headers["WWW-Authenticate"] = {"schema": TEXT | {"enum": ["Bearer"]}, "required": True}
        found[f"Error{status}"] = {
            "description": " Or: ".join(_describe_error(e) for e in errors),
            "headers": headers,
            "content": {JSON: {"schema": ref(f"Error{status}")}},
        }
    return found


def error_schemas() -> dict[str, Schema]:
    """The body of every error, and with each status its codes: under a name, so that clients have few."""
    found = {"Error": error_schema()}
    for status, errors in errors_by_status().items():
        codes = {
            "type": "object",
            "properties": {"error": TEXT | {"enum": _codes(errors)}},
        }
        found[f"Error{status}"] = {"allOf": [ref("Error"), codes]}
    return found


def _codes(errors: Iterable[type[HeadlesslyError]]) -> list[str]:
    """Each code once: several errors may share one."""
    return list(dict.fromkeys(error.code for error in errors))


def _describe_error(error: type[HeadlesslyError]) -> str:
    text = error.__dict__.get("__doc__") if error is not HeadlesslyError else None
    return text or error.code.replace("_", " ").capitalize() + "."


def _headers(*names: str) -> dict[str, Schema]:
    return {name: ref(name, "headers") for name in ("X-Request-Id", *names)}


def success_response(description: str, schema: Schema | None, *headers: str) -> Schema:
    """One successful response; without a schema it has no body."""
    found: dict[str, Any] = {
        "description": description,
        "headers": _headers(*LIMITS, *headers),
    }
    if schema is not None:
        found["content"] = {JSON: {"schema": schema}}
    return found


def error_responses(statuses: Iterable[int]) -> dict[str, Schema]:
    """The error responses with these statuses."""
    return {str(s): ref(f"Error{s}", "responses") for s in sorted(set(statuses))}
