"""Stretches of time as aggregations name them: where each begins and ends, and its label."""

from __future__ import annotations

import re
from datetime import date, timedelta

from django.utils import formats
from django.utils.translation import gettext as _

from headlessly.context import fiscal_year
from headlessly.declaration import days
from headlessly.language.moments import months_on
from headlessly.query import periods
from headlessly.query.measures import UNITS

#: How many stretches a line has at most. Beyond it, those without a record are left out.
MAX_STRETCHES = 1_000
#: How an aggregation names a stretch, by unit.
NAMES = {
    "day": re.compile(r"(\d{4})-(\d\d)-(\d\d)\Z"),
    "week": re.compile(r"(\d{4})-W(\d\d)\Z"),
    "month": re.compile(r"(\d{4})-(\d\d)\Z"),
    "quarter": re.compile(r"(\d{4})-Q([1-4])\Z"),
    "year": re.compile(r"(\d{4})\Z"),
}
assert NAMES.keys() == UNITS.keys()


def first_day(unit: str, name: str) -> date | None:
    """Returns the first day of a stretch; None for an invalid name or a year outside the calendar."""
    found = NAMES[unit].match(name)
    if found is None:
        return None
    parts = [int(part) for part in found.groups()]
    try:
        match unit:
            case "day":
                return date(*parts)
            case "week":
                return date.fromisocalendar(parts[0], parts[1], 1)
            case "month":
                return date(parts[0], parts[1], 1)
            case "quarter":
                return months_on(_first_of_year(parts[0]), parts[1] * 3 - 3)
        return _first_of_year(parts[0])
    except ValueError:
        return None


def _first_of_year(year: int) -> date:
    """Returns the first day of the fiscal year that begins in ``year``."""
    return date(year, fiscal_year.first_month(), 1)


def day_after(unit: str, first: date) -> date:
    """Returns the first day of the stretch after the one that begins on ``first``."""
    if unit in ("day", "week"):
        return first + timedelta(days=7 if unit == "week" else 1)
    return months_on(first, days.STRETCHES[unit])


def stretch_label(unit: str, first: date) -> str:
    """Returns the label of a stretch: ``Nov. 28, 2026``, ``week 48, 2026``, ``November 2026``, ``Q4
    2026``, ``2026``."""
    match unit:
        case "day":
            return str(formats.date_format(first, "DATE_FORMAT"))
        case "week":
            year, week, _day = first.isocalendar()
            return _("week %(week)s, %(year)s") % {"week": week, "year": year}
        case "month":
            return str(formats.date_format(first, "YEAR_MONTH_FORMAT"))
        case "quarter":
            return periods.quarter_name(first)
    return periods.year_name(first)


def every_stretch(unit: str, days: list[date]) -> list[date]:
    """Returns the first days of all stretches from the earliest to the latest of ``days``, including empty
    ones; only the given ones if these would be too many."""
    given = sorted(set(days))
    if not given:
        return []
    found = [given[0]]
    while found[-1] < given[-1]:
        if len(found) >= MAX_STRETCHES:
            return given
        found.append(day_after(unit, found[-1]))
    return found


def short_label(unit: str, first: date) -> str:
    """Returns a label short enough for an axis: ``Nov 2026``, ``Q4 2026``."""
    match unit:
        case "day":
            return str(formats.date_format(first, "SHORT_DATE_FORMAT"))
        case "week":
            year, week, _day = first.isocalendar()
            return _("W%(week)s %(year)s") % {"week": week, "year": year}
        case "month":
            return str(formats.date_format(first, "M Y"))
    return stretch_label(unit, first)
