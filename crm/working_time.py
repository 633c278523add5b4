"""Working time: how much of it lies between two moments, and when a given amount of it has passed.

Hours are those that a clock on the wall shows. In the night in which clocks go back, a minute counts as often
as the clock shows it; in the night in which they go forward, skipped minutes do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

import holidays

MINUTES_A_DAY = 24 * 60
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
#: How many days ahead working time is looked for.
FURTHEST = 1_100


class NoWorkingTime(ValueError):
    """Raised if the calendar has no working time for years."""


def no_day_off(day: date) -> bool:
    return False


@dataclass(frozen=True)
class WorkingTime:
    """When people work: the hours of a week in a time zone, and the days off."""

    zone: tzinfo = UTC
    #: The stretches of work of each day from Monday on, in minutes since midnight, in order.
    week: tuple[tuple[tuple[int, int], ...], ...] = (((0, MINUTES_A_DAY),),) * 7
    is_day_off: Callable[[date], bool] = no_day_off

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Returns how much working time lies between `start` and `end`, or nothing if `end` is earlier."""
        found = timedelta(0)
        for first, last in self._stretches(start, end):
            found += last - first
        return found

    def after(self, start: datetime, minutes: float) -> datetime:
        """Returns the first moment at which so many working minutes have passed since `start`.

        Raises NoWorkingTime if that takes years.
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
        """Returns the start and end of the next stretch of work, which begins at `moment` if that is in one.

        Returns None if nobody works for years.
        """
        return next(self._stretches(moment, moment + DAY * FURTHEST), None)

    def _stretches(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yields the stretches of work from `start` to `end`, in order."""
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
        """Yields the days of the zone from `start` to `end`, with their offset.

        A day on which clocks change comes in two parts, so that each part has one offset.
        """
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
        """Returns the first second after `start` at which the zone has another offset."""
        start, end = start.replace(microsecond=0), end.replace(microsecond=0) + SECOND
        low, high = 0, int((end - start).total_seconds())
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(start + timedelta(seconds=middle)) == offset:
                low = middle
            else:
                high = middle
        return start + timedelta(seconds=high)


#: For tenants without a calendar: people work always.
AROUND_THE_CLOCK = WorkingTime()


@lru_cache(maxsize=1_000)
def public_holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    """Returns the public holidays of a country or region in a year, including the days on which they are
    observed."""
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))


@lru_cache(maxsize=1)
def regions_by_country() -> dict[str, list[str]]:
    """Returns the codes of the countries with known holidays, each with the codes of its regions."""
    return holidays.list_supported_countries(include_aliases=False)
