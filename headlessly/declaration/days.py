"""Days and moments as people say them: ``30 days ago``, ``today``, and moments that stand for a whole day.

A day belongs to whoever reads: it begins where they are (Django's current time zone; programs are in UTC). A
moment that stands for a day, like that of a task for all of it, stands for its day in UTC, everywhere.
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

#: The units that are always as long, and those of which the calendar says it, in months.
UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
MONTHS = {"mo": 1, "y": 12}
#: The same as people write them, one or many.
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
#: The stretches of the calendar that have a start, and how many months each is long.
STRETCHES = {"month": 1, "quarter": 3, "year": 12}
AWAY = {"last": -1, "this": 0, "next": 1}
#: When each of them begins, as people write it, by how far from the one under way.
STARTS = {
    f"start of {which} {stretch}": (stretch, away)
    for stretch in STRETCHES
    for which, away in AWAY.items()
}


def describe_relative_forms() -> str:
    """What may be said instead of a date, for the error about one that nobody understands."""
    return _(
        "Or say when from now: now, today, yesterday, tomorrow, 30 days ago, 7d ago, 2 weeks from now "
        "(minutes, hours, days, weeks, months, years), start of this quarter (last, this, next; month, "
        "quarter, year)."
    )


def parse_relative(text: str) -> tuple[int, str, str] | None:
    """How many, of what (a key of :data:`WORDS`), and ``ago`` or ``from now``; None for other text."""
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
    """The day on which ``moment`` is where one reads."""
    return moment.astimezone(timezone.get_current_timezone()).date()


def start_of_day(day: date) -> datetime:
    """The moment at which ``day`` begins where one reads."""
    return datetime.combine(day, time(), timezone.get_current_timezone()).astimezone(UTC)


def utc_text(moment: datetime) -> str:
    """A moment as filters and addresses say it: ``2026-01-31T09:00:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def named_day(text: str) -> date | None:
    """The day that ``"yesterday"``, ``"today"`` or ``"start of last quarter"`` is where one reads; None for
    other text."""
    said = _lowered(text)
    if said in STARTS:
        return start_of_stretch(today(), *STARTS[said])
    offset = NAMED.get(said)
    return None if offset is None else today() + timedelta(days=offset)


def start_of_stretch(day: date, stretch: str, away: int = 0) -> date:
    """The first day of the month, quarter or year that has ``day`` in it, or of the one so many away.
    Quarters and years are those of the fiscal year."""
    months = STRETCHES[stretch]
    over = (day.month - fiscal_year.first_month()) % months
    return months_on(day.replace(day=1), away * months - over)


def relative_moment(text: str) -> datetime | None:
    """The moment meant by ``"7d ago"``, ``"2 weeks from now"``, ``"today"``, ``"now"``; None for other text.

    Raises ValueError where there is no such moment.
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
    """The day meant by the same words, counted in days from the reader's own today."""
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
    """The moment as far from this one as :func:`parse_relative` read it: by months and years the same time of
    the same day, where one reads. Raises OverflowError or ValueError where there is none."""
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
    """The first moment that stands for ``day``; all of its day in UTC do."""
    return datetime.combine(day, time(), UTC)


def moment_of_its_day(moment: datetime) -> datetime:
    """``moment``, in UTC, as one that stands for the day on which it is in its own zone."""
    in_utc = moment.astimezone(UTC)
    return in_utc if in_utc.date() == moment.date() else moment_of_day(moment.date())


def whole_day(record: Record, field: Field) -> date | None:
    """The day that a moment of ``record`` stands for; None for one that is a moment, or is not there."""
    if field.day_if is None or not getattr(record, field.day_if):
        return None
    moment = getattr(record, field.column)
    return None if moment is None else moment.astimezone(UTC).date()


def deadline(record: Record, field: Field) -> Any:
    """The moment after which ``field`` of ``record`` is over: a whole day is when it ends where one reads."""
    day = whole_day(record, field)
    return getattr(record, field.column) if day is None else start_of_day(day + timedelta(days=1))
