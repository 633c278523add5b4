"""Working hours: the time between two moments, and the moment after so much of it, against each minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm import Calendar, Lead
from crm.calendars import working_time
from crm.working_time import AROUND_THE_CLOCK, NoWorkingTime, WorkingTime, public_holidays
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.errors import Forbidden, Invalid
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.mcp.conftest import agent  # noqa: F401
from tests.refusals import details, refused

MINUTE = timedelta(minutes=1)
#: Days around which something happens to the clock, to the year or to a holiday, by zone.
TURNS = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25", "2026-12-31"],
    "America/New_York": ["2026-03-08", "2026-11-01", "2026-07-04"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "America/Havana": ["2026-03-08", "2026-11-01"],  # its days begin at one, or twice
    "Pacific/Apia": ["2011-12-30"],  # has no thirtieth
    "Asia/Kathmandu": ["2026-02-28"],  # 5:45 ahead
    "UTC": ["2026-06-12"],
}


def plainly(time: WorkingTime, moment: datetime) -> bool:
    """Whether a minute is worked in, as the clock on the wall says."""
    wall = moment.astimezone(time.zone)
    minute = wall.hour * 60 + wall.minute
    worked = any(a <= minute < b for a, b in time.week[wall.weekday()])
    return worked and not time.is_day_off(wall.date())


@st.composite
def weeks(draw: Any) -> tuple[tuple[tuple[int, int], ...], ...]:
    def day() -> tuple[tuple[int, int], ...]:
        ends = draw(st.lists(st.integers(0, 96), max_size=6, unique=True).map(sorted))
        return tuple((a * 15, b * 15) for a, b in zip(ends[::2], ends[1::2], strict=False))

    return tuple(day() for _weekday in range(7))


@st.composite
def times(draw: Any) -> tuple[WorkingTime, datetime]:
    """Working hours of a zone, with days off, and a moment near one at which its clock is changed."""
    zone = draw(st.sampled_from(sorted(TURNS)))
    near = datetime.fromisoformat(draw(st.sampled_from(TURNS[zone]))).replace(tzinfo=UTC)
    off = {near.date() + timedelta(days=n) for n in draw(st.sets(st.integers(-4, 4), max_size=3))}
    start = near + MINUTE * draw(st.integers(-4 * 1440, 3 * 1440))
    return WorkingTime(ZoneInfo(zone), draw(weeks()), off.__contains__), start


@settings(max_examples=70, deadline=None)
@given(times(), st.integers(0, 6 * 1440))
def test_the_time_between_two_moments_is_that_of_their_minutes(given, minutes):
    time, start = given
    counted = sum(plainly(time, start + MINUTE * n) for n in range(minutes))
    assert time.between(start, start + MINUTE * minutes) == MINUTE * counted
    assert time.between(start + MINUTE * minutes, start) == timedelta(0) or not minutes


@settings(max_examples=70, deadline=None)
@given(times(), st.integers(1, 3000))
def test_the_moment_after_so_many_minutes_is_where_counting_them_ends(given, wanted):
    time, start = given
    left, moment = wanted, start
    for _minute in range(20 * 1440):
        if left == 0:
            break
        left -= plainly(time, moment)
        moment += MINUTE
    if left:  # more than weeks away: it is that long, at least
        try:
            found = time.after(start, wanted)
        except NoWorkingTime:
            return
        assert found > moment
    else:
        assert time.after(start, wanted) == moment


@settings(max_examples=60, deadline=None)
@given(times(), st.floats(0.001, 5000), st.integers(0, 59_999_999))
def test_seconds_count_and_parts_add_up(given, wanted, microseconds):
    time, start = given
    start += timedelta(microseconds=microseconds)
    try:
        end = time.after(start, wanted)
    except NoWorkingTime:
        return
    assert abs(time.between(start, end) - timedelta(minutes=wanted)) <= timedelta(microseconds=1)
    middle = start + (end - start) / 3
    assert time.between(start, middle) + time.between(middle, end) == time.between(start, end)


def berlin(**given: Any) -> WorkingTime:
    calendar = Calendar(name="Berlin", time_zone="Europe/Berlin", **given)
    return calendar.working_time()


def test_a_week_end_and_a_holiday_are_no_time_and_years_are_reckoned_by_days(monkeypatch):
    time = berlin(country="DE", region="BY", days_off=[{"from": "2026-01-07", "to": "2026-01-08"}])
    friday = datetime(2026, 1, 2, 16, tzinfo=ZoneInfo("Europe/Berlin"))
    # The rest of Friday; Monday; Tuesday is Epiphany, Wednesday and Thursday are one's own; Friday.
    assert time.after(friday, 10 * 60).isoformat() == "2026-01-09T09:00:00+00:00"
    assert time.between(friday, friday + timedelta(days=7)) == timedelta(hours=16)
    asked: list[datetime] = []
    offset = WorkingTime._offset
    monkeypatch.setattr(WorkingTime, "_offset", lambda s, m: asked.append(m) or offset(s, m))
    assert time.between(friday, friday + timedelta(days=1000)) > timedelta(hours=5_000)
    assert len(asked) < 1000 * 2 + 20 * 10, "a look at each day, and a few more where it changes"


def test_whoever_never_works_is_told_and_the_clock_always_runs_without_a_calendar():
    never = WorkingTime(UTC, ((),) * 7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(NoWorkingTime):
        never.after(start, 1)
    assert AROUND_THE_CLOCK.after(start, 90) == start + timedelta(minutes=90)
    assert date(2026, 7, 3) in public_holidays("US", None, 2026), "observed, as the 4th is Saturday"


def test_the_default_calendar_counts_from_its_next_word_on(acme, rival, django_assert_num_queries):
    friday = datetime(2026, 1, 2, 16, tzinfo=UTC)
    assert working_time() is AROUND_THE_CLOCK
    made = Calendar.create(name="Office", time_zone="UTC", country="de")
    assert made.country == "DE"
    assert working_time().after(friday, 120).day == 5
    with django_assert_num_queries(0):
        working_time().after(friday, 120)
    made.update(hours=[{"day": "Saturday", "from": "10:00", "to": "24:00"}])
    assert working_time().after(friday, 120) == datetime(2026, 1, 3, 12, tzinfo=UTC)
    other = Calendar.create(name="Rest", time_zone="UTC", is_default=True)
    assert working_time().after(friday, 30).day == 2
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        assert working_time() is AROUND_THE_CLOCK
    with refused(Invalid) as caught:
        made.update(is_default=True)
    assert "Rest" in details(caught)["is_default"]
    other.delete(), made.delete()
    assert working_time() is AROUND_THE_CLOCK
    assert Lead.count() == 0


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"timeZone": "Mars/Base"}, "timeZone", "IANA"),
        ({"hours": []}, "hours", "1 to 70"),
        ({"hours": [{"day": "Friday", "from": "9", "to": "17:00"}]}, "hours", "09:00"),
        ({"hours": [{"day": "Freitag", "from": "09:00", "to": "17:00"}]}, "hours", "Friday"),
        ({"hours": [{"day": "Friday", "from": "17:00", "to": "09:00"}]}, "hours", "midnight"),
        ({"hours": [{"day": "Friday", "from": "09:00", "to": "12:00"},
                    {"day": "Friday", "from": "11:00", "to": "17:00"}]}, "hours", "Stretch 2"),
        ({"hours": [{"day": "Friday", "from": "09:00"}]}, "hours", "day, from and to"),
        ({"country": "XX"}, "country", "ISO 3166"),
        ({"country": "DE", "region": "ZZ"}, "region", "BY"),
        ({"region": "BY"}, "region", "country"),
        ({"daysOff": [{"from": "24.12."}]}, "daysOff", "2026-12-24"),
        ({"daysOff": [{"from": "2026-12-24", "to": "2026-12-01"}]}, "daysOff", "later"),
        ({"daysOff": [{"day": "2026-12-24"}]}, "daysOff", "from, to and name"),
    ],
)  # fmt: skip
def test_bad_input_is_named(api, given, field, said):
    body = {"name": "C", "timeZone": "UTC"} | given
    found = problem(api.call("POST", "/calendars", body), 422, "validation_error")
    said_of = {each["field"]: each["message"] for each in found["details"]}
    assert said in said_of[field], said_of
    assert Calendar.count() == 0


def test_it_is_made_by_rest_and_agents_and_only_by_who_may(api, agent, users):  # noqa: F811
    made = answered(api.call("POST", "/calendars", {"name": "A", "timeZone": "Europe/Berlin"}), 201)
    assert made["hours"][4] == {"day": "Friday", "from": "09:00", "to": "17:00"}
    agent.tool("do", code='Calendar.create(name="B", timeZone="UTC", country="US", region="CA")')
    assert Calendar.objects.get(name="B").region == "CA"
    member = Membership.objects.select_related("tenant").get(user=users.bob)
    with actors.acting(member.actor), refused(Forbidden):
        Calendar.create(name="C", time_zone="UTC")
