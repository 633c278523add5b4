"""Days and hours: when people work, and when leads come in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random

#: How busy each month is, January first: slow in summer and at the turn of the year.
SEASON = (0.86, 1.0, 1.16, 1.04, 1.06, 0.96, 0.74, 0.66, 1.18, 1.22, 1.14, 0.68)
WEEKDAY = (1.12, 1.2, 1.14, 1.08, 0.9, 0.22, 0.26)
YEAR = 365
GROWTH = 0.45  #: how many more leads come at the end of the year than at its start
OPENS, CLOSES = 8, 18


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def arrivals(rng: Random, first: date, count: int) -> list[date]:
    """Returns the days on which `count` leads come in, in order, within a year from `first`."""
    days = [first + timedelta(n) for n in range(YEAR)]
    weights = [
        SEASON[day.month - 1] * WEEKDAY[day.weekday()] * (1 + GROWTH * n / YEAR)
        for n, day in enumerate(days)
    ]
    return sorted(rng.choices(days, weights, k=count))


def any_hour(rng: Random, day: date) -> datetime:
    """Returns a moment of a day as visitors of a website choose it: mostly in daytime."""
    hour = min(max(rng.gauss(13.5, 3.6), 0.2), 23.8)
    return midnight(day) + timedelta(hours=hour, seconds=rng.randrange(60))


def office_hour(rng: Random, day: date) -> datetime:
    """Returns a moment of this working day, or of the next one."""
    return at_work(
        midnight(day) + timedelta(minutes=rng.randint(OPENS * 60 + 20, CLOSES * 60 - 30))
    )


def at_work(moment: datetime) -> datetime:
    """Returns `moment`, or the start of the next working day if nobody works then."""
    if moment.hour >= CLOSES:
        moment = midnight(moment.date() + timedelta(1)) + timedelta(
            hours=OPENS, minutes=(moment.minute * 7 + moment.second) % 80, seconds=moment.second
        )
    elif moment.hour < OPENS:
        moment = moment.replace(hour=OPENS + moment.hour % 2)
    while moment.weekday() >= 5:
        moment += timedelta(1)
    return moment


def later(rng: Random, moment: datetime, *, days: float = 0, hours: float = 0) -> datetime:
    """Returns a moment about so much later, in working time: never on the minute, never before `moment`."""
    distance = timedelta(days=days, hours=hours) * rng.uniform(0.7, 1.35)
    if days >= 1:
        # Not the same hour again: a day's work has no fixed order.
        return max(office_hour(rng, (moment + distance).date()), moment + timedelta(hours=1))
    return at_work(moment + distance + timedelta(seconds=rng.randrange(30, 300)))


def on_the_half_hour(moment: datetime) -> datetime:
    """Returns the start of an appointment."""
    return moment.replace(minute=30 * (moment.minute // 30), second=0, microsecond=0)
