"""The rows that a filter selects from: current records, or their versions at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from headlessly.log import versions

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


MAX_WORDS = 10

NOTHING = Q(pk__in=())

EVERYTHING = ~NOTHING


@dataclass(frozen=True)
class Scope:
    """The rows that a filter selects from: a noun's current records, or their versions at a moment."""

    noun: type[Record]
    as_of: datetime | versions.RowsMoment | None = None

    @property
    def moment(self) -> datetime | None:
        """The moment of all rows; None for current records, or if each row has its own."""
        return self.as_of if isinstance(self.as_of, datetime) else None

    def queryset(self) -> models.QuerySet[Any]:
        """Returns the records of the active tenant, or their versions."""
        if self.as_of is None:
            return self.noun.objects.all()
        return versions.versions_at(self.noun, self.as_of)

    @property
    def key(self) -> str:
        """The column with the record's id."""
        return "pk" if self.as_of is None else "record"

    def for_noun(self, noun: type[Record]) -> Scope:
        """Returns the scope behind a reference, at the same moment."""
        inner = isinstance(self.as_of, versions.RowsMoment)
        return Scope(noun, self.as_of.within() if inner else self.as_of)  # type: ignore[union-attr]
