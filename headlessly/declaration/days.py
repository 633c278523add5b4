"""Days and moments as people write them (``30 days ago``, ``today``), and moments that stand for a whole day.

A day depends on the reader: it begins in their time zone (Django's current one; UTC for programs). A moment
that stands for a day, such as that of an all-day task, stands for its day in UTC, everywhere.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.context import clock, fiscal_year
from headlessly.language.moments import months_on

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: The units of fixed length, and those that the calendar measures, in months.
UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
MONTHS = {"mo": 1, "y": 12}
#: The units as people write them, singular or plural.
WORDS = {
    "m": "m|mins?|minutes?",
    "h": "h|hrs?|hours?",
    "d": "d|days?",
    "w": "w|weeks?",
    "mo": "mo|months?",
    "y": "y|yrs?|years?",
}
_UNIT = "|".join(f"(?P<{unit}>{words})" for unit, words in WORDS.items())
RELATIVE = re.compile(rf"(?P<count>\d{{1,5}})\s*(?:{_UNIT})\s+(?P<direction>ago|from now)\Z", re.I)
NAMED = {"yesterday": -1, "today": 0, "tomorrow": 1}
#: The periods of the calendar that have a start, and how many months each is long. Weeks begin on Monday
#: (ISO 8601), in reports, filters and calendars alike.
STRETCHES = {"week": 0, "month": 1, "quarter": 3, "year": 12}
AWAY = {"last": -1, "this": 0, "next": 1}
#: Names for the starts of periods, relative to the current one: ``start of last quarter``.
STARTS = {
    f"start of {which} {stretch}": (stretch, away)
    for stretch in STRETCHES
    for which, away in AWAY.items()
}


def describe_relative_forms() -> str:
    """Returns what may be used instead of a date, for the error about a date that cannot be read."""
    return _(
        "Or say when from now: now, today, yesterday, tomorrow, 30 days ago, 7d ago, 2 weeks from now "
        "(minutes, hours, days, weeks, months, years), start of this quarter (last, this, next; week, month, "
        "quarter, year)."
    )


def parse_relative(text: str) -> tuple[int, str, str] | None:
    """Returns the count, the unit (a key of :data:`WORDS`), and ``ago`` or ``from now``; None for other
    text."""
    match = RELATIVE.match(text.strip())
    if match is None:
        return None
    unit = next(unit for unit in WORDS if match[unit])
    return int(match["count"]), unit, match["direction"].lower()


def is_relative(text: str) -> bool:
    return _lowered(text) in ("now", *NAMED, *STARTS) or parse_relative(text) is not None


def today() -> date:
    return day_of(clock.now())


def day_of(moment: datetime) -> date:
    """Returns the day of ``moment`` in the reader's time zone."""
    return moment.astimezone(timezone.get_current_timezone()).date()


def start_of_day(day: date) -> datetime:
    """Returns the moment at which ``day`` begins for the reader."""
    return datetime.combine(day, time(), timezone.get_current_timezone()).astimezone(UTC)


def utc_text(moment: datetime) -> str:
    """Returns a moment as filters and addresses write it: ``2026-01-31T09:00:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def named_day(text: str) -> date | None:
    """Returns the reader's day for ``"yesterday"``, ``"today"`` or ``"start of last quarter"``; None for
    other text."""
    said = _lowered(text)
    if said in STARTS:
        return start_of_stretch(today(), *STARTS[said])
    offset = NAMED.get(said)
    return None if offset is None else today() + timedelta(days=offset)


def start_of_stretch(day: date, stretch: str, away: int = 0) -> date:
    """Returns the first day of the week, month, quarter or year with ``day`` in it, or of the one ``away``
    from that. Quarters and years are those of the fiscal year."""
    if stretch == "week":
        return day + timedelta(weeks=away, days=-day.weekday())
    months = STRETCHES[stretch]
    over = (day.month - fiscal_year.first_month()) % months
    return months_on(day.replace(day=1), away * months - over)


def relative_moment(text: str) -> datetime | None:
    """Returns the moment for ``"7d ago"``, ``"2 weeks from now"``, ``"today"``, ``"now"``; None for other
    text.

    Raises ValueError if it is out of range.
    """
    if _lowered(text) == "now":
        return clock.now()
    if (day := named_day(text)) is not None:
        return start_of_day(day)
    if (found := parse_relative(text)) is None:
        return None
    try:
        return moment_from(clock.now(), found)
    except (OverflowError, ValueError):
        raise ValueError(_("This moment is out of range.")) from None


def relative_day(text: str) -> date | None:
    """Returns the day for the same words, counted from the reader's own today. Raises ValueError."""
    if (day := named_day(text)) is not None:
        return day
    found = parse_relative(text)
    try:
        if found is not None and found[1] not in ("m", "h"):
            return _day_from(today(), found)
        moment = relative_moment(text)
        return None if moment is None else day_of(moment)
    except (OverflowError, ValueError):
        raise ValueError(_("This day is out of range.")) from None


def _lowered(text: str) -> str:
    return " ".join(text.lower().split())


def moment_from(moment: datetime, distance: tuple[int, str, str]) -> datetime:
    """Returns the moment at this distance, as :func:`parse_relative` returns it. Months and years keep the
    reader's time of day. Raises OverflowError or ValueError if it is out of range."""
    unit = distance[1]
    if unit in UNITS:
        return moment + _count(distance) * UNITS[unit]
    local = moment.astimezone(timezone.get_current_timezone())
    day = _day_from(local.date(), distance)
    return datetime.combine(day, local.timetz()).astimezone(UTC)


def _day_from(day: date, distance: tuple[int, str, str]) -> date:
    unit = distance[1]
    if unit in UNITS:
        return day + _count(distance) * UNITS[unit]
    return months_on(day, _count(distance) * MONTHS[unit])


def _count(distance: tuple[int, str, str]) -> int:
    return -distance[0] if distance[2] == "ago" else distance[0]


# -- moments that stand for a day ---------------------------------------------------------------------


def moment_of_day(day: date) -> datetime:
    """Returns the first moment that stands for ``day``; all moments of its day in UTC do."""
    return datetime.combine(day, time(), UTC)


def moment_of_its_day(moment: datetime) -> datetime:
    """Returns a moment, in UTC, that stands for the day of ``moment`` in its own time zone."""
    in_utc = moment.astimezone(UTC)
    return in_utc if in_utc.date() == moment.date() else moment_of_day(moment.date())


def whole_day(record: Record, field: Field) -> date | None:
    """Returns the day that a moment of ``record`` stands for; None if it is empty or a moment of its own."""
    if field.day_if is None or not getattr(record, field.day_if):
        return None
    moment = getattr(record, field.column)
    return None if moment is None else moment.astimezone(UTC).date()


def deadline(record: Record, field: Field) -> Any:
    """Returns the moment after which ``field`` of ``record`` is over: a whole day ends with the reader's
    day."""
    day = whole_day(record, field)
    return getattr(record, field.column) if day is None else start_of_day(day + timedelta(days=1))
