"""Bodies that can be sent as they are: what "Try it out" begins with.

They are made from the schemas. The page would fill in every field that there is, with words that no
record takes.
"""

from __future__ import annotations

import re
from typing import Any

from headlessly.api.bodies import JSON
from headlessly.api.json_schema import Schema

#: By format; any other text is plain words.
TEXTS = {
    "email": "name@example.com",
    "uri": "https://example.com",
    "date": "2026-01-01",
    "date-time": "2026-01-31T09:00:00Z",
}
WORD = "Example"
#: A pattern of ids, with their prefix.
ID = re.compile(r"\^(\w+_)\[")
NUMBER = 100


def add_body_examples(paths: dict[str, Schema], schemas: dict[str, Schema]) -> None:
    """Give the bodies of all operations an example, those that have none and are not files."""
    for item in paths.values():
        for operation in item.values():
            if not isinstance(operation, dict) or "requestBody" not in operation:
                continue
            content = operation["requestBody"]["content"]
            for body in content.values():
                if body["schema"] == content[JSON]["schema"]:
                    body.setdefault("example", example_value(body["schema"], schemas))


def example_value(schema: Schema, schemas: dict[str, Schema]) -> Any:
    """The least that fits ``schema``: of an object, what is required; ``schemas`` are the components.

    An id is of no record: it stands for one, to be replaced.
    """
    if "$ref" in schema:
        found = schemas.get(schema["$ref"].rpartition("/")[2])
        return WORD if found is None else example_value(found, schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_value(schema["anyOf"][0], schemas)
    types = schema.get("type", "object")
    match types if isinstance(types, str) else types[0]:
        case "string":
            if prefix := ID.match(schema.get("pattern", "")):
                return prefix[1] + WORD
            return TEXTS.get(schema.get("format", ""), WORD)
        case "number" | "integer":
            return min(max(NUMBER, schema.get("minimum", NUMBER)), schema.get("maximum", NUMBER))
        case "boolean":
            return True
        case "array":
            return [example_value(schema["items"], schemas)] if "items" in schema else []
        case _:
            properties = schema.get("properties", {})
            return {
                name: example_value(properties[name], schemas)
                for name in schema.get("required", ())
            }
