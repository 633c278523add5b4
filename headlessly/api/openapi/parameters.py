"""Parameters of operations: the query of lists, the headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from headlessly.api import parameters
from headlessly.api.bodies import JSON
from headlessly.api.openapi.types import WHEN, Schema, id_schema, ref
from headlessly.nouns import Noun
from headlessly.query import filters, querystring, reads

#: Parameters that are the same everywhere: components, by the name they are referred to.
SHARED: dict[str, Schema] = {
    "requestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "An id of your own for this request, instead of one of ours.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9._-]{8,64}$"},
    },
    "ifMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "Refuse with 412 unless the record has this version: its ETag.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
    "ifNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "Answer 304, and nothing else, where the record still has this version: its ETag. "
        "Included records change without it: with `include` the record is answered.",
        "schema": {"type": "string"},
    },
    "idempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Do this once: the same key and body within 24 hours gives the first answer again.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "dryRun": {
        "name": "dryRun",
        "in": "query",
        "description": "Answer what would happen, and do nothing.",
        "schema": {"type": "boolean", "default": False},
    },
    "asOf": {
        "name": "asOf",
        "in": "query",
        "description": "As it was at this moment.",
        "schema": WHEN,
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": reads.MAX_LIMIT,
            "default": reads.DEFAULT_LIMIT,
        },
    },
    "offset": {
        "name": "offset",
        "in": "query",
        "schema": {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "The `cursor` of the page before, for the same list in the same order.",
        "schema": {"type": "string"},
    },
    "q": {
        "name": "q",
        "in": "query",
        "description": "Words, each in any of the searchable fields.",
        "schema": {"type": "string"},
    },
    "count": {
        "name": "count",
        "in": "query",
        "description": "Count all, also beyond 10,000.",
        "schema": {"const": "exact"},
    },
    "filter": {
        "name": "filter",
        "in": "query",
        "description": "The filter language: `$eq $ne $gt $gte $lt $lte $in $nin $exists $regex $not "
        "$and $or $text`, implicit AND, dot paths over references.",
        "content": {JSON: {"schema": {"type": "object"}}},
    },
}


def shared_parameters(*names: str) -> list[Schema]:
    """These parameters, and the one that every operation has."""
    return [ref(name, "parameters") for name in (*names, "requestId")]


def list_parameters(noun: type[Noun]) -> list[Schema]:
    """Everything a list may be asked for, in the order of :data:`headlessly.api.parameters.LIST`."""
    own = {
        "sort": [_sort_parameter(noun)],
        "include": _include_parameter(noun),
        "fields": [_fields_parameter(noun)],
    }
    found = [each for name in parameters.LIST for each in own.get(name, [ref(name, "parameters")])]
    return [_conditions_parameter(noun), *found, *shared_parameters()]


def export_parameters(noun: type[Noun]) -> list[Schema]:
    """What an export may be asked for: which records, in which order, which of their fields."""
    return [
        _conditions_parameter(noun),
        _sort_parameter(noun),
        _fields_parameter(noun),
        *shared_parameters("filter", "q", "asOf"),
    ]


def record_parameters(noun: type[Noun]) -> list[Schema]:
    return [
        *_include_parameter(noun),
        _fields_parameter(noun),
        *shared_parameters("asOf", "ifNoneMatch"),
    ]


def path_parameter(prefix: str) -> Schema:
    return {"name": "id", "in": "path", "required": True, "schema": id_schema(prefix)}


def query_parameter(name: str, schema: Schema, description: str = "") -> Schema:
    said = {"description": description} if description else {}
    return {"name": name, "in": "query"} | said | {"schema": schema}


def _names_parameter(name: str, names: Iterable[str], description: str, **more: Any) -> Schema:
    """A list of names, with commas."""
    items = {"type": "string", "enum": list(names)}
    found = query_parameter(name, {"type": "array", "items": items} | more, description)
    return found | {"style": "form", "explode": False}


def _include_parameter(noun: type[Noun]) -> list[Schema]:
    """The parameter, where there is anything that it could take."""
    references = [f.wire for f in noun.schema.references.values()]
    names = [*references, *noun.schema.relations]
    what = "Other records instead of their ids, or those of other sides."
    return [_names_parameter("include", names, what)] if names else []


def _fields_parameter(noun: type[Noun]) -> Schema:
    names = [*filters.META_FIELDS, *noun.schema.fields]
    return _names_parameter("fields", names, "Only these; `$` fields always come.")


def _sort_parameter(noun: type[Noun]) -> Schema:
    stored = (f.wire for f in noun.schema.stored if f.type != "json")
    names = [*filters.META_FIELDS, *stored]
    both = [way + name for name in names for way in ("", "-")]
    return _names_parameter(
        "sort", both, "`-` is descending; nulls are last either way.", maxItems=8
    )


#: What every record carries, and what stands for it where a dollar sign is a nuisance.
CONDITIONS_ON_META = [*filters.META_FIELDS, "createdAt", "createdBy", "updatedAt"]


def _conditions_parameter(noun: type[Noun]) -> Schema:
    """Conditions on fields, one parameter each: too many to list, so one group says them all.

    Its properties are the parameters themselves (``?status=New&score__gte=80``).
    """
    plain = [f.wire for f in noun.schema.stored if f.type != "json"] + CONDITIONS_ON_META
    if noun.schema.machine:
        plain += filters.REACHED
    jsons = [f.wire for f in noun.schema.stored if f.type == "json"]
    testable = "|".join(map(re.escape, [*plain, *jsons]))
    paths = "|".join(re.escape(f.wire) for f in noun.schema.references.values())
    suffix = "|".join(name for name in querystring.LOOKUP_OPERATORS if name != "isnull")
    text = {"type": "string", "minLength": 1}
    patterns = {
        f"^({'|'.join(map(re.escape, plain))})__({suffix})$": text,
        f"^({testable})__isnull$": {"enum": ["true", "false"]},
    }
    if paths:
        patterns[rf"^({paths})(\.[$A-Za-z]+){{1,3}}(__({suffix}|isnull))?$"] = text
    return {
        "name": "conditions",
        "in": "query",
        "style": "form",
        "explode": True,
        "description": "Conditions on fields, each a parameter of its own: `field=value`, "
        "`field__lookup=value`, `reference.field__lookup=value`. Lookups: "
        + ", ".join(f"`{name}`" for name in querystring.LOOKUP_OPERATORS)
        + ". Dates may be relative, as in `7d ago`.",
        "schema": {
            "type": "object",
            "properties": dict.fromkeys(plain, text),
            "patternProperties": patterns,
            "additionalProperties": False,
        },
    }
