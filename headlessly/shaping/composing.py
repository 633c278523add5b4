"""How a tenant's own fields become part of its schemas."""

from __future__ import annotations

from headlessly.declaration.schema import Field, Schema
from headlessly.declaration.shapes import Shape, cached_by_shape, composes_schemas
from headlessly.shaping.models import CustomField

#: The types in which words are looked for.
SEARCHED = ("string", "text", "email", "url", "enum")


@cached_by_shape
def fields_by_noun() -> dict[str, list[CustomField]]:
    """The fields that the active tenant has at the moment, in their order, by the name of their noun."""
    found: dict[str, list[CustomField]] = {}
    for each in CustomField.objects.filter(archived_at=None).order_by("order", "created_at", "id"):
        found.setdefault(each.noun, []).append(each)
    return found


@composes_schemas
def add_custom_fields(schema: Schema, shape: Shape) -> None:
    """Add the tenant's own fields to a schema: behind the noun's, before what is computed of those."""
    own = [each.as_field() for each in fields_by_noun().get(schema.name, ())]
    if not own:
        return
    fields = list(schema.fields.values())
    stored = [field for field in fields if field.computed is None]
    computed = [field for field in fields if field.computed is not None]
    schema.set_fields((*stored, *own, *computed))
    schema.search = (*schema.search, *(f.name for f in own if f.type in SEARCHED))
    schema.groups = _grouped(schema.groups, own)


def _grouped(
    groups: tuple[tuple[str, tuple[str, ...]], ...], own: list[Field]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The groups of a record's page with the fields that say one; a title that is new comes last."""
    found = {title: list(names) for title, names in groups}
    for field in own:
        if field.group:
            found.setdefault(field.group, []).append(field.name)
    return tuple((title, tuple(names)) for title, names in found.items())
