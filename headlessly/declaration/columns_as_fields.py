"""Derives the fields of a noun (:mod:`.described_field`) from the columns of its model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from headlessly.declaration import fields as columns
from headlessly.declaration.described_field import Field, unwrap, wire_name
from headlessly.declaration.record import Record

#: Columns of every noun that are not fields.
SYSTEM_COLUMNS = {
    "id", "tenant", "version", "created_at", "created_by", "updated_at", "deleted_at", "successor"
}  # fmt: skip
COLUMN_TYPES: tuple[tuple[type[models.Field], str], ...] = (
    (columns.StatusField, "enum"),
    (columns.Choice, "enum"),
    (columns.Email, "email"),
    (models.URLField, "url"),
    (models.ForeignKey, "reference"),
    (models.DecimalField, "money"),
    (models.FloatField, "number"),
    (models.IntegerField, "integer"),
    (models.BooleanField, "bool"),
    (models.DateTimeField, "datetime"),
    (models.DateField, "date"),
    (columns.Choices, "choices"),
    (models.JSONField, "json"),
    (models.TextField, "text"),
    (models.CharField, "string"),
)


def fields_of_columns(noun: type[Record], set_by: Mapping[str, tuple[str, ...]]) -> Iterator[Field]:
    """Yields the fields of the columns of ``noun`` in the order of declaration. ``set_by`` has the verbs that
    write read-only ones."""
    for column in noun._meta.concrete_fields:
        if column.name not in SYSTEM_COLUMNS and not isinstance(column, columns.Hidden):
            yield _field(noun, column, set_by)


def computed_fields(noun: type[Record]) -> Iterator[Field]:
    """Yields the fields that are computed from a record's columns."""
    for computed in noun.computed_fields:
        yield Field(
            name=computed.name,
            wire=wire_name(computed.name),
            column=computed.name,
            type=computed.type,
            read_only=True,
            description=unwrap(computed.function.__doc__ or ""),
            label=computed.name.replace("_", " ").capitalize(),
            computed=computed.function,
            needs=computed.needs,
        )


def _field(
    noun: type[Record], column: models.Field, set_by: Mapping[str, tuple[str, ...]]
) -> Field:
    kind = next(name for cls, name in COLUMN_TYPES if isinstance(column, cls))
    to = as_noun(column.related_model) if column.is_relation else None
    default = column.get_default() if column.has_default() else None
    bounds = (MinValueValidator, MaxValueValidator, MaxLengthValidator)
    return Field(
        name=column.name,
        wire=wire_name(column.name),
        column=column.attname,
        type=kind,
        required=not column.blank and not column.has_default() and not column.null,
        read_only=not column.editable or column.name in set_by,
        set_by=set_by.get(column.name, ()),
        moves=isinstance(column, columns.StatusField),
        given_by=getattr(column, "path_from", None),
        suggests=getattr(column, "suggests", ()),
        # Not fields with their own set of values, such as currencies.
        listed=(listed := _is_listed(noun, column)),
        list_of=(getattr(column, "list_of", "") or f"{noun.__name__}.{wire_name(column.name)}")
        if listed
        else "",
        example=getattr(column, "example", None),
        offers=getattr(column, "offers", None),
        told=getattr(column, "told", False),
        for_programs=getattr(column, "for_programs", False),
        unique=column.name in noun.unique_fields,
        indexed=column.name in _indexed_columns(noun),
        choices=values_of(column),
        to=to.__name__ if to else None,
        prefix=to.prefix if to else None,
        cascades=getattr(column.remote_field, "on_delete", None) is models.CASCADE,
        inverse=_inverse_name(column),
        minimum=getattr(column, "minimum", None),
        maximum=getattr(column, "maximum", getattr(column, "most", None)),
        max_length=getattr(column, "MAX_LENGTH", None)
        or getattr(column, "length", None)
        or column.max_length,
        nullable=column.null,
        default=default,
        unit=getattr(column, "unit", ""),
        per=getattr(column, "per", ""),
        day_if=getattr(column, "day_if", None),
        done_at=getattr(column, "done_at", None),
        near_at=getattr(column, "near_at", None),
        normalize=getattr(column, "normalize", None),
        change=getattr(column, "change", None),
        unite=getattr(column, "unite", None),
        list_name=getattr(column, "list_name", ""),
        beside=getattr(column, "beside", ()),
        item=_item(noun, column),
        kept_as=_kept_as(noun, column),
        parts=isinstance(column, columns.ExternalIds),
        keys=getattr(column, "keys", ()),
        kinds=getattr(column, "kinds", None),
        filters=getattr(column, "filters", False),
        description=str(column.help_text),
        form_help=getattr(column, "form_help", ""),
        form_value=getattr(column, "form_value", None),
        label=str(column.verbose_name).capitalize(),
        # The declared validators without those that Django adds, which the stubs do not know.
        validators=tuple(
            v
            for v in (vars(column)["_validators"] if kind != "url" else ())
            if not isinstance(v, bounds)
        ),
    )


def _item(noun: type[Record], column: models.Field) -> Field | None:
    """Returns the field that describes each value of a column with further values, or None."""
    if not isinstance(column, columns.Others):
        return None
    columns_here = noun._meta.concrete_fields
    first = _field(noun, next(each for each in columns_here if each.name == column.beside[0]), {})
    return replace(first, required=False, clearable=True, read_only=False, unique=False)


def _kept_as(noun: type[Record], column: models.Field) -> str:
    """Returns the name under which a unique column and its further values are kept in the table of unique
    values."""
    if isinstance(column, columns.Others):
        first = column.beside[0]
    elif any(
        isinstance(other, columns.Others) and other.beside[0] == column.name
        for other in noun._meta.concrete_fields
    ):
        first = column.name
    else:
        return ""
    return f"{noun.prefix}.{first}" if first in noun.unique_fields else ""


def _is_listed(noun: type[Record], column: models.Field) -> bool:
    """Whether a tenant keeps its own list of a column's values."""
    if noun.Surface.setting:
        return False
    if isinstance(column, columns.Choice):
        return column.listed
    return type(column) is columns.String and bool(column.suggests)


def _indexed_columns(noun: type[Record]) -> set[str]:
    return {name.lstrip("-") for index in noun._meta.indexes for name in index.fields[1:2]}


def _inverse_name(column: models.Field) -> str | None:
    other = column.remote_field
    accessor = other.get_accessor_name() if other and not other.hidden else None
    return wire_name(accessor) if accessor else None


def as_noun(model: Any) -> type[Record] | None:
    """Returns the model at the other end of a relation, if it is a noun."""
    return model if isinstance(model, type) and issubclass(model, Record) else None


def values_of(column: models.Field[Any, Any]) -> tuple[str, ...]:
    """Returns the values that a column with a closed list may hold."""
    if isinstance(column, columns.StatusField):
        return column.states
    return column.values if isinstance(column, columns.Choice) else ()
