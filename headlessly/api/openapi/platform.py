"""The addresses that belong to no noun, in one table: whoever adds one adds it here.

A test holds the table against the routes.
"""

from __future__ import annotations

from headlessly.access.actors import PROPOSER, ROLES, SCOPES
from headlessly.access.models import ApiKey
from headlessly.api.log import LONGEST_WAIT
from headlessly.api.openapi import proposals, responses, transfers, webhooks
from headlessly.api.openapi.components import (
    dry_run_schema,
    event_schema,
    list_schema,
    object_schema,
)
from headlessly.api.openapi.operations import operation, request_body
from headlessly.api.openapi.parameters import path_parameter, query_parameter, shared_parameters
from headlessly.api.openapi.types import TYPES, WHEN, Schema, nullable, ref
from headlessly.api.operations import MAX_OPERATIONS, METHODS
from headlessly.declaration.registry import registry
from headlessly.log import tracking
from headlessly.models import Event

TEXT: Schema = {"type": "string"}
WORDS: Schema = {"type": "array", "items": TEXT}
COUNT: Schema = {"type": "integer", "minimum": 0}


def paths() -> dict[str, Schema]:
    """Every address that is no noun's, with its operations."""
    return {
        "/events": {"get": _log(), "post": _track()},
        "/events/{id}": {"parameters": [path_parameter(Event.prefix)], "get": _event()},
        "/batch": {"post": _batch()},
        **transfers.paths(),
        "/apikeys": {"get": _keys(), "post": _issue()},
        "/apikeys/{id}": {
            "parameters": [path_parameter(ApiKey.prefix)],
            "get": _key_operation("keyGet", "Read one API key.", "200", ref("ApiKey")),
            "delete": _key_operation("keyRevoke", "Revoke an API key, at once.", "204", None),
        },
        "/schema": {"get": _about("schemaList", "The nouns as JSON.", "Nouns")},
        "/schema/{name}": {
            "parameters": [
                {
                    "name": "name",
                    "in": "path",
                    "required": True,
                    "schema": TEXT | {"enum": list(registry)},
                }
            ],
            "get": _about("schemaGet", "One noun as JSON.", "Noun", 404),
        },
        "/me": {"get": _about("meGet", "Who am I, where, and what may I do?", "Me")},
        "/status": {"get": _about("statusGet", "The numbers of the pipeline.", "Status")},
        "/openapi.json": {
            "get": operation(
                "openapiGet",
                "This document.",
                "About",
                {"200": responses.success_response("OpenAPI 3.1.", {"type": "object"})},
                parameters=shared_parameters(),
            )
        },
        "/docs": {"get": _docs()},
        **proposals.paths(),
        **webhooks.paths(),
    }


def components() -> dict[str, Schema]:
    """What those addresses answer and take."""
    numbers = object_schema(
        {
            "field": TEXT,
            "states": {"type": "object", "additionalProperties": COUNT},
            "total": COUNT,
            "totalIsExact": {"const": False},
        },
        ["field", "states", "total"],
    )
    return {
        "Event": event_schema(),
        "EventList": list_schema(ref("Event")),
        "EventLog": list_schema(
            ref("Event"), TEXT | {"description": "Where to go on, never null: also at the end."}
        ),
        "EventInput": _event_input(),
        "EventDryRun": dry_run_schema(ref("Event")),
        "Noun": _noun(),
        "Nouns": object_schema(
            {
                "nouns": _by_name(ref("Noun")),
                "meta": {"type": "object", "additionalProperties": TEXT},
            },
            ["nouns", "meta"],
        ),
        "Me": _me(),
        "Batch": _batch_input(),
        "BatchAnswer": object_schema(
            {"results": {"type": "array", "items": ref("BatchResult")}}, ["results"]
        ),
        "BatchResult": _result(),
        **transfers.components(),
        "ApiKey": object_schema(_key(), _key()),
        "ApiKeyIssued": object_schema(_key() | {"key": TEXT}, _key()),
        "ApiKeyList": list_schema(ref("ApiKey")),
        "ApiKeyInput": object_schema(
            {
                "name": TEXT | {"minLength": 1, "maxLength": 255, "pattern": r"\S"},
                "scope": TEXT | {"enum": list(SCOPES)},
                "expiresAt": nullable(TYPES["datetime"]),
            },
            ["name"],
        ),
        "Status": object_schema(
            {"$context": TYPES["url"], "nouns": _by_name(numbers)}, ["$context", "nouns"]
        ),
        **proposals.components(),
        **webhooks.components(),
        "Error": responses.error_schema(),
    }


