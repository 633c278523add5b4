"""Periods: what an address names, and what it is compared with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from headlessly.context import clock
from headlessly.declaration import days
from headlessly.errors import InvalidFilter
from headlessly.query import periods

TODAY = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _the_last_of_march(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: TODAY)


@pytest.mark.parametrize(
    ("given", "days", "days_before"),
    [
        ({"period": "this_week"}, ("2026-03-30", "2026-04-01"), ("2026-03-23", "2026-03-25")),
        ({"period": "last_week"}, ("2026-03-23", "2026-03-30"), ("2026-03-16", "2026-03-23")),
        ({"period": "this_month"}, ("2026-03-01", "2026-04-01"), ("2026-02-01", "2026-03-01")),
        ({"period": "last_month"}, ("2026-02-01", "2026-03-01"), ("2026-01-01", "2026-02-01")),
        ({"period": "this_quarter"}, ("2026-01-01", "2026-04-01"), ("2025-10-01", "2025-12-30")),
        ({"period": "last_quarter"}, ("2025-10-01", "2026-01-01"), ("2025-07-01", "2025-10-01")),
        ({"period": "last_year"}, ("2025-01-01", "2026-01-01"), ("2024-01-01", "2025-01-01")),
        ({"period": "this_year"}, ("2026-01-01", "2026-04-01"), ("2025-01-01", "2025-04-01")),
        ({}, ("2026-01-01", "2026-04-01"), ("2025-10-03", "2026-01-01")),
        (
            {"from": "2026-01-10", "to": "2026-01-19"},
            ("2026-01-10", "2026-01-20"),
            ("2025-12-31", "2026-01-10"),
        ),
        ({"from": "2026-03-31"}, ("2026-03-31", "2026-04-01"), ("2026-03-30", "2026-03-31")),
    ],
)
def test_it_is_these_days_and_is_compared_with_those(given, days, days_before):
    found = periods.read_period(given)
    assert (found.first, found.end) == tuple(map(date.fromisoformat, days))
    before = found.before
    assert (before.first, before.end) == tuple(map(date.fromisoformat, days_before))


def test_it_has_names_that_fit_into_a_sentence():
    last = periods.read_period({"period": "last_month"})
    assert (last.name, last.before.name) == ("February", "January")
    now = periods.read_period({"period": "this_month"})
    assert (now.name, now.before.name) == ("March so far", "the same days of February")
    quarter = periods.read_period({"period": "last_quarter"})
    assert (quarter.name, quarter.before.name) == ("Q4 2025", "Q3 2025")
    year = periods.read_period({"period": "last_year"})
    assert (year.name, year.before.name) == ("2025", "2024")
    days = periods.read_period({"from": "2025-12-30", "to": "2026-01-02"})
    assert (days.name, days.before.name) == ("Dec 30, 2025 to Jan 2, 2026", "the 4 days before")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"period": "soon"}, "period: use one of this_week"),
        ({"from": "x"}, "from: use a day like"),
        ({"to": "2026-01-01"}, "from: use a day like"),
        ({"from": "2026-02-30"}, "from: use a day like"),
        ({"from": "0001-01-01"}, "from: use a day from 1990-01-01"),
        ({"from": "2026-01-01", "to": "9999-12-31"}, "to: use a day from"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "to: use a day from 2026-01-02 on"),
        ({"from": "1990-01-01", "to": "2026-01-01"}, "to: choose ten years"),
        ({"from": "2026-01-01\x00"}, "from: use a day like"),
    ],
)
def test_what_means_no_period_is_an_error_that_names_it(given, message):
    with pytest.raises(InvalidFilter, match=message):
        periods.read_period(given)


def test_days_begin_and_end_in_the_current_time_zone():
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert days.today() == date(2026, 4, 1)
        found = periods.read_period({"period": "last_month"})
        assert found.bounds == (
            datetime(2026, 2, 28, 23, tzinfo=UTC),
            datetime(2026, 3, 31, 22, tzinfo=UTC),
        )
    assert days.today() == date(2026, 3, 31)
