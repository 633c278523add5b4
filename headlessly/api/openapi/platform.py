"""The addresses that belong to no noun: those of single views in a table, those of resources by what their
actions say (:mod:`.resources`). A test holds all of them against the routes."""

from __future__ import annotations

from headlessly.api.about import MeSerializer, schema_by_noun
from headlessly.api.json_schema import (
    COUNT,
    TEXT,
    TEXTS,
    TYPES,
    WHEN,
    Schema,
    nullable,
    object_schema,
    ref,
)
from headlessly.api.log import LONGEST_WAIT
from headlessly.api.openapi import resources, responses
from headlessly.api.openapi.components import (
    MISSING_RATES,
    dry_run_schema,
    event_schema,
    list_schema,
)
from headlessly.api.openapi.operations import operation, read_operation, request_body
from headlessly.api.openapi.parameters import (
    narrowing_parameters,
    path_parameter,
    query_parameter,
    shared_parameters,
)
from headlessly.api.openapi.serializers import serializer_schema
from headlessly.api.operations import BatchInput
from headlessly.api.tracking import EventInput
from headlessly.declaration.registry import registry
from headlessly.models import Event
from headlessly.query import periods

#: By what else the log is asked.
OF_EVENTS = {
    "name": "What happened: `Lead.Converted`, `page_view`.",
    "target": "The id of the record.",
    "targetType": "The noun of the records: `Lead`.",
    "actor": "Who did it: the name or the id of a user or a key, the id of a rule, `me`, or `system`.",
    "requestId": "The request that did it: `X-Request-Id` of its answer.",
}


def platform_paths() -> dict[str, Schema]:
    """Every address that is no noun's, with its operations."""
    get = read_operation
    whole = responses.success_response("OpenAPI 3.1.", {"type": "object"})
    names = TEXT | {"enum": list(registry)}
    name = {"name": "name", "in": "path", "required": True, "schema": names}
    return {
        "/events": {"get": _log(), "post": _track()},
        "/events/{id}": {
            "parameters": [path_parameter(Event.prefix)],
            "get": get("eventGet", "Read one event.", "Event", "Event", (404,)),
        },
        "/batch": {"post": _batch()},
        "/schema": {"get": get("schemaList", "The nouns as JSON.", "About", "Nouns")},
        "/schema/{name}": {
            "parameters": [name],
            "get": get("schemaGet", "One noun as JSON.", "About", "Noun", (404,)),
        },
        "/me": {"get": get("meGet", "Who am I, where, and what may I do?", "About", "Me")},
        "/status": {"get": get("statusGet", "The numbers of the pipeline.", "About", "Status")},
        "/reports": {
            "get": get("reportList", "The numbers by name: what each means.", "About", "Reports")
        },
        "/reports/{name}": {
            "parameters": [{"name": "name", "in": "path", "required": True, "schema": TEXT}],
            "get": _report(),
        },
        "/openapi.json": {"get": get("openapiGet", "This document.", "About", whole)},
        "/docs": {"get": _docs()},
        **resources.resource_paths(),
    }


def platform_components() -> dict[str, Schema]:
    """What those addresses answer and take."""
    states = {"type": "object", "additionalProperties": COUNT}
    numbers = object_schema(
        {"field": TEXT, "states": states, "total": COUNT, "totalIsExact": {"type": "boolean"}},
        ["field", "states", "total"],
    )
    nouns = {"nouns": schema_by_noun(ref("Noun")), "meta": _named(TEXT)}
    results = {"results": {"type": "array", "items": ref("BatchResult")}}
    result = {"id": nullable(TEXT), "status": {"type": "integer"}, "body": {}}
    status = {"$context": TYPES["url"], "nouns": schema_by_noun(numbers)}
    return {
        "Event": event_schema(),
        "Aggregation": object_schema(
            {
                "groups": {
                    "type": "array",
                    "items": {"type": "object", "additionalProperties": True},
                },
                "hasMore": {"type": "boolean"},
                "missingRates": MISSING_RATES,
            },
            required=("groups", "hasMore"),
        ),
        "EventList": list_schema(ref("Event")),
        "EventLog": _log_page(),
        "EventInput": serializer_schema(EventInput()),
        "EventDryRun": dry_run_schema(ref("Event")),
        "Noun": _noun(),
        "Nouns": object_schema(nouns, nouns),
        "Me": serializer_schema(MeSerializer()),
        "Batch": serializer_schema(BatchInput()),
        "BatchAnswer": object_schema(results, results),
        "BatchResult": object_schema(result, result),
        "Status": object_schema(status, status),
        **resources.resource_components(),
        **_report_schemas(),
        "ImportFile": {
            "type": "object",
            "properties": {"file": TEXT | {"format": "binary"}},
            "required": ["file"],
        },
        **responses.error_schemas(),
    }


def _named(schema: Schema) -> Schema:
    """An object whose values are all of one kind."""
    return {"type": "object", "additionalProperties": schema}


