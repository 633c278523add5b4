"""The tenant's own fields by REST, for its admins: made, changed, archived and deleted."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework.fields import BooleanField, CharField
from rest_framework.request import Request

from headlessly.access import tenancy
from headlessly.api.base import AdminViewSet, created_response
from headlessly.api.bodies import ApiResponse
from headlessly.api.describing import answers
from headlessly.api.json_schema import TEXT, Schema, nullable
from headlessly.api.log import paginate
from headlessly.api.parameters import read_boolean
from headlessly.api.serializers import (
    CheckedField,
    InputSerializer,
    ResourceSerializer,
    SchemaField,
)
from headlessly.declaration.registry import registry
from headlessly.errors import Invalid
from headlessly.shaping import custom_fields
from headlessly.shaping.models import TYPES, CustomField

NUMBER: Schema = {"type": ["number", "null"]}
OPTION: Schema = {
    "type": "object",
    "properties": {
        "value": TEXT,
        "label": TEXT,
        "color": TEXT | {"pattern": "^#[0-9a-fA-F]{6}$"},
        "retired": {"type": "boolean"},
    },
    "required": ["value", "label"],
}
OPTIONS: Schema = {"type": ["array", "null"], "items": OPTION}


class FieldSerializer(ResourceSerializer):
    kind, prefix = "Field", CustomField.prefix

    noun = CharField()
    name = CharField(help_text="On every wire.")
    type = SchemaField(TEXT | {"enum": list(TYPES)})
    label = CharField()
    help = CharField(allow_null=True)
    options = SchemaField(OPTIONS, help_text="In their order; records hold the value.")
    to = SchemaField(lambda: nullable(TEXT | {"enum": list(registry)}))
    required = BooleanField()
    unique = BooleanField(help_text="No two records have the same value.")
    indexed = BooleanField(help_text="Lists are put in its order, and narrowed by it, by an index.")
    default = SchemaField({})
    minimum = SchemaField(NUMBER)
    maximum = SchemaField(NUMBER)
    group = CharField(allow_null=True)
    order = SchemaField({"type": "integer"})
    archived = BooleanField()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        said = custom_fields.describe(instance)
        return {
            "$id": instance.pk,
            "$type": self.kind,
            "$context": tenancy.context_url(),
            "$createdAt": instance.created_at,
            **said,
        }


def _as_sent(schema: Any, help_text: str = "") -> CheckedField:
    """What :mod:`headlessly.shaping.custom_fields` checks, with all that belongs together."""
    return CheckedField(schema, lambda value: value, required=False, help_text=help_text)


class FieldInput(InputSerializer):
    kind = "Field"

    noun = _as_sent(
        lambda: TEXT | {"enum": list(registry)}, "Needed for a new one; it never changes."
    )
    name = _as_sent(TEXT | {"maxLength": 40}, "Camel case; made of the label where it is left out.")
    type = _as_sent(
        TEXT | {"enum": list(TYPES)},
        "Needed for a new one; changed only to one that takes all its values as they are.",
    )
    label = _as_sent(TEXT | {"maxLength": 80})
    help = _as_sent(nullable(TEXT | {"maxLength": 255}))
    options = _as_sent(
        {"type": "array", "items": {"anyOf": [TEXT, OPTION]}},
        "Of a choice, or choices; renamed by another label for the same value.",
    )
    to = _as_sent(lambda: TEXT | {"enum": list(registry)}, "Of a reference.")
    required = _as_sent({"type": "boolean"})
    unique = _as_sent(
        {"type": "boolean"},
        "No two records may have the same value, whatever the case of its letters.",
    )
    indexed = _as_sent(
        {"type": "boolean"},
        "Lists are put in its order, and narrowed from one value to another, by an index. It is made in "
        "the background; 20 fields of a noun may have one.",
    )
    default = _as_sent({}, "Of new records that say nothing.")
    minimum = _as_sent(NUMBER)
    maximum = _as_sent(NUMBER)
    group = _as_sent(nullable(TEXT | {"maxLength": 80}), "The title under which a page shows it.")
    order = _as_sent({"type": "integer"})
    archived = _as_sent({"type": "boolean"}, "True: on no surface, until it is false again.")


class FieldViewSet(AdminViewSet):
    """The fields that the tenant added to the nouns. Those of the product are in the schema only."""

    kind, kind_in_words, word = "Field", "fields of the tenant's own", "field"

    @answers(FieldSerializer, many=True)
    def list(self, request: Request) -> ApiResponse:
        """The fields that the tenant added to the nouns, archived ones too."""
        found = CustomField.objects.order_by("noun", "order", "created_at", "id")
        return ApiResponse(paginate(found, FieldSerializer.to_json, **self.asked))

    @answers(FieldSerializer, takes=FieldInput, status=201)
    def create(self, request: Request) -> ApiResponse:
        """Add a field to a noun, with `noun`, `type` and `label`.

        It is part of its noun with the next request.
        """
        values = FieldInput.read_body(request.data)
        archived = _read_archived(values)
        with transaction.atomic():
            field = custom_fields.create_field(values)
            if archived:
                field = custom_fields.archive_field(field)
        return created_response(FieldSerializer.to_json(field), f"fields/{field.pk}")

    def shown(self, id: str) -> dict[str, Any]:
        return FieldSerializer.to_json(custom_fields.find_field(id))

    @answers(FieldSerializer)
    def retrieve(self, request: Request, id: str) -> ApiResponse:
        """One of them, by its id.

        Or as ``Lead.region``.
        """
        return ApiResponse(self.shown(id))

    @answers(FieldSerializer, takes=FieldInput, shared=("dryRun",), errors=(409,))
    def partial_update(self, request: Request, id: str) -> ApiResponse:
        """Change a field; archive it, or bring it back. Renamed it keeps its values; another type has to take
        all that are there.

        The answer says which it would not. With ``dryRun`` it is tried and nothing changes.
        """
        dry_run = read_boolean("dryRun", self.asked)
        field = custom_fields.find_field(id)  # before anything is said of the body
        values = FieldInput.read_body(request.data)
        archived = _read_archived(values)
        if values or archived is not None:
            field = custom_fields.change_field(field, values, archived=archived, dry_run=dry_run)
        return ApiResponse(FieldSerializer.to_json(field))

    @answers(
        None,
        parameters={"name": TEXT | {"description": "The name of the field, to be sure."}},
        errors=(409, 413, 415, 422),
    )
    def destroy(self, request: Request, id: str) -> ApiResponse:
        """Delete a field for good, with its values. Without its `name` it says what would be lost."""
        custom_fields.delete_field(custom_fields.find_field(id), self.asked.get("name", ""))
        return ApiResponse(status=204)


def _read_archived(values: dict[str, Any]) -> bool | None:
    archived = values.pop("archived", None)
    if archived is not None and not isinstance(archived, bool):
        raise Invalid.for_fields({"archived": "This is true or false."}, type="Field")
    return archived
