"""Where a filter looks: records as they are now, or as they were at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from headlessly.log import versions

if TYPE_CHECKING:
    from headlessly.declaration.record import Record as Noun


MAX_WORDS = 10

NOTHING = Q(pk__in=())

EVERYTHING = ~NOTHING


@dataclass(frozen=True)
class Scope:
    """Where a filter looks: a noun's records now, or its versions at a moment."""

    noun: type[Noun]
    as_of: datetime | None = None

    def queryset(self) -> models.QuerySet:
        """The records of the active tenant, or their versions of then."""
        if self.as_of is None:
            return self.noun.objects.all()
        return versions.versions_at(self.noun, self.as_of)

    @property
    def key(self) -> str:
        """The column that holds the record's id."""
        return "pk" if self.as_of is None else "record"

    def for_noun(self, noun: type[Noun]) -> Scope:
        return Scope(noun, self.as_of)
