"""Which records fitted a condition at moments of the past, each at its own: thousands in one statement.

What a record refers to is taken as it was when the record's version began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import connection
from django.db.models import F, QuerySet

from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.database.prepared import execute_planned
from headlessly.declaration import days
from headlessly.declaration.record import Record
from headlessly.log.versions import RowsMoment, version_table
from headlessly.query import filters
from headlessly.query.conditions import moves_with_time
from headlessly.query.scope import Scope

T = TypeVar("T")
#: The id of a record, and a moment.
Moment = tuple[str, datetime]

#: The version of each record at a moment; if several began at that moment, the last of them.
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


def moments_that_fitted(
    noun: type[Record], filter: Mapping[str, Any], changes: Iterable[Moment]
) -> set[Moment]:
    """Returns which changes, given by record and moment, left the record fitting `filter`.

    A change is judged by what its transaction left. Raises InvalidFilter.
    """
    asked, found = set(changes), set()
    for group, then in _by_day(filter, asked, lambda change: change[1]):
        with then:
            versions = _versions(noun, filter)
        versions = versions.filter(
            record__in={record for record, _moment in group},
            valid_from__in={moment for _record, moment in group},
        )
        # Leaves out versions that the same transaction changed again.
        versions = versions.exclude(valid_to=F("valid_from"))
        found |= set(_rows(versions, "record", "valid_from"))
    return asked & found


def fitted_when_made(
    noun: type[Record], filter: Mapping[str, Any], made: Mapping[str, datetime]
) -> set[str]:
    """Returns which records fitted `filter` in their first version. Raises InvalidFilter.

    `made` gives the moment at which each record was created.
    """
    found: set[str] = set()
    for group, then in _by_day(filter, made, made.__getitem__):
        with then:
            versions = _versions(noun, filter)
        came = versions.filter(record__in=group, version=1)
        found |= {record for (record,) in _rows(came, "record")}
    return found


def versions_held(noun: type[Record], asked: list[Moment]) -> dict[Moment, int]:
    """Returns the numbers of the versions that held at these moments, without records that did not exist
    then."""
    sql = HELD.format(table=connection.ops.quote_name(version_table(noun)))
    ids, moments = [id for id, _moment in asked], [moment for _id, moment in asked]
    rows = execute_planned(sql, (ids, moments, tenancy.require().pk))
    return {asked[place - 1]: seq for place, seq in rows}


def fitting_versions(
    noun: type[Record], filter: Mapping[str, Any], versions: Mapping[Moment, int]
) -> set[Moment]:
    """Returns the moments whose versions fit `filter`. Raises InvalidFilter."""
    found: set[int] = set()
    for group, then in _by_day(filter, versions, lambda moment: moment[1]):
        with then:
            fitting = _versions(noun, filter)
        held = fitting.filter(seq__in={versions[moment] for moment in group})
        found |= {seq for (seq,) in _rows(held, "seq")}
    return {moment for moment, seq in versions.items() if seq in found}


def _by_day(
    filter: Mapping[str, Any], asked: Iterable[T], moment_of: Callable[[T], datetime]
) -> Iterator[tuple[list[T], AbstractContextManager[None]]]:
    """Yields the items in groups, each with a block in which relative dates are understood as they were then.

    A filter without relative dates such as "7d ago" needs one group; otherwise there is a group for each day.
    """
    if not moves_with_time(filter):
        yield list(asked), nullcontext()
        return
    by_day: dict[date, list[T]] = defaultdict(list)
    for each in asked:
        by_day[days.day_of(moment_of(each))].append(each)
    for group in by_day.values():
        yield group, clock.set_clock(max(map(moment_of, group)), purpose="trial")


def _versions(noun: type[Record], filter: Mapping[str, Any]) -> QuerySet[Any]:
    with actors.acting(actors.SYSTEM):
        condition = filters.compile_filter(Scope(noun, RowsMoment()), filter)
        past = noun.past.objects.filter(tenant_id=tenancy.require().pk, deleted_at=None)
        return past.filter(condition) if condition else past


def _rows(found: QuerySet[Any], *columns: str) -> list[tuple[Any, ...]]:
    with actors.acting(actors.SYSTEM):
        return list(found.order_by().values_list(*columns))
