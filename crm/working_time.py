"""Working time: how much of it lies between two moments, and when so much of it is over.

Hours are what a clock on the wall shows: a minute is worked in if the wall says so, however often it comes in
the night in which the clock goes back, and whether or not it comes in the one in which it goes forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

import holidays

MINUTES_A_DAY = 24 * 60
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
#: How far ahead working time is looked for, in days.
FURTHEST = 1_100


class NoWorkingTime(ValueError):
    """Nobody works for years, as the calendar says."""


def no_day_off(day: date) -> bool:
    return False


@dataclass(frozen=True)
class WorkingTime:
    """When is worked: the hours of a week, by the wall of a time zone, and the days off."""

    zone: tzinfo = UTC
    #: From Monday on, the stretches of a day that are worked in: in minutes since midnight, in order.
    week: tuple[tuple[tuple[int, int], ...], ...] = (((0, MINUTES_A_DAY),),) * 7
    is_day_off: Callable[[date], bool] = no_day_off

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time there is from ``start`` to ``end``; nothing where that is earlier."""
        found = timedelta(0)
        for first, last in self._stretches(start, end):
            found += last - first
        return found

    def after(self, start: datetime, minutes: float) -> datetime:
        """The first moment by which so many working minutes have passed since ``start``.

        Raises NoWorkingTime where that takes years.
        """
        left = timedelta(minutes=minutes)
        if left <= timedelta(0):
            return start
        for first, last in self._stretches(start, start + DAY * FURTHEST):
            if left <= last - first:
                return first + left
            left -= last - first
        raise NoWorkingTime

    def next_stretch(self, moment: datetime) -> tuple[datetime, datetime] | None:
        """From when to when is worked next, from ``moment`` on where that is now; None where nobody works for
        years."""
        return next(self._stretches(moment, moment + DAY * FURTHEST), None)

    def _stretches(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """What is worked in from ``start`` to ``end``, in order."""
        for first, last, offset in self._days(start.astimezone(UTC), end.astimezone(UTC)):
            wall = (first + offset).replace(tzinfo=None)
            midnight = datetime(wall.year, wall.month, wall.day)
            stretches = self.week[midnight.weekday()]
            if not stretches or self.is_day_off(midnight.date()):
                continue
            start_of_day = midnight.replace(tzinfo=UTC) - offset
            for begin, stop in stretches:
                opens = max(first, start_of_day + timedelta(minutes=begin))
                closes = min(last, start_of_day + timedelta(minutes=stop))
                if opens < closes:
                    yield opens, closes

    def _days(
        self, start: datetime, end: datetime
    ) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """The time from ``start`` to ``end`` by the days of the zone, each of one offset: the days on which
        the clock is changed come in parts."""
        while start < end:
            offset = self._offset(start)
            wall = (start + offset).replace(tzinfo=None)
            next_day = datetime(wall.year, wall.month, wall.day, tzinfo=UTC) + DAY - offset
            until = min(end, next_day)
            if self._offset(until) != offset:
                until = self._change(start, until, offset)
            yield start, until, offset
            start = until

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self.zone).utcoffset() or timedelta(0)

    def _change(self, start: datetime, end: datetime, offset: timedelta) -> datetime:
        """The first second after ``start`` at which the zone has another offset."""
        start, end = start.replace(microsecond=0), end.replace(microsecond=0) + SECOND
        low, high = 0, int((end - start).total_seconds())
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(start + timedelta(seconds=middle)) == offset:
                low = middle
            else:
                high = middle
        return start + timedelta(seconds=high)


#: Where nobody says when is worked: always.
AROUND_THE_CLOCK = WorkingTime()


@lru_cache(maxsize=1_000)
def public_holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    """The public holidays of a year in a country, or in one of its regions, and the days on which they are
    observed instead."""
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))


@lru_cache(maxsize=1)
def regions_by_country() -> dict[str, list[str]]:
    """The codes of the countries of which the holidays are known, each with those of its regions."""
    return holidays.list_supported_countries(include_aliases=False)
