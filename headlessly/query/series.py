"""Numbers over time: the days, weeks or months of a period, and how many records each of them has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F
from django.db.models.functions import TruncDate

from headlessly.declaration import indexes
from headlessly.query.filters import find_field
from headlessly.query.periods import Period
from headlessly.query.reports import Records, Slice

#: A series has a point for each day up to so many days, else for each week, else for each month.
MOST_DAYS, MOST_WEEKS = 31, 190


def step_of(period: Period) -> str:
    length = (period.end - period.first).days
    return "day" if length <= MOST_DAYS else "week" if length <= MOST_WEEKS else "month"


def parts_of(slice: Slice) -> list[Slice]:
    """The days, weeks (from Monday) or months of a slice; the first and the last may be cut by its ends."""
    step, start, found = step_of(slice.period), slice.period.first, []
    while start < slice.period.end:
        if step == "day":
            end = start + timedelta(days=1)
        elif step == "week":
            end = start + timedelta(days=7 - start.weekday())
        else:
            end = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(end, slice.period.end)
        part = Period(start, end, "", start, end, "")
        found.append(Slice(part, slice.narrowed, slice.as_of))
        start = end
    return found


def count_by_part(records: Records, name: str, parts: Sequence[Slice]) -> list[int]:
    """How many of the records have their day or moment ``name`` (on the wire) in each of the parts, which
    follow each other: counted along the index of its ranges where there is one, else in one pass over them,
    grouped by day."""
    field = find_field(records.noun, name)
    if records.as_of is None and indexes.has_index_of_ranges(records.noun, field.column):
        return _count_each(records.where(**part.bounds_of(name)) for part in parts)
    day = TruncDate(field.column) if field.type == "datetime" else F(field.column)
    counts = {d: n for d, n in records.count_groups("_day", made={"_day": day}) if d is not None}
    return [sum(counts.get(day, 0) for day in _days_of(part.period)) for part in parts]


def _count_each(parts: Iterable[Records]) -> list[int]:
    """How many records are in each, in one statement that asks for each by itself."""
    sql: list[str] = []
    parameters: list[Any] = []
    for part in parts:
        try:
            counted, given = part.queryset().values_list("pk").query.sql_with_params()
        except EmptyResultSet:
            counted, given = "SELECT NULL WHERE false", ()
        sql.append(f"(SELECT count(*) FROM ({counted}) AS part)")
        parameters += given
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(sql)}", parameters)
        return list(cursor.fetchone())


def _days_of(period: Period) -> list[date]:
    return [period.first + timedelta(days=n) for n in range((period.end - period.first).days)]
