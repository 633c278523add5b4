"""Look-ups of records by unique values, including records that were merged into others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models

from headlessly.declaration import values
from headlessly.declaration.folding import small_letters
from headlessly.declaration.refusals import RefusalMixin
from headlessly.log.unique_values import find_held_elsewhere, records_holding

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field


def having_unique(
    found: models.QuerySet[Any], field: Field, spelled: Iterable[Any]
) -> models.QuerySet[Any]:
    """Returns the records with one of these values of a unique field, in their stored spelling, ignoring
    case."""
    if field.is_custom or field.kept_as:
        return found.filter(pk__in=records_holding(field, spelled).values("record"))
    if field.type in values.TEXT_TYPES:
        small = {value.lower() for value in spelled}
        return found.alias(key=small_letters(field)).filter(key__in=small)
    return found.filter(**{f"{field.column}__in": spelled})


def find_holder(noun: type[Record], field: Field, value: Any) -> str | None:
    """Returns the id of the record that has this unique value now, in any spelling."""
    is_text = field.type in values.TEXT_TYPES
    spelled = values.normalize_operand(field, value) if is_text else value
    found = having_unique(noun.objects.all(), field, [spelled])
    # Not first(): its order by id would make the planner use the primary key.
    return next(iter(found.order_by().values_list("pk", flat=True)[:1]), None)


class UniqueLookupMixin(RefusalMixin):
    """The part of a noun that finds records by unique values."""

    class Meta:
        abstract = True

    @classmethod
    def find_id_by_unique(cls, field: Any, value: Any) -> str | None:
        """Returns the id of the record with this unique value; else that of the record into which it was
        merged."""
        if not values.is_storable(value):
            return None
        id = find_holder(cls, field, value)
        return id or next(iter(cls.survivors_by_unique(field, [value]).values()), None)

    def find_shared_value(self, fields: Iterable[Any]) -> tuple[Any, Any] | None:
        """Returns the first of these fields with a value that another record has too, and the value."""
        shared = ((field, find_held_elsewhere(self, field)) for field in fields)
        return next((found for found in shared if found[1] is not None), None)

    @classmethod
    def survivors_by_unique(cls, field: Any, wanted: Iterable[Any]) -> dict[str, str]:
        """Returns the ids of the records into which records with these values were merged, by the value in
        small letters. Callers look first for a record that has the value now."""
        if (
            field.is_custom
            or field.type not in values.TEXT_TYPES
            or not any(verb.merges for verb in cls.verbs.values())
        ):
            return {}
        keys = {values.normalize_operand(field, value).lower() for value in wanted}
        gone = cls.with_deleted.filter(successor__isnull=False).alias(key=small_letters(field))
        merged = gone.filter(key__in=keys).order_by("deleted_at")
        found = {key.lower(): id for key, id in merged.values_list(field.column, "successor")}
        return {
            key: id for key, first in found.items() if (id := cls.find_living(first)) is not None
        }

    @classmethod
    def find_living(cls, id: str | None) -> str | None:
        """Returns the id of the record at the end of a chain of merges, if it is not deleted."""
        while id is not None:
            row = cls.with_deleted.filter(pk=id).values_list("deleted_at", "successor").first()
            if row is None or row[0] is None:
                return id if row else None
            id = row[1]
        return None
