"""On which days records stand (``Surface.calendar``), and the first of each day of a stretch.

Days are the reader's. One statement reads the records of the stretch, however many days it has: the moment
by which a record stands there bounds it, so that an index on the tenant and that moment finds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest, TruncDate
from django.utils import timezone

from headlessly.declaration import days
from headlessly.declaration.indexes import first_filled
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.declaration.surface import CalendarView

#: Records that last several days come first in each, then those of the whole day, then the others by time.
FIRST_OF_EACH_DAY = """
SELECT id, day, many FROM (
    SELECT id, day::date AS day, count(*) OVER (PARTITION BY day) AS many,
        row_number() OVER (PARTITION BY day ORDER BY until > since DESC, whole DESC, moment, id) AS place
    FROM ({found}) AS found (id, moment, whole, since, until)
    CROSS JOIN LATERAL generate_series(
        greatest(since, %s)::timestamp, least(until, %s)::timestamp, interval '1 day'
    ) AS day
) AS placed
WHERE place <= %s ORDER BY day, place
"""


@dataclass(frozen=True)
class PlacedRecord:
    """A record on one of its days, and how many stand on that day."""

    id: str
    day: date
    many: int


def calendar_of(noun: type[Record]) -> CalendarView:
    """Returns the calendar that a noun declares. Raises TypeError."""
    if noun.Surface.calendar is None:
        raise TypeError(f"{noun.__name__} has no calendar.")
    return noun.Surface.calendar


def placing_fields(noun: type[Record]) -> list[Field]:
    """Returns the fields by which a record stands on a calendar: the first that has a value counts."""
    names = [calendar_of(noun).start, noun.Surface.due or ""]
    return [noun.schema.by_name[name] for name in dict.fromkeys(filter(None, names))]


def moment_of(noun: type[Record]) -> Any:
    """Returns the expression of the moment, or day, at which a record begins on a calendar."""
    return first_filled(*(field.column for field in placing_fields(noun)))


def first_of_each_day(
    found: models.QuerySet, since: date, until: date, limit: int
) -> list[PlacedRecord]:
    """Returns the records among ``found`` on each day from ``since`` to ``until``, at most ``limit`` of a
    day, in the order of a calendar."""
    noun: Any = found.model
    declared, fields = calendar_of(noun), placing_fields(noun)
    end = noun.schema.by_name[declared.end] if declared.end else None
    back = declared.longest if end is not None else timedelta(0)
    low, high = bounds(noun, since - back, until)
    first = _day("calendar_moment", fields[0])
    placed = (
        found.order_by()
        .annotate(calendar_moment=moment_of(noun))
        .filter(calendar_moment__gte=low, calendar_moment__lt=high)
        .values_list(
            "pk",
            "calendar_moment",
            F(fields[0].day_if) if fields[0].day_if else Value(fields[0].type == "date"),
            first,
            _last_day(declared, fields[0], end, first) if end is not None else first,
        )
    )
    try:
        sql, parameters = placed.query.sql_with_params()
    except EmptyResultSet:  # no record can match the filter
        return []
    with connection.cursor() as cursor:
        cursor.execute(FIRST_OF_EACH_DAY.format(found=sql), [*parameters, since, until, limit])
        return [PlacedRecord(*row) for row in cursor.fetchall()]


def days_of(record: Record) -> tuple[date, date] | None:
    """Returns the first and the last day on which a record stands; None if it stands on none."""
    noun = type(record)
    field = next((f for f in placing_fields(noun) if getattr(record, f.column) is not None), None)
    if field is None:
        return None
    first = last = day_in(record, field)
    end = calendar_of(noun).end
    if end and field.name == calendar_of(noun).start and getattr(record, end) is not None:
        last = day_in(record, noun.schema.by_name[end], closes=True)
    return first, max(first, last)


def day_in(record: Record, field: Field, *, closes: bool = False) -> date:
    """Returns the reader's day of a field that has a value. A moment that ``closes`` something belongs to the
    day before where it is midnight."""
    value = getattr(record, field.column)
    if field.type == "date":
        return value
    if (day := days.whole_day(record, field)) is not None:
        return day
    return days.day_of(value - timedelta(microseconds=1) if closes else value)


def shifted(record: Record, away: int) -> dict[str, str]:
    """Returns the dates by which a record stands on a calendar, and its reminder, ``away`` days later, as
    input of ``update``. Times stay what they are on the reader's clock. Raises OverflowError."""
    noun = type(record)
    names = [*(f.name for f in placing_fields(noun)), calendar_of(noun).end, noun.Surface.reminds]
    found: dict[str, str] = {}
    for name in dict.fromkeys(filter(None, names)):
        field = noun.schema.by_name[name]
        value = getattr(record, field.column)
        if value is None:
            continue
        if field.type == "date":
            found[name] = (value + timedelta(days=away)).isoformat()
        elif (day := days.whole_day(record, field)) is not None:
            found[name] = (day + timedelta(days=away)).isoformat()
        else:
            local = value.astimezone(timezone.get_current_timezone())
            found[name] = (local + timedelta(days=away)).isoformat()
    return found


def span_of(record: Record) -> tuple[date | datetime, date | datetime | None]:
    """Returns when a record begins and ends: two moments, or its first and last day. The end may be None.
    Raises ValueError for a record that stands on no day."""
    noun = type(record)
    field = next((f for f in placing_fields(noun) if getattr(record, f.column) is not None), None)
    whole = days_of(record)
    if field is None or whole is None:
        raise ValueError(f"{record.pk} stands on no day.")
    moment = getattr(record, field.column)
    if field.type == "date" or days.whole_day(record, field) is not None:
        return whole
    declared = calendar_of(noun)
    ends = declared.end if field.name == declared.start else ""
    return moment, getattr(record, ends) if ends else None


def bounds(noun: type[Record], since: date, until: date) -> tuple[Any, Any]:
    """Returns between which moments all records of these days begin, those of whole days and the others: for
    an index. The second one is beyond them."""
    after = until + timedelta(days=1)
    if placing_fields(noun)[0].type == "date":
        return since, after
    starts = (days.start_of_day(since), days.moment_of_day(since))
    return min(starts), max(days.start_of_day(after), days.moment_of_day(after))


def _day(name: str, field: Field) -> Any:
    """Returns the expression of the reader's day of an expression like ``field``."""
    if field.type == "date":
        return F(name)
    here = TruncDate(name, tzinfo=timezone.get_current_timezone())
    if not field.day_if:
        return here
    return Case(When(**{field.day_if: True}, then=TruncDate(name, tzinfo=UTC)), default=here)


def _last_day(declared: CalendarView, field: Field, end: Field, first: Any) -> Any:
    """Returns the expression of the last day: that of the end where the record stands by its start."""
    if end.type == "date":
        last: Any = F(end.column)
    else:
        closed = F(end.column) - Value(timedelta(microseconds=1))
        here = TruncDate(
            models.ExpressionWrapper(closed, models.DateTimeField()),
            tzinfo=timezone.get_current_timezone(),
        )
        last = here
        if end.day_if:
            whole = When(**{end.day_if: True}, then=TruncDate(end.column, tzinfo=UTC))
            last = Case(whole, default=here)
    if not declared.start:
        return first
    return Case(
        When(Q(**{f"{declared.start}__isnull": True}), then=first), default=Greatest(first, last)
    )
