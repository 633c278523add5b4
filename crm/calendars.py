"""The calendars by which time is counted. They are kept with the tenant's shape, so that they are read
once."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from django.utils import timezone

from crm.models import Calendar
from crm.working_time import AROUND_THE_CLOCK, FURTHEST, NoWorkingTime, WorkingTime
from headlessly.access import actors
from headlessly.declaration.shapes import cached_by_shape, current_shape
from headlessly.shaping.changing import renew_shape_after

renew_shape_after(Calendar)  # what was counted by the former calendar stays


@cached_by_shape
def working_time() -> WorkingTime:
    """Returns when people of the active tenant work.

    That is the default calendar's working time, or the oldest calendar's. A tenant without calendars works
    always.
    """
    if current_shape() is None:  # a tenant that ever had a calendar has a shape
        return AROUND_THE_CLOCK
    with actors.acting(actors.SYSTEM):
        found = Calendar.objects.order_by("-is_default", "created_at", "pk").first()
        return AROUND_THE_CLOCK if found is None else found.working_time()


@cached_by_shape
def hours_by_calendar() -> dict[str, WorkingTime]:
    """Returns the working time of each calendar of the active tenant, by the calendar's id."""
    if current_shape() is None:
        return {}
    with actors.acting(actors.SYSTEM):
        return {each.pk: each.working_time() for each in Calendar.objects.order_by()}


def office_zone() -> tzinfo:
    """Returns the time zone in which times of day are meant: the calendar's, if the tenant has one."""
    hours = working_time()
    return timezone.get_current_timezone() if hours is AROUND_THE_CLOCK else hours.zone


def is_working_day(day: date) -> bool:
    """Whether people work on a day, by the tenant's calendar; without one, from Monday to Friday."""
    hours = working_time()
    if hours is AROUND_THE_CLOCK:
        return day.weekday() < 5
    return bool(hours.week[day.weekday()]) and not hours.is_day_off(day)


def next_working_moment(moment: datetime, at: time) -> datetime:
    """Returns the first moment from `moment` on at which it is `at` on a working day.

    Raises NoWorkingTime if there is none for years.
    """
    zone = office_zone()
    day = moment.astimezone(zone).date()
    for _day in range(FURTHEST):
        found = datetime.combine(day, at, zone)
        if found >= moment and is_working_day(day):
            return found
        day += timedelta(days=1)
    raise NoWorkingTime
