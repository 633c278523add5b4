"""What an operation may answer: its success, and each error that it can have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headlessly.api.bodies import JSON
from headlessly.api.json_schema import Schema, nullable, ref
from headlessly.declaration.registry import registry
from headlessly.errors import HeadlesslyError

#: What a request may meet beside its own work: nobody known, too many of them, a fault of ours, no time left.
ALWAYS = (401, 429, 500, 503)
#: Of a read: a parameter that is wrong.
READING = (400, *ALWAYS)
#: Of a write: no permission, the state of the record, the body's size, kind and content.
WRITING = (400, 403, 409, 413, 415, 422, *ALWAYS)

REQUEST_ID: Schema = {"$ref": "#/components/headers/X-Request-Id"}
HEADERS: dict[str, Schema] = {
    "X-Request-Id": {
        "description": "The id of this request, in its events, its errors and our logs.",
        "required": True,
        "schema": {"type": "string"},
    },
    "X-RateLimit-Limit": {
        "description": "How many requests a minute this key may send.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Remaining": {
        "description": "How many are left of this minute.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Reset": {
        "description": "When the minute is over, in seconds since 1970.",
        "schema": {"type": "integer"},
    },
    "Idempotency-Replayed": {
        "description": "`true` when this is the first answer to an Idempotency-Key again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {
        "description": "How many seconds to wait.",
        "schema": {"type": "integer"},
    },
    "ETag": {
        "description": "The record's version, for If-Match.",
        "schema": {"type": "string", "examples": ['"3"']},
    },
    "Content-Disposition": {
        "description": "The name of the file.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The record's address.",
        "schema": {"type": "string", "format": "uri"},
    },
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
    text = {"type": "string"}
    operation = {
        "type": "object",
        "properties": {"id": nullable(text), "index": {"type": "integer"}},
    }
    machines = [noun.schema.machine for noun in registry.values() if noun.schema.machine]
    told = {wire: text for noun in registry.values() for wire in noun.conflict_reference_columns()}
    return {
        "type": "object",
        "properties": {
            "error": text
            | {"enum": _codes(e for each in errors_by_status().values() for e in each)},
            "message": text | {"description": "A sentence for people."},
            "requestId": text,
            "type": text | {"description": "The noun."},
            "id": text | {"description": "The record."},
            "field": text,
            "details": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"field": text, "message": text},
                    "required": ["field", "message"],
                    "additionalProperties": False,
                },
            },
            "reason": text | {"description": "A hook's code, for programs."},
            "existingId": {
                "type": ["string", "null"],
                "description": "The record that has this unique value already.",
            },
            "status": text | {"description": "The record's present state."},
            "allowed": {
                "type": "array",
                "items": text,
                "description": "The states that can be reached from there.",
            },
            "allowedVerbs": {"type": "array", "items": text},
            "referredBy": {
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 1},
                "description": "What refers to the record, and how often.",
            },
            "mergedInto": text | {"description": "The record that took its place."},
            "line": {"type": "integer", "description": "Of the script where it came up."},
            "source": text | {"description": "That line."},
            "output": text | {"description": "What the script printed until then."},
            "limit": text | {"description": "Which limit of a script was exceeded."},
            "most": {"type": "number", "description": "That limit."},
            "retryAfter": {"type": "integer", "description": "Seconds to wait."},
            "differences": {
                "type": "array",
                "items": ref("ProposalDifference"),
                "description": "What a proposal would do differently by now.",
            },
            "problem": {"type": "object", "description": "Why a proposal no longer works."},
            "version": {"type": "integer", "description": "The record's present version."},
            "failed": operation | {"description": "The operation of a batch that failed."},
            "results": {
                "type": "array",
                "items": ref("BatchResult"),
                "description": "What each operation of the batch would have answered.",
            },
            # The same as status, as the noun itself calls it; and records that say more of it.
            **{machine.name: text for machine in machines if machine.name != "status"},
            **told,
        },
        "required": ["error", "message", "requestId"],
        "additionalProperties": False,
    }


def error_components() -> dict[str, Schema]:
    """The error responses by name."""
    found = {}
    for status, errors in errors_by_status().items():
        headers: dict[str, Schema] = {"X-Request-Id": REQUEST_ID}
        if status != 401:
            headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in LIMITS}
        else:
            headers["WWW-Authenticate"] = {
                "schema": {"type": "string", "enum": ["Bearer"]},
                "required": True,
            }
        if status == 429:
            headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
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
            "properties": {"error": {"type": "string", "enum": _codes(errors)}},
        }
        found[f"Error{status}"] = {"allOf": [ref("Error"), codes]}
    return found


def _codes(errors: Iterable[type[HeadlesslyError]]) -> list[str]:
    """Each code once: several errors may share one."""
    return list(dict.fromkeys(error.code for error in errors))


def _describe_error(error: type[HeadlesslyError]) -> str:
    text = error.__dict__.get("__doc__") if error is not HeadlesslyError else None
    return text or error.code.replace("_", " ").capitalize() + "."


def success_response(description: str, schema: Schema | None, *headers: str) -> Schema:
    """One successful response; without a schema it has no body."""
    found: dict[str, Any] = {
        "description": description,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("X-Request-Id", *LIMITS, *headers)
        },
    }
    if schema is not None:
        found["content"] = {JSON: {"schema": schema}}
    return found


def error_responses(statuses: Iterable[int]) -> dict[str, Schema]:
    """The error responses with these statuses."""
    return {str(s): ref(f"Error{s}", "responses") for s in sorted(set(statuses))}
