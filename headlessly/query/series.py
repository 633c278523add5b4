"""Numbers over time: the days, weeks or months of a period, and how many records are in each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import DateTimeField, F
from django.db.models.expressions import RawSQL
from django.db.models.functions import TruncDate

from headlessly.declaration import indexes
from headlessly.query.filters import find_field
from headlessly.query.periods import Period
from headlessly.query.reports import Records, Slice

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: A series has a point for each day up to this many days, then for each week, and then for each month.
MOST_DAYS, MOST_WEEKS = 31, 190


def step_of(period: Period) -> str:
    length = (period.end - period.first).days
    return "day" if length <= MOST_DAYS else "week" if length <= MOST_WEEKS else "month"


def parts_of(slice: Slice) -> list[Slice]:
    """Returns the days, weeks (from Monday) or months of a slice; its ends may cut the first and the last."""
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
    """Returns how many records have their day or moment ``name`` (on the wire) in each of the consecutive
    parts."""
    return [groups.total() for groups in count_groups_by_part(records, name, parts)]


def count_groups_by_part(
    records: Records, name: str, parts: Sequence[Slice], *columns: str
) -> list[Counter[tuple[Any, ...]]]:
    """Returns these numbers for each combination of values in ``columns``.

    Counted along an index of the moment if there is one, else in one pass grouped by day.
    """
    field = find_field(records.noun, name)
    if records.as_of is None and indexes.has_index_of_ranges(records.noun, field.column):
        return _count_each(records, field, parts, columns)
    day = TruncDate(field.column) if field.type == "datetime" else F(field.column)
    days: dict[date, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for on, *values, count in records.count_groups("_day", *columns, made={"_day": day}):
        days[on][tuple(values)] += count
    none: Counter[tuple[Any, ...]] = Counter()
    return [sum((days.get(day, none) for day in _days_of(part.period)), none) for part in parts]


def groups_by_part(
    slice: Slice, noun: type[Record], name: str, *columns: str
) -> list[Counter[tuple[Any, ...]]]:
    """Returns for each part of a slice how many records with their moment ``name`` in it have which values in
    ``columns``. Several reports are sums of these, so that they are counted once."""
    return count_groups_by_part(slice.during(noun, name), name, parts_of(slice), *columns)


def _count_each(
    records: Records, field: Field, parts: Sequence[Slice], columns: Sequence[str]
) -> list[Counter[tuple[Any, ...]]]:
    """Counts the records of each part in one statement that reads each part separately."""
    bounds = [RawSQL(f"part.{end}", [], output_field=DateTimeField()) for end in ("first", "last")]
    inside = {f"{field.column}__gte": bounds[0], f"{field.column}__lt": bounds[1]}
    found: list[Counter[tuple[Any, ...]]] = [Counter() for _ in parts]
    try:
        queryset = records.queryset().filter(**inside).values_list(*(columns or ["pk"]))
        sql, given = queryset.query.sql_with_params()
    except EmptyResultSet:
        return found
    kind = "timestamptz" if field.type == "datetime" else "date"
    row = f"(%s, %s::{kind}, %s::{kind})"
    values: list[Any] = []
    for number, part in enumerate(parts):
        days = part.period.first, part.period.end
        values += [number, *(part.period.bounds if field.type == "datetime" else days)]
    names = [f"v{n}" for n in range(len(columns) or 1)]
    by = "".join(f"{name}, " for name in names) if columns else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT part.number, counted.* FROM (VALUES {', '.join([row] * len(parts))}) "
            "AS part (number, first, last) CROSS JOIN LATERAL "
            f"(SELECT {by}count(*) FROM ({sql}) AS found ({', '.join(names)})"
            f"{' GROUP BY ' + by[:-2] if columns else ''}) AS counted",
            (*values, *given),
        )
        for number, *group, count in cursor.fetchall():
            found[number][tuple(group)] = count
    return found


def _days_of(period: Period) -> list[date]:
    return [period.first + timedelta(days=n) for n in range((period.end - period.first).days)]
