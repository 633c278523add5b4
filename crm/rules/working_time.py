"""When people work: the one place that says so to what waits for a working day."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.utils import timezone

#: Monday to Friday.
WORKING_DAYS = range(5)


def next_working_moment(moment: datetime, at: time) -> datetime:
    """The first moment from ``moment`` on at which it is ``at`` on a working day."""
    zone = timezone.get_current_timezone()
    day = moment.astimezone(zone).date()
    while True:
        found = datetime.combine(day, at, zone)
        if day.weekday() in WORKING_DAYS and found >= moment:
            return found
        day += timedelta(days=1)
