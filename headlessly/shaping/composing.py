"""Adds a tenant's own fields to its schemas."""

from __future__ import annotations

from dataclasses import replace

from headlessly.declaration.registry import registry
from headlessly.declaration.schema import Field, Relation, Schema, snake_name
from headlessly.declaration.shapes import Shape, cached_by_shape, composes_schemas
from headlessly.shaping.models import CustomField

#: The types that are searched for words.
SEARCHED = ("string", "text", "email", "url", "enum")


@cached_by_shape
def fields_by_noun() -> dict[str, list[CustomField]]:
    """Returns the active tenant's own fields in their order, by noun."""
    found: dict[str, list[CustomField]] = {}
    for each in CustomField.objects.filter(archived_at=None).order_by("order", "created_at", "id"):
        found.setdefault(each.noun, []).append(each)
    return found


@cached_by_shape
def relations_by_noun() -> dict[str, list[Relation]]:
    """Returns the relations of references that the tenant added, by the noun that they lead to."""
    found: dict[str, list[Relation]] = {}
    for noun, fields in fields_by_noun().items():
        for each in fields:
            if each.to and noun in registry:
                field = each.as_field()
                wire = inverse_name(noun, field)
                accessor = snake_name(wire)
                relation = Relation(wire, accessor, noun, field.name, is_custom=True)
                found.setdefault(each.to, []).append(relation)
    return found


def inverse_name(noun: str, field: Field) -> str:
    """Returns the name of a reference's relation: that of ``Deal.decider`` is ``dealsByDecider``."""
    return f"{registry[noun].plural}By{field.wire[:1].upper()}{field.wire[1:]}"


def _with_inverse(own: CustomField) -> Field:
    field = own.as_field()
    return replace(field, inverse=inverse_name(own.noun, field)) if field.to else field


@composes_schemas
def add_custom_fields(schema: Schema, shape: Shape) -> None:
    """Adds the tenant's own fields to a schema, after the noun's and before computed ones."""
    own = [_with_inverse(each) for each in fields_by_noun().get(schema.name, ())]
    if own:
        _add_fields(schema, own)
    if schema.name in (inverses := relations_by_noun()):
        schema.add_relations(inverses[schema.name])


def _add_fields(schema: Schema, own: list[Field]) -> None:
    fields = list(schema.fields.values())
    stored = [field for field in fields if field.computed is None]
    computed = [field for field in fields if field.computed is not None]
    schema.set_fields((*stored, *own, *computed))
    schema.search = (*schema.search, *(f.name for f in own if f.type in SEARCHED))
    schema.groups = _grouped(schema.groups, own)


def _grouped(
    groups: tuple[tuple[str, tuple[str, ...]], ...], own: list[Field]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Returns the groups of a record's page with the fields that name one. A new group comes last."""
    found = {title: list(names) for title, names in groups}
    for field in own:
        if field.group:
            found.setdefault(field.group, []).append(field.name)
    return tuple((title, tuple(names)) for title, names in found.items())
