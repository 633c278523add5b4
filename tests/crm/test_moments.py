"""What says when something happened does not lie ahead, and what stands for a day is that day everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm import Activity, Contact, Deal, Lead
from headlessly.context import clock
from headlessly.declaration import days
from headlessly.declaration.registry import registry
from headlessly.errors import Invalid
from headlessly.log.events import Event
from headlessly.query import querystring
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

BERLIN, AUCKLAND, LOS_ANGELES = "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"


def test_it_refuses_a_first_touch_that_has_not_come_yet() -> None:
    now = clock.now()
    with refused(Invalid) as caught:
        Lead.create(name="L", source="x", first_touch_at=now + timedelta(minutes=6))
    assert details(caught) == {"first_touch_at": "This is in the future."}
    assert Lead.create(name="L", source="x", first_touch_at=now + timedelta(minutes=4))


def test_every_column_of_what_happened_refuses_the_future() -> None:
    happened = {
        ("Lead", "first_touch_at"), ("Lead", "converted_at"), ("Lead", "lost_at"),
        ("Lead", "last_activity_at"), ("Contact", "last_engagement"), ("Deal", "last_activity_at"),
        ("Deal", "actual_close_date"), ("Activity", "completed_at"), ("Campaign", "launched_at"),
        ("Touchpoint", "occurred_at"), ("Deal", "won_at"), ("Lead", "answered_at"),
    }  # fmt: skip
    later = clock.now() + timedelta(days=2)
    found = set()
    for name, noun in registry.items():
        for field in noun.schema.stored:
            if field.type in ("date", "datetime"):
                try:
                    field.clean(later.date() if field.type == "date" else later)
                except ValueError as problem:
                    if "future" in str(problem):
                        found.add((name, field.name))
    assert found == happened


def test_a_day_may_have_begun_in_the_east() -> None:
    field = Deal.schema.by_name["actual_close_date"]
    now = datetime.now(UTC)
    assert field.clean(timezone.localtime(now, timezone.get_fixed_timezone(14 * 60)).date())
    with pytest.raises(ValueError, match="in the future"):
        field.clean((now + timedelta(days=2)).date())


def test_a_cycle_is_never_negative(qualified: Lead) -> None:
    qualified.update(first_touch_at=clock.now() + timedelta(minutes=4))
    qualified.convert()
    event = Event.objects.get(name="lead_converted")
    assert event.data["cycleDays"] == 0


def test_nobody_is_converted_before_the_first_touch() -> None:
    with clock.set_clock(clock.now() - timedelta(days=2), purpose="replay"):
        ada = Contact.create(name="Ada")
        lead = Lead.create(name="L", source="x", contact=ada)
        for status in ("Contacted", "Qualified"):
            lead.update(status=status)
        lead.convert()
    with refused(Invalid) as caught:
        lead.update(first_touch_at=clock.now() - timedelta(days=1))
    assert details(caught) == {"first_touch_at": "This is after the conversion."}
    assert lead.update(name="Still changes", first_touch_at=lead.first_touch_at).version == 6


@pytest.mark.parametrize(
    ("zone", "now", "day"),
    [
        (BERLIN, "2026-03-10T23:30:00Z", "2026-03-11"),
        (AUCKLAND, "2026-03-10T12:30:00Z", "2026-03-11"),
        (LOS_ANGELES, "2026-03-11T05:00:00Z", "2026-03-10"),
        ("UTC", "2026-03-10T23:30:00Z", "2026-03-10"),
    ],
)
def test_today_is_the_day_of_whoever_reads(zone: str, now: str, day: str) -> None:
    today = date.fromisoformat(day)
    deals = {
        offset: Deal.create(name="D", value=1, expected_close_date=today + timedelta(days=offset))
        for offset in (-30, -1, 0, 1, 14)
    }
    said = {-30: "30 days ago", -1: "yesterday", 0: "today", 1: "tomorrow", 14: "2 weeks from now"}
    with timezone.override(zone), clock.set_clock(datetime.fromisoformat(now), purpose="replay"):
        for offset, words in said.items():
            assert list(Deal.find({"expectedCloseDate": words})) == [deals[offset]], words
            typed = querystring.lookup_filter(Deal, "expectedCloseDate", "exact", words)
            assert list(Deal.find(typed)) == [deals[offset]], words


def test_a_moment_of_today_is_on_today() -> None:
    with timezone.override(BERLIN):
        noon = datetime(2026, 3, 11, 12, tzinfo=UTC)
        with clock.set_clock(noon, purpose="replay"):
            made = Lead.create(name="L", source="x")
            timed = Activity.create(subject="At three", due_at=noon + timedelta(hours=3))
            whole = Activity.create(subject="Today", due_at="2026-03-11T00:00:00Z", all_day=True)
            Activity.create(subject="Late", due_at=noon + timedelta(hours=11, minutes=30))
            for said in ("today", {"$in": ["Today", "yesterday"]}, {"$not": {"$ne": "today"}}):
                assert list(Lead.find({"createdAt": said})) == [made]
                assert set(Activity.find({"dueAt": said})) == {timed, whole}
            assert Lead.count({"createdAt": "tomorrow"}) == 0
            assert Lead.count({"createdAt": {"$nin": ["today"]}}) == 0
            assert Activity.count({"dueAt": {"$in": ["tomorrow", None]}}) == 1


def test_days_ago_are_days_where_clocks_change() -> None:
    # In Berlin the clock goes forward on 29 March 2026: 30 days of 24 hours would be a day too many.
    deal = Deal.create(name="D", value=1, expected_close_date="2026-03-02")
    with (
        timezone.override(BERLIN),
        clock.set_clock(datetime(2026, 3, 31, 22, 30, tzinfo=UTC), purpose="replay"),
    ):
        assert list(Deal.find({"expectedCloseDate": "30 days ago"})) == [deal]


def at(zone: str, moment: str) -> Any:
    return timezone.override(zone), clock.set_clock(
        datetime.fromisoformat(moment), purpose="replay"
    )


@pytest.mark.parametrize(
    ("zone", "sent"),
    [
        ("UTC", "2025-12-24"),
        ("UTC", "2025-12-24T00:00:00Z"),
        ("UTC", "2025-12-24T00:00:00+01:00"),
        ("UTC", "2025-12-24T00:00:00+13:00"),
        ("UTC", "2025-12-24T23:00:00-08:00"),
        (BERLIN, "2025-12-24"),
        (BERLIN, "2025-12-24T00:00"),
        (AUCKLAND, "2025-12-24"),
        (LOS_ANGELES, "2025-12-24T16:00"),
    ],
)
def test_a_task_of_a_whole_day_is_on_that_day_everywhere(zone: str, sent: str) -> None:
    with timezone.override(zone):
        task = Activity.create(subject="T", all_day=True, due_at=sent)
    field = Activity.schema.by_name["due_at"]
    task = Activity.get(task.pk)
    assert days.whole_day(task, field) == date(2025, 12, 24)
    assert task.as_json()["dueAt"].date() == date(2025, 12, 24)
    assert task.update(subject="Again").version == 2
    assert days.whole_day(task, field) == date(2025, 12, 24)
    overdue, today = {"dueAt": {"$lt": "now"}}, {"dueAt": {"$gte": "today", "$lt": "tomorrow"}}
    for reader in ("UTC", BERLIN, AUCKLAND, LOS_ANGELES):
        with timezone.override(reader):
            begins = days.start_of_day(date(2025, 12, 24))
            ends = days.start_of_day(date(2025, 12, 25))
        for moment, is_today, is_overdue in (
            (begins - timedelta(minutes=1), False, False),
            (begins, True, False),
            (ends - timedelta(minutes=1), True, False),
            (ends, False, True),
        ):
            with timezone.override(reader), clock.set_clock(moment, purpose="replay"):
                assert Activity.find(today).exists() == is_today, (reader, moment)
                assert Activity.find(overdue).exists() == is_overdue, (reader, moment)
                assert (days.deadline(task, field) <= moment) == is_overdue
                assert Activity.find({"dueAt": "2025-12-24"}).exists()
                assert not Activity.find({"dueAt": {"$in": ["2025-12-23", "2025-12-25"]}})


def test_a_moment_becomes_a_day_where_the_flag_is_set_later() -> None:
    task = Activity.create(subject="T", due_at="2025-12-23T23:30:00Z")
    field = Activity.schema.by_name["due_at"]
    with timezone.override(BERLIN):
        Activity.update(task.pk, all_day=True)
    assert days.whole_day(Activity.get(task.pk), field) == date(2025, 12, 24)


def test_a_moment_that_nobody_understands_is_answered_with_the_forms_there_are() -> None:
    for lookup in ({"dueAt": {"$lt": "soon"}}, {"dueAt": "7 fortnights ago"}):
        with pytest.raises(Exception, match="30 days ago, 7d ago, 2 weeks from now"):
            Activity.find(lookup)
    with pytest.raises(Exception, match="30 days ago, 7d ago, 2 weeks from now"):
        querystring.lookup_filter(Deal, "expectedCloseDate", "lt", "soon")
    with pytest.raises(Exception, match="30 days ago, 7d ago, 2 weeks from now"):
        Contact.find(as_of="soon")
