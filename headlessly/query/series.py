"""Numbers over time: the days, weeks or months of a period, and how many records each of them has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import F
from django.db.models.functions import TruncDate

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
    follow each other. One pass over them, grouped by day."""
    field = find_field(records.noun, name)
    day = TruncDate(field.column) if field.type == "datetime" else F(field.column)
    counts = {d: n for d, n in records.count_groups("_day", made={"_day": day}) if d is not None}
    return [sum(counts.get(day, 0) for day in _days_of(part.period)) for part in parts]


def _days_of(period: Period) -> list[date]:
    return [period.first + timedelta(days=n) for n in range((period.end - period.first).days)]
