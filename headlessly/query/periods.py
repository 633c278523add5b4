"""The period of a report, and the one that it is compared with.

Days begin and end in the current time zone (Django's: UTC by default). A period that is not over ends today,
and is compared with the same days of the previous one: half a month against a whole one would always look
like a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import formats
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from headlessly.context import fiscal_year
from headlessly.declaration import days
from headlessly.declaration.values import parse_iso_day
from headlessly.errors import InvalidFilter

#: The bounds of a period, and its maximum length in days.
EARLIEST, LATEST, LONGEST = date(1990, 1, 1), date(2100, 1, 1), 3_660
DEFAULT = "last_90_days"


@dataclass(frozen=True)
class Period:
    """The days from ``first`` until before ``end``; its names fit into a sentence."""

    first: date
    end: date
    name: str
    first_before: date
    end_before: date
    name_before: str
    preset: str = ""  #: its name in an address; empty if that has the days

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The first moment, and the first one after the end."""
        return days.start_of_day(self.first), days.start_of_day(self.end)

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def before(self) -> Period:
        """The period that it is compared with; that one has no earlier one of its own."""
        return Period(
            self.first_before,
            self.end_before,
            self.name_before,
            self.first_before,
            self.end_before,
            self.name_before,
        )


def read_period(given: Mapping[str, str], day: date | None = None) -> Period:
    """Returns the period in an address: ``period=last_month``, or ``from=2026-01-01&to=2026-03-31``. ``day``
    is the current day of the report, by default today.

    Raises InvalidFilter, which names the parameter and what is allowed.
    """
    if day is not None:
        check_day(day, "asOf")
    if given.get("from") or given.get("to"):
        return period_between(
            _read_day("from", given.get("from", "")), _read_day("to", given.get("to", ""))
        )
    name = given.get("period") or DEFAULT
    if name not in PRESETS:
        allowed = ", ".join(PRESETS)
        raise InvalidFilter(
            _("period: use one of %(names)s, or from and to.") % {"names": allowed}, field="period"
        )
    return PRESETS[name][1](day or days.today())


def _read_day(name: str, text: str) -> date:
    if not text and name == "to":
        return days.today()
    try:
        found = parse_iso_day(text)
    except ValueError:
        raise InvalidFilter(
            _("%(name)s: use a day like 2026-01-31.") % {"name": name}, field=name
        ) from None
    check_day(found, name)
    return found


def check_day(day: date, name: str) -> None:
    """Raise InvalidFilter for a day so far away that reckoning its months would leave the calendar."""
    if not EARLIEST <= day < LATEST:
        raise InvalidFilter(
            _("%(name)s: use a day from %(first)s to %(last)s.")
            % {"name": name, "first": EARLIEST, "last": LATEST - timedelta(days=1)},
            field=name,
        )


def period_between(first: date, last: date) -> Period:
    """Returns the period from ``first`` to ``last``, both included. Raises InvalidFilter."""
    if last < first:
        raise InvalidFilter(
            _("to: use a day from %(first)s on, for that is where it begins.") % {"first": first},
            field="to",
        )
    length = last - first + timedelta(days=1)
    if length.days > LONGEST:
        raise InvalidFilter(_("to: choose ten years at the most."), field="to")
    said = _("%(first)s to %(last)s") % {"first": format_day(first), "last": format_day(last)}
    return _period_of_days(first, first + length, said, "")


def format_day(day: date) -> str:
    """Returns ``Jan 31, 2026``."""
    return formats.date_format(day, "DATE_FORMAT")


def _period_of_days(first: date, end: date, name: str, preset: str) -> Period:
    """Returns a period that is compared with as many days before it."""
    days = (end - first).days
    before = _("the day before") if days == 1 else _("the %(days)s days before") % {"days": days}
    return Period(first, end, name, first - (end - first), first, before, preset)


def _month_name(first: date, day: date) -> str:
    """Returns ``March``, with its year if that is not the year of ``day``."""
    return date_format(first, "F" if first.year == day.year else "F Y")


