"""A fiscal year that begins later than in January: what reports, lists and goals make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from crm.models import Activity, Deal, Goal
from crm.reports.goals import goals_on
from headlessly.access import tenancy
from headlessly.admin import stretches
from headlessly.context import clock, fiscal_year
from headlessly.copies.tenant_tables import tenant_tables
from headlessly.declaration import days
from headlessly.errors import Invalid
from headlessly.query import periods
from headlessly.query.measures import UNITS
from tests.answered import answered
from tests.headlessly.admin.conftest import users  # noqa: F401  # a fixture
from tests.headlessly.admin.signed_in import client_of
from tests.refusals import details, refused

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


@pytest.fixture
def april(acme: Any) -> Iterator[None]:
    """Acme's fiscal year begins in April."""
    acme.fiscal_year_begins = 4
    acme.save()
    with tenancy.active(acme), clock.set_clock(NOW, purpose="trial"):
        yield


@pytest.mark.parametrize(
    ("month", "day", "quarter", "year"),
    [
        (1, "2026-03-31", "2026-01-01", "2026-01-01"),
        (2, "2026-03-31", "2026-02-01", "2026-02-01"),
        (2, "2026-01-31", "2025-11-01", "2025-02-01"),
        (4, "2026-03-31", "2026-01-01", "2025-04-01"),
        (4, "2026-04-01", "2026-04-01", "2026-04-01"),
        (12, "2026-11-30", "2026-09-01", "2025-12-01"),
        (12, "2026-12-01", "2026-12-01", "2026-12-01"),
    ],
)
def test_quarters_and_years_are_counted_from_its_month(
    month: int, day: str, quarter: str, year: str
) -> None:
    with fiscal_year.beginning_in(month):
        on = date.fromisoformat(day)
        found = [days.start_of_stretch(on, each) for each in ("month", "quarter", "year")]
    assert [f"{each}" for each in found] == [f"{day[:7]}-01", quarter, year]


@pytest.mark.parametrize("month", range(1, 13))
def test_what_an_aggregation_calls_a_stretch_is_understood(month: int) -> None:
    with fiscal_year.beginning_in(month):
        for number in range(1, 13):
            for unit in days.STRETCHES:
                first = days.start_of_stretch(date(2026, number, 1), unit)
                assert stretches.first_day(unit, UNITS[unit](first)) == first


@pytest.mark.parametrize(
    ("name", "first", "end", "said", "before"),
    [
        ("this_year", "2025-04-01", "2026-04-01", "2025/26 so far", "the same days of 2024/25"),
        ("last_year", "2024-04-01", "2025-04-01", "2024/25", "2023/24"),
        ("last_quarter", "2025-10-01", "2026-01-01", "Q3 2025/26", "Q2 2025/26"),
    ],
)
def test_a_period_is_one_of_the_fiscal_year(
    april: None, name: str, first: str, end: str, said: str, before: str
) -> None:
    found = periods.read_period({"period": name})
    assert (f"{found.first}", f"{found.end}") == (first, end)
    assert (found.name, found.name_before) == (said, before)


def test_it_is_the_tenants_own(april: None, rival: Any) -> None:
    with tenancy.active(rival):
        assert days.start_of_stretch(date(2026, 3, 31), "year") == date(2026, 1, 1)
    assert days.start_of_stretch(date(2026, 3, 31), "year") == date(2025, 4, 1)


def test_lists_count_the_words_for_days_from_it(april: None, api: Any) -> None:
    for day in ("2025-03-31", "2025-04-01"):
        Deal.create(name=day, value=1, expected_close_date=day)
    asked = "/deals?expectedCloseDate__gte=start of this year"
    assert [deal["name"] for deal in answered(api.call("GET", asked))["results"]] == ["2025-04-01"]


