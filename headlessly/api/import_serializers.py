"""What is answered of imports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from rest_framework.serializers import BooleanField, CharField, ChoiceField, ListField

from headlessly.api.json_schema import COUNT, TEXT, TEXTS, Schema, nullable, object_schema
from headlessly.api.serializers import (
    Count,
    Moment,
    ResourceSerializer,
    SchemaField,
    WireSerializer,
)
from headlessly.declaration.registry import registry
from headlessly.transfer import formats
from headlessly.transfer.headings import ADDED, find_meaning, nameless_heading
from headlessly.transfer.models import Import, RefusedRow, RowWarning
from headlessly.transfer.options import Options


def reading_schema() -> Schema:
    """How a file was understood: what its options say, as it was found."""
    parts: dict[str, Schema] = {
        "encoding": nullable(TEXT),
        "delimiter": nullable(TEXT),
        "linesAbove": COUNT | {"description": "Lines above the header."},
        "linesBelow": TEXTS | {"description": "Lines below the rows: totals, copyrights."},
        "numbers": {
            "type": "object",
            "additionalProperties": TEXT,
            "description": "The mark before the decimals of a column: comma or point.",
        },
        "days": {
            "type": "object",
            "additionalProperties": nullable(TEXT),
            "description": "The order of the days of a column: dmy or mdy; null where nobody knows.",
        },
        "zone": nullable(TEXT),
        "language": nullable(TEXT),
    }
    return object_schema(parts, parts)


class ImportListedSerializer(ResourceSerializer):
    kind, prefix = "Import", Import.prefix
    meta: ClassVar = {
        "$createdAt": Moment(source="created_at"),
        "$createdBy": CharField(source="created_by"),
    }

    type = SchemaField(lambda: TEXT | {"enum": list(registry)})
    filename = CharField(allow_null=True)
    format = ChoiceField(list(formats.FORMATS))
    size = Count(help_text="Bytes.")
    match = CharField(allow_null=True)
    dry_run = BooleanField()
    status = ChoiceField(list(Import.Status.values))
    message = CharField(allow_null=True, help_text="Why it failed.")
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    total = Count(allow_null=True, help_text="Rows in the file; null until they are counted.")
    done = Count(help_text="Rows that are dealt with.")
    created = Count()
    updated = Count()
    unchanged = Count(help_text="Found, and the same already.")
    refused = Count()
    warned = Count(
        help_text="Rows that are in without some of their cells, or that are like one above them."
    )
    unknown_columns = ListField(
        child=CharField(),
        source="unknown",
        help_text="What the file has that is no field, and was left out.",
    )
    already_here = Count(
        allow_null=True,
        help_text="Rows that are probably here already; null where nobody can tell.",
    )
    made = SchemaField(
        {"type": "object", "additionalProperties": COUNT},
        help_text="How many records beside their own the rows made, by noun.",
    )
    reading = SchemaField(reading_schema, help_text="How the file was understood.")


class RowErrorSerializer(WireSerializer):
    row = Count()
    field = CharField(allow_null=True)
    message = CharField()


class ColumnSerializer(WireSerializer):
    heading = CharField()
    field = CharField(allow_null=True, help_text="What it becomes; null where it is left out.")


class ImportSerializer(ImportListedSerializer):
    """An import with its columns and their fields, a page of refused rows with their errors, and the rows
    that lost some of their cells. A dry run has its first rows as well."""

    columns = ListField(child=ColumnSerializer())
    samples = SchemaField(
        {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        help_text="Of a dry run: the first rows, each cell as it was sent and the value that it becomes.",
    )

    errors = ListField(child=RowErrorSerializer())
    has_more_errors = BooleanField()
    warnings = ListField(child=RowErrorSerializer())
    has_more_warnings = BooleanField()

    def to_representation(
        self,
        instance: tuple[Import, tuple[list[RefusedRow], bool], tuple[list[RowWarning], bool]],
    ) -> dict[str, Any]:
        source, (refused, more_refused), (warned, more_warned) = instance
        return ImportListedSerializer.to_json(source) | {
            "columns": list(column_meanings(source)),
            "samples": source.samples,
            "errors": [error for row in refused for error in row.errors()],
            "hasMoreErrors": more_refused,
            "warnings": [error for row in warned for error in row.errors()],
            "hasMoreWarnings": more_warned,
        }


def column_meanings(source: Import) -> Iterator[dict[str, Any]]:
    """What the columns of a file became: their headings, and the paths of fields."""
    mapping = Options(**source.options).field_mapping
    for position, heading in enumerate(source.columns):
        if heading not in ADDED:
            named = heading or nameless_heading(position)
            meaning = find_meaning(source.noun, named, mapping)
            yield {"heading": named, "field": meaning.path if meaning else None}


class RefusedRowSerializer(WireSerializer):
    row = Count()
    errors = ListField(child=RowErrorSerializer())
    values = SchemaField()