def _log_page() -> Schema:
    found = list_schema(
        ref("Event"), TEXT | {"description": "Where this page ends, never null: also at the end."}
    )
    found["required"].remove("total")
    found["properties"]["total"]["description"] = "How many there are in all, with `count=exact`."
    return found | {
        "description": "A page may be short, or empty, while `hasMore` is true: go on with its cursor."
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


def _report() -> Schema:
    presets = TEXT | {"enum": list(periods.PRESETS)}
    own = [
        query_parameter("period", presets, f"{periods.DEFAULT} where nothing is said."),
        query_parameter("from", TYPES["date"], "The first day, instead of period."),
        query_parameter("to", TYPES["date"], "The last day."),
        *narrowing_parameters(),
        query_parameter("since", TEXT, "A moment: what the number was then, and the difference."),
    ]
    return operation(
        "reportGet",
        "One number: its value, that of the period before, its series and the list behind it.",
        "About",
        {"200": responses.success_response("The number.", ref("Report"))},
        parameters=[*own, *shared_parameters("asOf")],
        errors=(404, *responses.READING),
    )


def _report_schemas() -> dict[str, Schema]:
    told: dict[str, Schema] = {
        "name": TEXT,
        "title": TEXT,
        "definition": TEXT,
        "unit": TEXT,
        "parameters": TEXTS,
    }
    column = object_schema(
        dict.fromkeys(("name", "title", "unit"), TEXT), ("name", "title", "unit")
    )
    described = told | {"columns": {"type": "array", "items": column}}
    behind = object_schema(
        {"type": TEXT, "filter": {"type": "object"}, "asOf": WHEN}, ["type", "filter"]
    )
    value: Schema = {
        "description": "A number, for money one per currency; null where nothing is measured."
    }
    converted: Schema = {"type": "object", "description": "Money in the tenant's currency."}
    days = object_schema({"from": TYPES["date"], "to": TYPES["date"]}, ["from", "to"])
    measured: dict[str, Schema] = {"value": value, "converted": converted, "count": COUNT}
    row: Schema = {
        "type": "object",
        "properties": {
            "key": nullable(TEXT),
            "name": TEXT,
            "asOf": WHEN,
            "rest": {"type": "boolean"},
            "converted": {"type": "object", "additionalProperties": converted},
            "lists": {"type": "object", "additionalProperties": behind},
        },
        "required": ["key", "name", "lists"],
        "additionalProperties": value,
        "description": "A part of it: its value in each column, and the lists behind them.",
    }
    listed: dict[str, Schema] = {
        "list": {"anyOf": [behind, {"type": "null"}]},
        "rows": {"type": "array", "items": row},
    }
    point = object_schema(
        {"start": TYPES["date"], "end": TYPES["date"], **measured}, ["start", "end", "value"]
    )
    before = object_schema({"period": days, **measured, **listed}, ["period", "value", "list"])
    since = object_schema(
        {"asOf": WHEN, **measured, **listed, "difference": {}},
        ["asOf", "value", "list", "difference"],
    )
    return {
        "Reports": object_schema(
            {"reports": {"type": "array", "items": object_schema(described, told)}}, ["reports"]
        ),
        "Report": object_schema(
            {
                **described,
                **measured,
                **listed,
                "period": days,
                "before": before,
                "since": since,
                "by": {"enum": ["day", "week", "month"]},
                "series": {"type": "array", "items": point},
            },
            [*told, "value", "list"],
        ),
    }


def _log() -> Schema:
    own = [
        query_parameter("since", WHEN, "Events of this moment and after it."),
        query_parameter("until", WHEN, "Events before this moment."),
        *(query_parameter(name, TEXT, said) for name, said in OF_EVENTS.items()),
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
            **dict.fromkeys(("description", "event"), TEXT),
            **dict.fromkeys(("from", "to"), TEXTS),
            "input": _named(field),
        },
        "required": ["description", "event", "input"],
    }
    step = dict.fromkeys(("from", "to", "via"), TEXT)
    gate = {
        "type": "object",
        "properties": {"state": TEXT, "requires": TEXTS},
        "required": ["state", "requires"],
        "description": "Where it is not of all records: beside these, the reference and the id in it.",
    }
    machine = {
        "field": TEXT,
        "states": TEXTS,
        "entry": TEXTS,
        "steps": {"type": "array", "items": object_schema(step, step)},
        "closed": _named(TEXTS),
        "gates": {
            "type": "array",
            "items": gate,
            "description": "What has to be filled before a record enters a state.",
        },
    }
    relation = {
        "direction": TEXT | {"description": "`->` or `<-`."},
        "to": TEXT,
        "inverse": nullable(TEXT),
    }
    asked: dict[str, Schema] = {
        "description": TEXT,
        "method": TEXT | {"enum": ["GET", "POST"]},
        "path": TEXT | {"description": "Behind the address of the record."},
        "takes": _named(field),
    }
    lists = {"paged": {"type": "boolean"}, "writes": {"type": "boolean"}, "columns": TEXTS}
    own: dict[str, Schema] = {
        **dict.fromkeys(("name", "plural", "prefix", "description"), TEXT),
        "immutable": {"type": "boolean", "description": "Whether its records never change."},
        "columns": TEXTS,
        "fields": _named(field),
        "verbs": _named(verb),
        "machine": {"anyOf": [object_schema(machine, machine), {"type": "null"}]},
        "relations": _named(object_schema(relation, relation)),
        "operations": _named(object_schema(asked | lists, asked))
        | {
            "description": "What is asked of a record, or done with it, beside its fields and verbs."
        },
    }
    join = {"type": TEXT, "to": TEXT, "through": TEXT | {"description": "The noun between them."}}
    joins = {"filters": _named(object_schema(join, join))}
    return object_schema(own | joins, own)


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