def test_records_are_grouped_by_its_quarters_and_years(april: None, api: Any) -> None:
    # Half an hour after midnight in Berlin, where the year has begun: in UTC it has not.
    for moment in ("2025-03-31T21:30:00Z", "2025-03-31T22:30:00Z", "2026-03-31T21:59:00Z"):
        Activity.create(subject="A", due_at=moment)
        Deal.create(name="D", value=1, expected_close_date=moment[:10])

    def groups(path: str) -> dict[str, int]:
        (name,) = re.findall(r"by=(\w+)", path)
        return {row[name]: row["count"] for row in answered(api.call("GET", path))["groups"]}

    there = "/activities/aggregate?zone=Europe/Berlin&by="
    assert groups(f"{there}year(dueAt)") == {"2024": 1, "2025": 2}
    assert groups(f"{there}quarter(dueAt)") == {"2024-Q4": 1, "2025-Q1": 1, "2025-Q4": 1}
    assert groups("/activities/aggregate?by=year(dueAt)") == {"2024": 2, "2025": 1}
    assert groups("/deals/aggregate?by=quarter(expectedCloseDate)") == {"2024-Q4": 2, "2025-Q4": 1}


def test_its_quarters_may_begin_in_any_month(acme: Any, api: Any) -> None:
    acme.fiscal_year_begins = 2
    acme.save()
    for day in ("2026-01-31", "2026-02-01", "2026-04-30", "2026-05-31"):
        Deal.create(name=day, value=1, expected_close_date=day)
    found = answered(api.call("GET", "/deals/aggregate?by=quarter(expectedCloseDate)"))["groups"]
    assert {row["quarter"]: row["count"] for row in found} == {
        "2025-Q4": 1, "2026-Q1": 2, "2026-Q2": 1
    }  # fmt: skip


def test_a_report_by_quarter_opens_the_list_behind_it(april: None, users: Any) -> None:  # noqa: F811
    for day in ("2025-03-31", "2025-04-01", "2025-06-30"):
        Deal.create(name=f"of {day}", value=1, expected_close_date=day)
    cleo = client_of(users.cleo)
    page = "/~acme/admin/reports/deals/?as=table&over=quarter(expectedCloseDate)"
    html = cleo.get(page).content.decode()
    assert "Q1 2025/26" in html and "Q4 2024/25" in html
    (row,) = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*Q1 2025/26.*?</tr>", html, re.S)
    url = re.findall(r'href="(/[^"]*)"', row)[-1].replace("&amp;", "&")
    listed = cleo.get(url, follow=True).content.decode()
    assert "of 2025-04-01" in listed and "of 2025-06-30" in listed
    assert "of 2025-03-31" not in listed


def test_goals_are_of_its_quarters_and_years(april: None) -> None:
    said = {"measure": "WonDeals", "target": 4}
    year = Goal.create(**said, period="Year", start_date="2025-04-01")
    quarter = Goal.create(**said, period="Quarter", start_date="2026-01-01")
    assert (year.period_label, f"{year.end_date}") == ("2025/26", "2026-04-01")
    assert quarter.period_label == "Q4 2025/26"
    with refused(Invalid) as caught:
        Goal.create(**said, period="Year", start_date="2026-01-01")
    assert "2025-04-01" in details(caught)["start_date"]
    assert goals_on(date(2026, 3, 31)) == [quarter, year]
    assert goals_on(date(2025, 4, 1)) == [year]
    assert goals_on(date(2026, 4, 1)) == []


def test_a_goal_keeps_the_days_that_it_was_made_for(april: None) -> None:
    year = Goal.create(measure="WonDeals", target=4, period="Year", start_date="2025-04-01")
    with fiscal_year.beginning_in(1):
        assert goals_on(date(2026, 3, 31)) == [year]
        assert year.period_label == "Apr 1, 2025 to Mar 31, 2026"
        assert year.update(target=5).target == 5


def test_it_goes_with_a_tenant_that_is_copied() -> None:
    (tenant, *_others) = tenant_tables(with_secrets=False)
    assert "fiscal_year_begins" in tenant.columns
