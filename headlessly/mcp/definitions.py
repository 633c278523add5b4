"""The three tools as an agent reads them before every task, so that each word costs.

Together they take less than 1,000 tokens, which a test checks. What they leave out is in `fetch` of
``Schema``, and in errors when it matters.
"""

from __future__ import annotations

from typing import Any

from headlessly.access import actors
from headlessly.declaration.registry import registry
from headlessly.declaration.shapes import cached_by_shape

NAMES = ("search", "fetch", "do")

INSTRUCTIONS = (
    'A CRM. Start with fetch {"type": "Schema"}: what there is, and how to ask for it. '
    'fetch {"type": "Schema", "id": <type>} before you write: fields, allowed values, verbs, and what is '
    "possible from which state. Read with search and fetch; change with do, where dryRun shows what "
    "would happen. An error says what to do next."
)

NAMES_OF_FIELDS = {"type": "array", "items": {"type": "string"}}
MOMENT = {"type": "string", "description": 'as of then: ISO 8601 or "7d ago"'}


def offered_tools() -> list[dict[str, Any]]:
    """Returns the tools that the current actor may call."""
    return [tool for tool in all_tools() if tool["name"] != "do" or not actors.current().reads_only]


@cached_by_shape
def all_tools() -> list[dict[str, Any]]:
    """Returns all three tools, as the protocol has them."""
    return [
        _tool(
            "search",
            (
                "List records of a type: main fields and 25 records unless told otherwise. It says what "
                "it left out; go on with its cursor."
            ),
            "type",
            type={
                "type": "string",
                "enum": [*registry, "Event", "Notification", "Following", "View"],
            },
            filter={
                "type": "object",
                "description": (
                    '{"field": value, "field": {"$gte": 1}, "reference.field": value, "$or": [...]}; '
                    "$eq $ne $gt $gte $lt $lte $in $nin $exists $regex $text $not $and $or $stale; "
                    '{"activities": {"$none": {filter}}} or $some; '
                    'dates also as "7d ago". Of Event: name, target, actor, requestId, since, until. '
                    "Of Notification: unread, kind, since. Of View: noun"
                ),
            },
            sort={
                "type": ["object", "string"],
                "description": '{"field": "desc"} or "-field,other"',
            },
            limit={"type": "integer", "minimum": 1, "maximum": 100},
            cursor={"type": "string"},
            fields=NAMES_OF_FIELDS | {"description": "instead of the main ones"},
            include=NAMES_OF_FIELDS | {"description": "references as records"},
            asOf=MOMENT,
            q={"type": "string", "description": "words to find"},
            group={"type": "string", "description": '"source,owner.name": numbers, not records'},
            measure={"type": "string", "description": "count,sum(budget) avg median min max"},
            by={"type": "string", "description": "month(createdAt)"},
            reads_only=True,
        ),
        _tool(
            "fetch",
            (
                "One record by id, all its fields. Schema: the types; with one "
                "as id: fields, verbs, states. Status: counts by state. Report: named numbers; "
                "one by name as id. History: the latest events of this id."
            ),
            type={
                "type": "string",
                "enum": [
                    *registry,
                    "Event",
                    "Schema",
                    "Status",
                    "Report",
                    "History",
                    "Proposal",
                ],
            },
            id={"type": "string"},
            parameters={"type": "object", "description": "of a Report, of <id>/<name>"},
            include=NAMES_OF_FIELDS,
            fields=NAMES_OF_FIELDS,
            asOf=MOMENT,
            reads_only=True,
        ),
        _tool(
            "do",
            (
                "Run a short Python script on the records; one transaction. Types "
                'are objects, verbs their methods: Type.find({"field": value}, sort="-field", limit=5), '
                "Type.get(id), Type.count(filter), Type.create(field=value), Type.update(id, "
                "field=value), Type.verb(id, ...), also record.verb(...); record.id, record.field, "
                "record.reference.field; find(...).first(). Request.undo(requestId) takes it back. "
                "date, timedelta, json and math are there; no imports, files or network. Answers the "
                "last expression's value, the events and what was printed."
            ),
            "code",
            code={"type": "string"},
            dryRun={"type": "boolean", "description": "what would happen"},
            reads_only=False,
        ),
    ]


def _tool(
    name: str, description: str, *required: str, reads_only: bool, **properties: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": list(required),
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": reads_only, "openWorldHint": False},
    }
