"""Which records fitted a condition at moments of the past, each at its own: thousands in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import F

from headlessly.access import actors, tenancy
from headlessly.declaration.record import Record
from headlessly.log.versions import RowsMoment
from headlessly.query import filters
from headlessly.query.scope import Scope

#: A record, by its id, and a moment at which it was changed.
Change = tuple[str, datetime]


def fitted(noun: type[Record], filter: Mapping[str, Any], changes: Iterable[Change]) -> set[Change]:
    """Those of ``changes`` after which their record fitted ``filter``: as the transaction left it, and what
    it referred to as it was then. Raises InvalidFilter.
    """
    asked = set(changes)
    with actors.acting(actors.SYSTEM):
        condition = filters.compile_filter(Scope(noun, RowsMoment()), filter)
        found = noun.past.objects.filter(
            tenant_id=tenancy.require().pk,
            record__in={record for record, _moment in asked},
            valid_from__in={moment for _record, moment in asked},
            deleted_at=None,
        ).exclude(valid_to=F("valid_from"))  # what the same transaction changed again
        if condition:
            found = found.filter(condition)
        return asked & set(found.order_by().values_list("record", "valid_from"))
