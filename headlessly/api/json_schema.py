"""What a field of the declaration is in JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from headlessly.declaration import external_ids, values
from headlessly.declaration.schema import Field

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
COUNT: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {"type": "string", "format": "date-time"}
#: Not the whole of ISO 8601 and of the words for relative moments, but what a client should send.
WHEN: Schema = {
    "type": "string",
    "description": "A moment in ISO 8601, or a relative one.",
    "examples": ["2026-01-31T09:00:00Z", "7d ago", "today", "start of this quarter"],
}
#: What a required text must have: something that is not a space.
SAYS_SOMETHING = r"\S"
LARGEST_AMOUNT = 9_999_999_999_999.99
LARGEST_INTEGER = 2_147_483_647

TYPES: dict[str, Schema] = {
    "string": {"type": "string"},
    "text": {"type": "string"},
    "email": {"type": "string", "format": "email"},
    "url": {"type": "string", "format": "uri"},
    "enum": {"type": "string"},
    "number": {"type": "number"},
    "integer": {
        "type": "integer",
        "format": "int32",
        "minimum": -LARGEST_INTEGER,
        "maximum": LARGEST_INTEGER,
    },
    "money": {"type": "number", "minimum": 0, "maximum": LARGEST_AMOUNT},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": MOMENT,
    "choices": {"type": "array", "uniqueItems": True},
    "json": {},
    "file": {
        "anyOf": [
            {"type": "string", "format": "byte", "contentEncoding": "base64"},
            {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "content": {"type": "string", "format": "byte", "contentEncoding": "base64"},
                },
                "required": ["content"],
                "additionalProperties": False,
            },
        ],
        "description": "Text in base64; with its name where that is not said otherwise.",
    },
}
EXTERNAL_IDS: Schema = {
    "type": "array",
    "maxItems": external_ids.MAX_IDS,
    "items": {
        "type": "object",
        "properties": {
            "system": {"type": "string", "maxLength": external_ids.MAX_SYSTEM},
            "id": {"type": "string", "minLength": 1, "maxLength": external_ids.MAX_ID},
        },
        "required": ["system", "id"],
        "additionalProperties": False,
    },
}
#: What a body may send of some parts of a value instead of the whole of it.
CHANGES: dict[str, Schema] = {
    "choices": {
        "type": "object",
        "properties": {"add": TEXTS, "remove": TEXTS},
        "minProperties": 1,
        "additionalProperties": False,
    },
    "json": {
        "type": "object",
        "description": "The ids of these systems; null takes them away.",
        "additionalProperties": {"anyOf": [TEXT, {"type": "integer"}, TEXTS, {"type": "null"}]},
    },
}
TEXT_TYPES = ("string", "text", "email", "url")


def ref(component: str, kind: str = "schemas") -> Schema:
    return {"$ref": f"#/components/{kind}/{component}"}


def nullable(schema: Schema) -> Schema:
    """``schema``, or null."""
    if not schema.keys() & {"type", "$ref", "anyOf", "enum"}:
        return schema  # any JSON at all
    if not isinstance(schema.get("type"), str):
        return {"anyOf": [schema, {"type": "null"}]}
    found = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        found["enum"] = [*schema["enum"], None]
    return found


def object_schema(properties: dict[str, Schema], required: Iterable[str], **more: Any) -> Schema:
    """An object with these properties and no others.

    Where there is a ``type`` beside ``$type``, the latter is said by a pattern: what makes clients would give
    both one name, which some refuse; and every other part of the record says of which type it is.
    """
    told_apart = {
        f"^{re.escape(n)}$": properties[n]
        for n in properties
        if n[:1] == "$" and n[1:] in properties
    }
    plain = {
        name: schema
        for name, schema in properties.items()
        if f"^{re.escape(name)}$" not in told_apart
    }
    schema: Schema = {"type": "object", "properties": plain}
    if told_apart:
        schema["patternProperties"] = told_apart
    if names := list(required):
        schema["required"] = names
    return schema | {"additionalProperties": False} | more


def id_schema(prefix: str) -> Schema:
    return {"type": "string", "pattern": f"^{prefix}_[0-9A-Za-z_-]+$", "maxLength": 64}


def value_schema(field: Field) -> Schema:
    """What the field's values look like, in answers and in bodies alike."""
    if field.type == "reference":
        return id_schema(f"{field.prefix}")
    if field.parts:
        return EXTERNAL_IDS
    schema = dict(TYPES[field.type])
    if field.type == "json" and field.choices:
        each: Schema = {"enum": list(field.choices)}
        named: Schema = {"propertyNames": {"enum": list(field.keys)}}
        return {"type": "object", "additionalProperties": TEXT | each} | named
    if field.type == "choices" and field.item is not None:
        one = value_schema(field.item) | {"minLength": 1}
        return schema | {"items": one, "maxItems": field.maximum or values.MOST_CHOICES}
    if field.type == "choices":
        item: Schema = {"enum": list(field.choices)} if field.choices else {"minLength": 1}
        if field.max_length and not field.choices:
            item["maxLength"] = field.max_length
        return schema | {"items": TEXT | item, "maxItems": field.maximum or values.MOST_CHOICES}
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.type in TEXT_TYPES and field.max_length:
        schema["maxLength"] = field.max_length
    if field.minimum is not None:
        schema["minimum"] = field.minimum
    if field.maximum is not None:
        schema["maximum"] = field.maximum
    return schema


def read_schema(field: Field) -> Schema:
    """The field as an answer has it: null where a record may be without a value."""
    never_null = field.required or field.default is not None or field.moves
    schema = value_schema(field) if never_null else nullable(value_schema(field))
    said = {"readOnly": True} if field.read_only else {}
    return _described(schema, field, said)


def written_schema(field: Field, *, entry: tuple[str, ...] = ()) -> Schema:
    """The field as a body has it; ``entry`` are the states in which a record may begin."""
    if field.relative:
        schema = WHEN | {"examples": ["now", *WHEN["examples"]]}
    elif field.type == "reference":
        schema = ref(f"{field.to}Reference")
        if field.new:
            schema = {"anyOf": [schema, ref(f"{field.to}Fields")]}
    else:
        schema = value_schema(field)
        if field.required and field.type in TEXT_TYPES:
            schema |= {"minLength": 1, "pattern": SAYS_SOMETHING}
        if entry and field.moves:
            schema["enum"] = list(entry)
        if field.change is not None:
            schema = {"anyOf": [schema, CHANGES[field.type]]}
        if examples := field.suggests or ([] if field.example is None else [field.example]):
            schema["examples"] = list(examples)
        if field.closed:
            schema["enum"] = [*field.suggests, *field.retired]
    if field.clearable and not field.required:
        schema = nullable(schema)
    # No `default`: clients made from the document would send it, and change what was left out.
    return _described(schema, field, {}, new=field.default)


def _described(schema: Schema, field: Field, more: Schema, *, new: Any = None) -> Schema:
    """``schema`` with what people read about the field; ``new`` is what a new record has without it."""
    notes = [field.description]
    if field.type == "reference":
        notes.append(f"-> {field.to}")
    if field.type == "money":
        notes.append("At most two decimals.")
    if field.unique:
        notes.append("Unique.")
    if field.set_by:
        notes.append(f"Set by {', '.join(field.set_by)}.")
    if new is not None:
        notes.append(f"A new record has {values.to_json_value(new)!r} without it.")
    text = " ".join(n if n.endswith(".") else f"{n}." for n in filter(None, notes))
    return schema | ({"description": text} if text else {}) | more
