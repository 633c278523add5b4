"""The addresses that belong to no noun, in one table: whoever adds one adds it here.

A test holds the table against the routes.
"""

from __future__ import annotations

from headlessly.access.actors import PROPOSER, ROLES, SCOPES
from headlessly.api.json_schema import TYPES, WHEN, Schema, nullable, ref
from headlessly.api.log import LONGEST_WAIT
from headlessly.api.openapi import resources, responses
from headlessly.api.openapi.components import (
    dry_run_schema,
    event_schema,
    list_schema,
    object_schema,
)
from headlessly.api.openapi.operations import operation, read_operation, request_body
from headlessly.api.openapi.parameters import path_parameter, query_parameter, shared_parameters
from headlessly.api.operations import MAX_OPERATIONS, METHODS
from headlessly.declaration.registry import registry
from headlessly.log import tracking
from headlessly.models import Event

TEXT: Schema = {"type": "string"}
WORDS: Schema = {"type": "array", "items": TEXT}
COUNT: Schema = {"type": "integer", "minimum": 0}


def platform_paths() -> dict[str, Schema]:
    """Every address that is no noun's, with its operations."""
    whole = responses.success_response("OpenAPI 3.1.", {"type": "object"})
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": TEXT | {"enum": list(registry)},
    }
    return {
        "/events": {"get": _log(), "post": _track()},
        "/events/{id}": {
            "parameters": [path_parameter(Event.prefix)],
            "get": read_operation("eventGet", "Read one event.", "Event", "Event", (404,)),
        },
        "/batch": {"post": _batch()},
        "/schema": {
            "get": read_operation("schemaList", "The nouns as JSON.", "About", "Nouns"),
        },
        "/schema/{name}": {
            "parameters": [name],
            "get": read_operation("schemaGet", "One noun as JSON.", "About", "Noun", (404,)),
        },
        "/me": {
            "get": read_operation("meGet", "Who am I, where, and what may I do?", "About", "Me"),
        },
        "/status": {
            "get": read_operation("statusGet", "The numbers of the pipeline.", "About", "Status"),
        },
        "/openapi.json": {
            "get": read_operation("openapiGet", "This document.", "About", whole),
        },
        "/docs": {"get": _docs()},
        **resources.resource_paths(),
    }


def platform_components() -> dict[str, Schema]:
    """What those addresses answer and take."""
    numbers = object_schema(
        {
            "field": TEXT,
            "states": {"type": "object", "additionalProperties": COUNT},
            "total": COUNT,
            "totalIsExact": {"type": "boolean"},
        },
        ["field", "states", "total"],
    )
    return {
        "Event": event_schema(),
        "EventList": list_schema(ref("Event")),
        "EventLog": _log_page(),
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
        "Status": object_schema(
            {"$context": TYPES["url"], "nouns": _by_name(numbers)}, ["$context", "nouns"]
        ),
        **resources.resource_components(),
        "ImportFile": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
        },
        **responses.error_schemas(),
    }


def _log_page() -> Schema:
    found = list_schema(
        ref("Event"), TEXT | {"description": "Where this page ends, never null: also at the end."}
    )
    found["required"].remove("total")
    found["properties"]["total"]["description"] = "How many there are in all, with `count=exact`."
    return found | {
        "description": "A page may be short, or empty, while `hasMore` is true: go on with its cursor."
    }


def _by_name(schema: Schema) -> Schema:
    """An object with one entry for each noun."""
    return {
        "type": "object",
        "propertyNames": {"enum": list(registry)},
        "additionalProperties": schema,
    }


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
            {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT},
            "Seconds to wait for an event when there is none. Where many wait already, the answer may "
            "come at once: pause before you ask again.",
        ),
    ]
    return operation(
        "eventList",
        "The log, oldest first, to be followed by cursor without loss or repeat.",
        "Event",
        {"200": responses.success_response("One page of the log.", ref("EventLog"))},
        parameters=[*own, *shared_parameters("limit", "cursor", "count")],
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
        {
            "direction": TEXT | {"description": "`->` or `<-`."},
            "to": TEXT,
            "inverse": nullable(TEXT),
        },
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
            | {
                "description": "Of this tenant: /leads, or /leads/{first.$id}/convert.",
                "examples": [f"/{next(iter(registry.values())).plural}"],
            },
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
