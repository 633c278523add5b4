"""Which records fitted a condition at moments of the past, each at its own: thousands in one statement.

What a record refers to is looked at as it was when the record's version began.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from headlessly.access import actors, tenancy
from headlessly.database.prepared import execute_planned
from headlessly.declaration.record import Record
from headlessly.log.versions import RowsMoment, version_table
from headlessly.query import filters
from headlessly.query.scope import Scope

#: A record, by its id, and a moment.
Moment = tuple[str, datetime]

#: Of each record the version that held at a moment; of several that began then the last.
HELD = """
SELECT asked.place, held.seq
FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY AS asked(id, moment, place)
CROSS JOIN LATERAL (
    SELECT v.seq FROM {table} AS v
    WHERE v.tenant_id = %s AND v.id = asked.id AND v.valid_from <= asked.moment
      AND (v.valid_to IS NULL OR v.valid_to > asked.moment)
    ORDER BY v.valid_from DESC, v.seq DESC LIMIT 1
) AS held
"""


def fitted(noun: type[Record], filter: Mapping[str, Any], changes: Iterable[Moment]) -> set[Moment]:
    """Those of ``changes``, moments at which a record was changed, after which it fitted ``filter``: as the
    transaction left it. Raises InvalidFilter.
    """
    asked = set(changes)
    found = _versions(noun, filter).filter(
        record__in={record for record, _moment in asked},
        valid_from__in={moment for _record, moment in asked},
    )
    # Without what the same transaction changed again.
    found = found.exclude(valid_to=F("valid_from"))
    return asked & set(_rows(found, "record", "valid_from"))


def fitted_when_made(
    noun: type[Record], filter: Mapping[str, Any], records: Collection[str]
) -> set[str]:
    """Those of the records that fitted ``filter`` in their first version. Raises InvalidFilter."""
    found = _versions(noun, filter).filter(record__in=records, version=1)
    return {record for (record,) in _rows(found, "record")}


def versions_held(noun: type[Record], asked: list[Moment]) -> dict[Moment, int]:
    """The versions, by their numbers in the past, that held at these moments; none of what was not there."""
    sql = HELD.format(table=connection.ops.quote_name(version_table(noun)))
    ids, moments = [id for id, _moment in asked], [moment for _id, moment in asked]
    rows = execute_planned(sql, (ids, moments, tenancy.require().pk))
    return {asked[place - 1]: seq for place, seq in rows}


def fitting_versions(
    noun: type[Record], filter: Mapping[str, Any], versions: Collection[int]
) -> set[int]:
    """Those versions that fit ``filter``. Raises InvalidFilter."""
    found = _versions(noun, filter).filter(seq__in=versions)
    return {seq for (seq,) in _rows(found, "seq")}


def _versions(noun: type[Record], filter: Mapping[str, Any]) -> QuerySet[Any]:
    with actors.acting(actors.SYSTEM):
        condition = filters.compile_filter(Scope(noun, RowsMoment()), filter)
        past = noun.past.objects.filter(tenant_id=tenancy.require().pk, deleted_at=None)
        return past.filter(condition) if condition else past


def _rows(found: QuerySet[Any], *columns: str) -> list[tuple[Any, ...]]:
    with actors.acting(actors.SYSTEM):
        return list(found.order_by().values_list(*columns))