def _period_under_way(
    day: date, first: date, before: date, names: tuple[str, str], preset: str
) -> Period:
    end = day + timedelta(days=1)
    end_before = min(before + (end - first), first)
    return Period(first, end, names[0], before, end_before, names[1], preset)


def _this_week(day: date) -> Period:
    first, before = (days.start_of_stretch(day, "week", away) for away in (0, -1))
    names = _("this week so far"), _("the same days of the week before")
    return _period_under_way(day, first, before, names, "this_week")


def _last_week(day: date) -> Period:
    return _period_that_is_over(day, "week", _week_name)


def _week_name(first: date) -> str:
    return _("the week from %(day)s") % {"day": format_day(first)}


def _this_month(day: date) -> Period:
    first, before = (days.start_of_stretch(day, "month", away) for away in (0, -1))
    names = (
        _("%(month)s so far") % {"month": _month_name(first, day)},
        _("the same days of %(month)s") % {"month": _month_name(before, day)},
    )
    return _period_under_way(day, first, before, names, "this_month")


def _last_month(day: date) -> Period:
    return _period_that_is_over(day, "month", lambda first: _month_name(first, day))


def _period_that_is_over(day: date, stretch: str, name: Callable[[date], str]) -> Period:
    """Returns the whole calendar period before that of ``day``, compared with the one before it."""
    before, first, end = (days.start_of_stretch(day, stretch, away) for away in (-2, -1, 0))
    return Period(first, end, name(first), before, first, name(before), f"last_{stretch}")


def quarter_number(first: date) -> int:
    """Returns the number of the quarter that begins on ``first``, in its fiscal year."""
    return (first.month - fiscal_year.first_month()) % 12 // 3 + 1


def quarter_name(first: date) -> str:
    """Returns ``Q4 2026``, or ``Q4 2026/27``."""
    year = year_name(days.start_of_stretch(first, "year"))
    return _("Q%(number)s %(year)s") % {"number": quarter_number(first), "year": year}


def year_name(first: date) -> str:
    """Returns ``2026``, or ``2026/27`` for a fiscal year that does not begin in January."""
    return f"{first.year}" if first.month == 1 else f"{first.year}/{(first.year + 1) % 100:02}"


def _this_quarter(day: date) -> Period:
    first, before = (days.start_of_stretch(day, "quarter", away) for away in (0, -1))
    names = _("this quarter so far"), _("the same days of the quarter before")
    return _period_under_way(day, first, before, names, "this_quarter")


def _last_quarter(day: date) -> Period:
    return _period_that_is_over(day, "quarter", quarter_name)


def _this_year(day: date) -> Period:
    first, before = (days.start_of_stretch(day, "year", away) for away in (0, -1))
    names = (
        _("%(year)s so far") % {"year": year_name(first)},
        _("the same days of %(year)s") % {"year": year_name(before)},
    )
    return _period_under_way(day, first, before, names, "this_year")


def _last_year(day: date) -> Period:
    return _period_that_is_over(day, "year", year_name)


def _last_90_days(day: date) -> Period:
    end = day + timedelta(days=1)
    return _period_of_days(end - timedelta(days=90), end, _("the last 90 days"), "last_90_days")


#: By name in an address: the label, and the function that makes the period for a day.
PRESETS: dict[str, tuple[Any, Callable[[date], Period]]] = {
    "this_week": (gettext_lazy("This week"), _this_week),
    "last_week": (gettext_lazy("Last week"), _last_week),
    "this_month": (gettext_lazy("This month"), _this_month),
    "last_month": (gettext_lazy("Last month"), _last_month),
    "this_quarter": (gettext_lazy("This quarter"), _this_quarter),
    "last_quarter": (gettext_lazy("Last quarter"), _last_quarter),
    "this_year": (gettext_lazy("This year"), _this_year),
    "last_year": (gettext_lazy("Last year"), _last_year),
    "last_90_days": (gettext_lazy("Last 90 days"), _last_90_days),
}
