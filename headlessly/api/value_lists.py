"""The tenant's lists of values by REST, for its admins."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.decorators import action
from rest_framework.fields import BooleanField, CharField
from rest_framework.request import Request
from rest_framework.serializers import ListField

from headlessly.api.base import AdminViewSet
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.json_schema import TEXT, Schema
from headlessly.api.serializers import (
    CheckedField,
    Count,
    InputSerializer,
    KindSerializer,
    SchemaField,
    WireSerializer,
)
from headlessly.query import reads
from headlessly.shaping import value_lists

COLOR: Schema = {"type": ["string", "null"], "pattern": "^#[0-9a-fA-F]{6}$"}
VALUE: Schema = {
    "type": "object",
    "properties": {"value": TEXT, "color": COLOR, "retired": {"type": "boolean"}},
    "required": ["value"],
}
USED: Schema = {"used": {"type": "integer", "minimum": 0}}


class ListSerializer(WireSerializer):
    meta: ClassVar = {
        "$id": SchemaField(TEXT | {"examples": ["Lead.lostReason"]}),
        "$type": SchemaField({"type": "string", "enum": ["List"]}),
        "$context": SchemaField(TEXT),
    }

    noun = CharField()
    field = CharField()
    fields = ListField(
        child=CharField(), help_text="All that have the list, this one first: `Deal.source`."
    )
    open = BooleanField(help_text="False: other values are refused, as a choice always does.")
    values = SchemaField(
        {"type": "array", "items": VALUE | {"properties": VALUE["properties"] | USED}},
        help_text="In their order; of one list also how many records have each.",
    )
    others = SchemaField(
        {"type": "array", "items": {"type": "object", "properties": {"value": TEXT} | USED}},
        required=False,
        help_text="What records have and the list does not; of one list.",
    )


class ListMergeSerializer(KindSerializer):
    kind = "ListMerge"

    changed = ListField(
        child=CharField(), help_text="The ids of the records that have the other now."
    )
    refused = SchemaField(
        {"type": "array", "items": {"type": "object", "properties": {"id": TEXT, "message": TEXT}}}
    )
    remaining = Count(help_text="How many have it still: asked again, the next are changed.")
    followed = SchemaField(
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "$type": TEXT, "$id": TEXT, "name": TEXT, "message": TEXT, "previous": TEXT
                },
            },
        },
        help_text="What asked for the value, or gave it: rules, segments, views, reports. It asks for both "
        "now, and gives the new one; a `message` says why one does not. Of a view also its `previous` query.",
    )  # fmt: skip


def _as_sent(schema: Schema, help_text: str = "", *, required: bool = False) -> CheckedField:
    """What :mod:`headlessly.shaping.value_lists` checks."""
    return CheckedField(schema, lambda value: value, required=required, help_text=help_text)


class ListInput(InputSerializer):
    kind, is_change = "List", True

    open = _as_sent({"type": "boolean"}, "False refuses every other value.")
    values = _as_sent(
        {"type": "array", "maxItems": 200, "items": {"anyOf": [TEXT, VALUE]}},
        "All of them, in their order.",
    )


class ListMergeInput(InputSerializer):
    kind = "List"
    meta: ClassVar = {
        "from": CheckedField(TEXT, lambda value: value, required=True, source="source")
    }

    into = _as_sent(TEXT, "A value of the list, or a new one: then it is a rename.", required=True)


class ListViewSet(AdminViewSet):
    """What people may write, or usually write, into the fields that have a list."""

    kind, kind_in_words, word = "List", "lists of values", "list"
    untagged: ClassVar = ("others",)
    ids: ClassVar = {
        "id": TEXT
        | {
            "minLength": 1,
            "maxLength": 200,
            "examples": ["Lead.lostReason"],
            "description": "The noun and its field.",
        }
    }

    @answers(ListSerializer, many=True, pages=())
    def list(self, request: Request) -> ApiResponse:
        """The lists of values: of every field that has one."""
        found = [each.as_json() for each in value_lists.all_lists()]
        return ApiResponse(reads.Page(found, len(found), True, False).as_json())

    @answers(ListSerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """One list, and how many records have each value."""
        return ApiResponse(self.shown(id))

    def shown(self, id: str) -> dict[str, Any]:
        found = value_lists.find_list(id)
        return found.as_json(found.used())

    def _tagged(self, response: HttpResponse) -> dict[str, Any]:
        """Not how often they are used."""
        said = super()._tagged(response)
        for value in said.get("values", ()):
            value.pop("used", None)
        return said

    @answers(ListSerializer, takes=ListInput, errors=(409,))
    def partial_update(self, request: Request, id: str) -> ApiResponse:
        """Say which values a list has, in their order, which are retired, and whether it is open."""
        value_lists.find_list(id)  # before anything is said of the body
        values: dict[str, Any] = ListInput.read_body(request.data)
        found = value_lists.change_list(id, values)
        return ApiResponse(found.as_json(found.used()))

    @answers(ListMergeSerializer, takes=ListMergeInput)
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, id: str) -> ApiResponse:
        """Make one value of a list another, in every record that has it, each by an event. Undone by the
        request."""
        value_lists.find_list(id)
        asked = ListMergeInput.read_body(request.data)
        return ApiResponse(value_lists.merge_values(id, asked["source"], asked["into"]).as_json())
