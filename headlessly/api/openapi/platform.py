"""The addresses that belong to no noun, in one table: whoever adds one adds it here.

A test holds the table against the routes.
"""

from __future__ import annotations

from headlessly.access.actors import PROPOSER, ROLES, SCOPES
from headlessly.access.models import ApiKey
from headlessly.api.log import LONGEST_WAIT
from headlessly.api.openapi import answers, proposals, transfers, webhooks
from headlessly.api.openapi.components import dry_run, envelope, event, object_of
from headlessly.api.openapi.operations import body, operation
from headlessly.api.openapi.parameters import in_path, in_query, shared
from headlessly.api.openapi.types import TYPES, WHEN, Schema, nullable, ref
from headlessly.api.operations import METHODS, MOST
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
        "/events/{id}": {"parameters": [in_path(Event.prefix)], "get": _event()},
        "/batch": {"post": _batch()},
        **transfers.paths(),
        "/apikeys": {"get": _keys(), "post": _issue()},
        "/apikeys/{id}": {
            "parameters": [in_path(ApiKey.prefix)],
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
                {"200": answers.success("OpenAPI 3.1.", {"type": "object"})},
                parameters=shared(),
            )
        },
        "/docs": {"get": _docs()},
        **proposals.paths(),
        **webhooks.paths(),
    }


def components() -> dict[str, Schema]:
    """What those addresses answer and take."""
    numbers = object_of(
        {
            "field": TEXT,
            "states": {"type": "object", "additionalProperties": COUNT},
            "total": COUNT,
            "totalIsExact": {"const": False},
        },
        ["field", "states", "total"],
    )
    return {
        "Event": event(),
        "EventList": envelope(ref("Event")),
        "EventLog": envelope(
            ref("Event"), TEXT | {"description": "Where to go on, never null: also at the end."}
        ),
        "EventInput": _event_input(),
        "EventDryRun": dry_run(ref("Event")),
        "Noun": _noun(),
        "Nouns": object_of(
            {
                "nouns": _by_name(ref("Noun")),
                "meta": {"type": "object", "additionalProperties": TEXT},
            },
            ["nouns", "meta"],
        ),
        "Me": _me(),
        "Batch": _batch_input(),
        "BatchAnswer": object_of(
            {"results": {"type": "array", "items": ref("BatchResult")}}, ["results"]
        ),
        "BatchResult": _result(),
        **transfers.components(),
        "ApiKey": object_of(_key(), _key()),
        "ApiKeyIssued": object_of(_key() | {"key": TEXT}, _key()),
        "ApiKeyList": envelope(ref("ApiKey")),
        "ApiKeyInput": object_of(
            {
                "name": TEXT | {"minLength": 1, "maxLength": 255, "pattern": r"\S"},
                "scope": TEXT | {"enum": list(SCOPES)},
                "expiresAt": nullable(TYPES["datetime"]),
            },
            ["name"],
        ),
        "Status": object_of(
            {"$context": TYPES["url"], "nouns": _by_name(numbers)}, ["$context", "nouns"]
        ),
        **proposals.components(),
        **webhooks.components(),
        "Error": answers.error_schema(),
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
        {"200": answers.success(summary, ref(component))},
        parameters=shared(),
        errors=(*errors, *answers.READING),
    )


def _docs() -> Schema:
    page = answers.success("The page.", None)
    page["content"] = {"text/html": {"schema": TEXT}}
    return operation(
        "docsGet",
        "A page to try the API; a browser that is not signed in is led to where it can.",
        "About",
        {"200": page, "302": answers.success("To the sign-in page.", None)},
        parameters=shared(),
    )


def _log() -> Schema:
    own = [
        in_query("since", WHEN),
        in_query("until", WHEN),
        in_query("name", TEXT),
        in_query("target", TEXT),
        in_query("targetType", TEXT),
        in_query("actor", TEXT),
        in_query(
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
        {"200": answers.success("One page of the log.", ref("EventLog"))},
        parameters=[*own, *shared("limit", "cursor")],
    )


def _event() -> Schema:
    return operation(
        "eventGet",
        "Read one event.",
        "Event",
        {"200": answers.success("The event.", ref("Event"))},
        parameters=shared(),
        errors=(404, *answers.READING),
    )


def _track() -> Schema:
    return operation(
        "eventTrack",
        "Record something that happened outside: a page view, a trial started.",
        "Event",
        {
            "201": answers.success("The event.", ref("Event"), "Location"),
            "200": answers.success("A dry run.", ref("EventDryRun")),
        },
        parameters=shared("dryRun", "idempotencyKey"),
        errors=tuple(s for s in answers.WRITING if s != 409),
        writes=True,
        requestBody=body(ref("EventInput")),
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
    return object_of(
        {
            "name": name,
            "properties": {"type": ["object", "null"]},
            **context,
            "timestamp": nullable(TYPES["datetime"] | {"description": "Not in the future."}),
        },
        ["name"],
    )


def _me() -> Schema:
    return object_of(
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
            "tenant": object_of({"slug": TEXT, "name": TEXT}, ["slug", "name"]),
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
    step = object_of({"from": TEXT, "to": TEXT, "via": TEXT}, ["from", "to", "via"])
    machine = object_of(
        {
            "field": TEXT,
            "states": WORDS,
            "entry": WORDS,
            "steps": {"type": "array", "items": step},
            "closed": {"type": "object", "additionalProperties": WORDS},
        },
        ["field", "states", "entry", "steps", "closed"],
    )
    relation = object_of(
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
    return object_of(own, own)


def _batch() -> Schema:
    return operation(
        "batchRun",
        "Several calls in one: each by itself, or all of them as one.",
        "About",
        {"200": answers.success("What each operation answered.", ref("BatchAnswer"))},
        parameters=shared("dryRun", "idempotencyKey"),
        errors=answers.WRITING,
        writes=True,
        requestBody=body(ref("Batch")),
    )


def _batch_input() -> Schema:
    each = object_of(
        {
            "id": TEXT | {"pattern": r"^[\w-]{1,64}$"},
            "method": TEXT | {"enum": list(METHODS)},
            "path": TEXT
            | {"description": "Of this tenant: /leads, or /leads/{first.$id}/convert."},
            "body": {"type": "object"},
            "headers": object_of({"If-Match": TEXT}, []),
        },
        ["method", "path"],
    )
    several = {"type": "array", "items": each, "minItems": 1, "maxItems": MOST}
    return object_of({"operations": several, "atomic": {"type": "boolean"}}, ["operations"])


def _result() -> Schema:
    return object_of(
        {"id": nullable(TEXT), "status": {"type": "integer"}, "body": {}}, ["id", "status", "body"]
    )


def _keys() -> Schema:
    return operation(
        "keyList",
        "The API keys of the tenant, without their secrets.",
        "About",
        {"200": answers.success("One page of keys.", ref("ApiKeyList"))},
        parameters=shared("limit", "offset"),
        errors=(403, *answers.READING),
    )


def _issue() -> Schema:
    return operation(
        "keyIssue",
        "Issue an API key: this answer is the only place where it can be read.",
        "About",
        {"201": answers.success("The key and its secret.", ref("ApiKeyIssued"), "Location")},
        parameters=shared("idempotencyKey"),
        errors=answers.WRITING,
        writes=True,
        requestBody=body(ref("ApiKeyInput")),
    )


def _key_operation(id: str, summary: str, status: str, answer: Schema | None) -> Schema:
    return operation(
        id,
        summary,
        "About",
        {status: answers.success(summary, answer)},
        parameters=shared(),
        errors=(403, 404, *answers.READING),
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
