"""What a serializer of the platform's resources is in JSON Schema.

Django REST framework's own fields say by their options what they are; drf-spectacular would make a
document of its own of them, in which nouns have no place (see the decisions).
"""

from __future__ import annotations

from rest_framework import serializers

from headlessly.api.json_schema import MOMENT, Schema, nullable, object_schema
from headlessly.api.serializers import InputSerializer, SchemaField

#: By the most general class last: a choice is no text that could be any.
KINDS: dict[type[serializers.Field], Schema] = {
    serializers.BooleanField: {"type": "boolean"},
    serializers.IntegerField: {"type": "integer"},
    serializers.DateTimeField: MOMENT,
    serializers.ChoiceField: {"type": "string"},
    serializers.CharField: {"type": "string"},
    serializers.DictField: {"type": "object"},
    serializers.ListField: {"type": "array"},
}


def serializer_schema(serializer: serializers.Serializer) -> Schema:
    """An object with these fields and no others."""
    fields = serializer.fields
    if isinstance(serializer, InputSerializer):
        needed = [n for n, field in fields.items() if field.required and not serializer.is_change]
    else:  # what is only read is never required, but there
        needed = [n for n, field in fields.items() if field.required or field.read_only]
    return object_schema({name: field_schema(field) for name, field in fields.items()}, needed)


def field_schema(field: serializers.Field) -> Schema:
    """What the field's values look like, with what people read about it."""
    if isinstance(field, serializers.Serializer):
        schema = serializer_schema(field)
    elif isinstance(field, SchemaField):
        schema = field.schema() if callable(field.schema) else field.schema
    else:
        schema = dict(next(said for kind, said in KINDS.items() if isinstance(field, kind)))
    if isinstance(field, serializers.ListField):
        schema["items"] = field_schema(field.child)
        ends = {"minItems": field.min_length, "maxItems": field.max_length}
        schema |= {name: number for name, number in ends.items() if number is not None}
    if isinstance(field, serializers.ChoiceField):
        schema["enum"] = list(field.choices)
    if (minimum := getattr(field, "min_value", None)) is not None:
        schema["minimum"] = minimum
    if field.help_text:
        schema = schema | {"description": str(field.help_text)}
    return nullable(schema) if field.allow_null else schema