def _by_name(schema: Schema) -> Schema:
    """An object with one entry for each noun."""
    return {
        "type": "object",
        "propertyNames": {"enum": list(registry)},
        "additionalProperties": schema,
    }


def _about(id: str, summary: str, component: str, *errors: int) -> Schema:
    return operation(
        id,
        summary,
        "About",
        {"200": responses.success_response(summary, ref(component))},
        parameters=shared_parameters(),
        errors=(*errors, *responses.READING),
    )


def _docs() -> Schema:
    page = responses.success_response("The page.", None)
    page["content"] = {"text/html": {"schema": TEXT}}
    return operation(
        "docsGet",
        "A page to try the API; a browser that is not signed in is led to where it can.",
        "About",
        {"200": page, "302": responses.success_response("To the sign-in page.", None)},
        parameters=shared_parameters(),
    )


def _log() -> Schema:
    own = [
        query_parameter("since", WHEN),
        query_parameter("until", WHEN),
        query_parameter("name", TEXT),
        query_parameter("target", TEXT),
        query_parameter("targetType", TEXT),
        query_parameter("actor", TEXT),
        query_parameter(
            "wait",
            {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0},
            "Seconds to wait for an event when there is none. Where many wait already, the answer may "
            "come at once: pause before you ask again.",
        ),
    ]
    return operation(
        "eventList",
        "The log, oldest first, to be followed by cursor without loss or repeat.",
        "Event",
        {"200": responses.success_response("One page of the log.", ref("EventLog"))},
        parameters=[*own, *shared_parameters("limit", "cursor")],
    )


def _event() -> Schema:
    return operation(
        "eventGet",
        "Read one event.",
        "Event",
        {"200": responses.success_response("The event.", ref("Event"))},
        parameters=shared_parameters(),
        errors=(404, *responses.READING),
    )


def _track() -> Schema:
    return operation(
        "eventTrack",
        "Record something that happened outside: a page view, a trial started.",
        "Event",
        {
            "201": responses.success_response("The event.", ref("Event"), "Location"),
            "200": responses.success_response("A dry run.", ref("EventDryRun")),
        },
        parameters=shared_parameters("dryRun", "idempotencyKey"),
        errors=tuple(s for s in responses.WRITING if s != 409),
        writes=True,
        requestBody=request_body(ref("EventInput")),
    )


def _event_input() -> Schema:
    context = {
        key: nullable(TEXT | {"maxLength": n}) for key, n in tracking.CONTEXT_LENGTHS.items()
    }
    name = TEXT | {
        "minLength": 1,
        "maxLength": 255,
        "pattern": r"\S",
        "description": "Anything but Noun.Verb, which is the record of a verb.",
        "examples": ["page_view"],
    }
    return object_schema(
        {
            "name": name,
            "properties": {"type": ["object", "null"]},
            **context,
            "timestamp": nullable(TYPES["datetime"] | {"description": "Not in the future."}),
        },
        ["name"],
    )


def _me() -> Schema:
    return object_schema(
        {
            "$id": TEXT,
            "$type": {"enum": ["ApiKey", "User"]},
            "$context": TYPES["url"],
            "name": TEXT,
            "role": {"enum": [*ROLES, PROPOSER]},
            "contact": nullable(TEXT),
            "sees": {
                "enum": ["all", "own"],
                "description": "own: only the records that one owns and that nobody owns.",
            },
            "scope": {"enum": list(SCOPES), "description": "Of a key."},
            "expiresAt": nullable(TYPES["datetime"]),
            "tenant": object_schema({"slug": TEXT, "name": TEXT}, ["slug", "name"]),
            "may": _by_name(WORDS),
        },
        ["$id", "$type", "$context", "name", "role", "contact", "sees", "tenant", "may"],
    )


