"""What the serializers of the platform's own resources have in common.

A noun is declared by its fields and needs no serializer. A webhook, a key, an import and a proposal are no
nouns: each is declared once as Django REST framework's serializers, and the answers, the checks and what
OpenAPI says of both are made from these. They stand where the resource is read and written; those of a batch
are in :mod:`.operations`, of a tracked event in :mod:`.tracking`, of ``/me`` in :mod:`.about`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.fields import SkipField, empty

from headlessly.access import tenancy
from headlessly.api.json_schema import TYPES, Schema, id_schema, written_schema
from headlessly.declaration.schema import META, Field, wire_name
from headlessly.errors import Invalid, did_you_mean

#: A moment, which is written by the one place that writes JSON.
Moment: Callable[..., serializers.DateTimeField] = partial(serializers.DateTimeField, format=None)
Count: Callable[..., serializers.IntegerField] = partial(serializers.IntegerField, min_value=0)


NO_SUCH_FIELD = "There is no such field. It takes none."


class WireSerializer(serializers.Serializer):
    """Fields are declared by their names in Python and have those of the wire: ``expires_at``,
    ``expiresAt``. ``meta`` are those that begin with ``$``."""

    meta: ClassVar[Mapping[str, serializers.Field]] = {}

    @classmethod
    def component(cls) -> str:
        """What the document calls it."""
        return cls.__name__.removesuffix("Serializer")

    @classmethod
    def to_json(cls, resource: Any) -> dict[str, Any]:
        return cls().to_representation(resource)

    def get_fields(self) -> dict[str, serializers.Field]:
        found = copy.deepcopy(dict(self.meta))
        for name, field in super().get_fields().items():
            wire = wire_name(name)
            if wire != name and field.source is None:
                field.source = name
            found[wire] = field
        return found


# -- answered -------------------------------------------------------------------------------------


class SchemaField(serializers.Field):
    """A value that is answered as it is; ``schema`` is what it looks like in JSON Schema (a function where
    that depends on which nouns there are)."""

    def __init__(self, schema: Schema | Callable[[], Schema] | None = None, **options: Any) -> None:
        self.schema = schema or {}
        super().__init__(**options)

    def to_representation(self, value: Any) -> Any:
        return value

    def to_internal_value(self, data: Any) -> Any:
        return data


class KindSerializer(WireSerializer):
    """What is answered with its kind as ``$type``, and the tenant's address where it has a ``$context``."""

    kind: ClassVar[str]

    def get_fields(self) -> dict[str, serializers.Field]:
        kind = SchemaField({"type": "string", "enum": [self.kind]}, source="*")
        return {"$type": kind, **super().get_fields()}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        said = super().to_representation(instance) | {"$type": self.kind}
        return said | ({"$context": tenancy.context_url()} if "$context" in said else {})


class ResourceSerializer(KindSerializer):
    """A resource as JSON says it: its ``$`` fields first, then those that are declared."""

    prefix: ClassVar[str]
    #: The ``$`` fields beside id, type and context.
    meta: ClassVar[Mapping[str, serializers.Field]] = {"$createdAt": Moment(source="created_at")}

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        return {
            "$id": SchemaField(id_schema(self.prefix), source="pk"),
            "$type": fields["$type"],
            "$context": SchemaField(TYPES["url"], source="*"),
            **fields,
        }


# -- taken ----------------------------------------------------------------------------------------


class CheckedField(SchemaField):
    """A value of a body. ``check`` answers what is stored for it or raises ValueError with what is
    allowed; it says so of a value that is missing (None), too."""

    def __init__(
        self, schema: Schema | Callable[[], Schema], check: Callable[[Any], Any], **options: Any
    ) -> None:
        self.check = check
        super().__init__(schema, **options)

    def run_validation(self, data: Any = empty) -> Any:
        if data is empty:
            if self.parent.partial or not (self.required or self.default is None):
                raise SkipField
            data = None
        try:
            return self.check(data)
        except ValueError as problem:
            raise serializers.ValidationError(str(problem)) from None


def declared_field(
    field: Field, check: Callable[[Any], Any] | None = None, **options: Any
) -> CheckedField:
    """A value of a body that is declared as a field of a noun is."""
    needed: dict[str, Any] = {"required": True} if field.required else {"default": None}
    return CheckedField(written_schema(field), check or field.clean, **needed, **options)


def wanted_field(
    schema: Schema | Callable[[], Schema], fits: Callable[[Any], bool], wanted: str, **options: Any
) -> CheckedField:
    """A value of a body that is sent as ``wanted`` says; or left out, where it has a default."""

    def check(value: Any) -> Any:
        if not (fits(value) or (value is None and "default" in options)):
            raise ValueError(f"Send {wanted}.")
        return value

    return CheckedField(schema, check, **options)


class InputSerializer(WireSerializer):
    """A body: of these fields and no others."""

    kind: ClassVar[str]  #: what an error is about
    unknown: ClassVar[str] = "There is no such field. Fields: {}."
    #: Whether what was read can be sent back: its ``$`` fields are ignored then.
    takes_meta: ClassVar[bool] = False
    #: Whether it is a change, which needs no field.
    is_change: ClassVar[bool] = False

    @classmethod
    def read_body(cls, body: Mapping[str, Any]) -> dict[str, Any]:
        """The values by their names in Python. Raises Invalid, which names every field that is wrong."""
        values, problems = cls(partial=cls.is_change).read_values(body)
        if problems:
            raise Invalid.for_fields(problems, type=cls.kind)
        return values

    def read_values(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """The values that fit, by their names in Python; and what is wrong with the others, by theirs."""
        values: dict[str, Any] = {}
        problems = {name[:64]: said for name in body if (said := self.refuse_name(name))}
        for name, field in self.fields.items():
            try:
                values[field.source] = field.run_validation(body.get(name, empty))
            except SkipField:
                continue
            except serializers.ValidationError as problem:
                wrong = problem.detail
                if isinstance(wrong, dict):  # what is within the value, by its names
                    problems |= {f"{name}.{within}": str(said) for within, said in wrong.items()}
                else:
                    problems[name] = str(wrong[0])
        return values, problems

    def refuse_name(self, name: str) -> str | None:
        """What is wrong with an entry that is called so, whatever its value."""
        if name in self.fields or (self.takes_meta and name in META):
            return None
        if not self.fields:
            return NO_SUCH_FIELD
        return self.unknown.format(", ".join(self.fields)) + did_you_mean(name, self.fields)


def refuse_body(body: Mapping[str, Any], kind: str) -> None:
    """Raise Invalid, which names every field of it, where a body is sent that is not empty; ``kind`` is what
    the error is about."""
    _values, problems = InputSerializer().read_values(body)
    if problems:
        raise Invalid.for_fields(problems, type=kind)