def _noun() -> Schema:
    """What ``/schema`` says of a noun."""
    field = {
        "type": "object",
        "properties": {"type": {"enum": [*TYPES, "reference"]}, "required": {"type": "boolean"}},
        "required": ["type"],
    }
    verb = {
        "type": "object",
        "properties": {
            "description": TEXT,
            "event": TEXT,
            "from": WORDS,
            "to": WORDS,
            "input": {"type": "object", "additionalProperties": field},
        },
        "required": ["description", "event", "input"],
    }
    step = object_schema({"from": TEXT, "to": TEXT, "via": TEXT}, ["from", "to", "via"])
    machine = object_schema(
        {
            "field": TEXT,
            "states": WORDS,
            "entry": WORDS,
            "steps": {"type": "array", "items": step},
            "closed": {"type": "object", "additionalProperties": WORDS},
        },
        ["field", "states", "entry", "steps", "closed"],
    )
    relation = object_schema(
        {"direction": {"enum": ["->", "<-"]}, "to": TEXT, "inverse": nullable(TEXT)},
        ["direction", "to", "inverse"],
    )
    own: dict[str, Schema] = {
        "name": TEXT,
        "plural": TEXT,
        "prefix": TEXT,
        "description": TEXT,
        "columns": WORDS,
        "fields": {"type": "object", "additionalProperties": field},
        "verbs": {"type": "object", "additionalProperties": verb},
        "machine": {"anyOf": [machine, {"type": "null"}]},
        "relations": {"type": "object", "additionalProperties": relation},
    }
    return object_schema(own, own)


def _batch() -> Schema:
    return operation(
        "batchRun",
        "Several calls in one: each by itself, or all of them as one.",
        "About",
        {"200": responses.success_response("What each operation answered.", ref("BatchAnswer"))},
        parameters=shared_parameters("dryRun", "idempotencyKey"),
        errors=responses.WRITING,
        writes=True,
        requestBody=request_body(ref("Batch")),
    )


def _batch_input() -> Schema:
    each = object_schema(
        {
            "id": TEXT | {"pattern": r"^[\w-]{1,64}$"},
            "method": TEXT | {"enum": list(METHODS)},
            "path": TEXT
            | {"description": "Of this tenant: /leads, or /leads/{first.$id}/convert."},
            "body": {"type": "object"},
            "headers": object_schema({"If-Match": TEXT}, []),
        },
        ["method", "path"],
    )
    several = {"type": "array", "items": each, "minItems": 1, "maxItems": MAX_OPERATIONS}
    return object_schema({"operations": several, "atomic": {"type": "boolean"}}, ["operations"])


def _result() -> Schema:
    return object_schema(
        {"id": nullable(TEXT), "status": {"type": "integer"}, "body": {}}, ["id", "status", "body"]
    )


def _keys() -> Schema:
    return operation(
        "keyList",
        "The API keys of the tenant, without their secrets.",
        "About",
        {"200": responses.success_response("One page of keys.", ref("ApiKeyList"))},
        parameters=shared_parameters("limit", "offset"),
        errors=(403, *responses.READING),
    )


def _issue() -> Schema:
    return operation(
        "keyIssue",
        "Issue an API key: this answer is the only place where it can be read.",
        "About",
        {
            "201": responses.success_response(
                "The key and its secret.", ref("ApiKeyIssued"), "Location"
            )
        },
        parameters=shared_parameters("idempotencyKey"),
        errors=responses.WRITING,
        writes=True,
        requestBody=request_body(ref("ApiKeyInput")),
    )


def _key_operation(id: str, summary: str, status: str, answer: Schema | None) -> Schema:
    return operation(
        id,
        summary,
        "About",
        {status: responses.success_response(summary, answer)},
        parameters=shared_parameters(),
        errors=(403, 404, *responses.READING),
        writes=answer is None,
    )


def _key() -> dict[str, Schema]:
    moment = TYPES["datetime"]
    return {
        "$id": TEXT,
        "$type": {"const": "ApiKey"},
        "$context": TYPES["url"],
        "$createdAt": moment,
        "name": TEXT,
        "scope": TEXT | {"enum": list(SCOPES)},
        "hint": TEXT,
        "rateLimit": COUNT,
        "expiresAt": nullable(moment),
        "lastUsedAt": nullable(moment),
        "revokedAt": nullable(moment),
    }
