"""What lies ahead: the forecast by month and category, now and as it was said, and the goals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Deal, ExchangeRate, Goal, Lead, reports
from crm import dashboard_outlook as outlook
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.context import clock
from headlessly.query import periods
from headlessly.query.reports import Slice

NOW = datetime(2025, 3, 20, 10, tzinfo=UTC)


@pytest.fixture
def today(people: SimpleNamespace) -> Iterator[datetime]:
    """The 20th of March 2025, on which everything is asked."""
    with clock.set_clock(NOW, purpose="replay"):
        yield NOW


def ago(days: int) -> Any:
    return clock.set_clock(NOW - timedelta(days=days), purpose="replay")


def asked(**narrowed: str | None) -> Slice:
    return Slice(periods.period_between(date(2025, 1, 1), date(2025, 3, 20)), narrowed)


def deal(value: int, close: str, **fields: Any) -> Deal:
    return Deal.create(name="D", value=value, expected_close_date=close, **fields)


def said(month: reports.MonthForecast) -> dict[str, dict[str, float]]:
    return {part: sums.as_json() for part, sums in month.parts.items()}


# -- the forecast -------------------------------------------------------------------------------------


def test_it_forecasts_each_month_by_category_and_counts_won_as_won(today: datetime) -> None:
    with ago(40):
        mine = deal(100, "2025-03-31", stage="Negotiation")
        deal(20, "2025-03-01", stage="Proposal")
        deal(3, "2025-04-30")
        deal(5, "2025-04-01", forecast_category="Omitted")
        deal(7, "2025-02-28", stage="Negotiation")
        won = deal(900, "2025-06-30", stage="Negotiation")
    with ago(2):
        won.win()
    march, april, *others = reports.forecast_by_category(asked()).months
    assert said(march) == {
        "Won": {"USD": 900}, "Commit": {"USD": 100}, "BestCase": {"USD": 20}
    }  # fmt: skip
    assert said(april) == {"Pipeline": {"USD": 3}, "Omitted": {"USD": 5}}
    assert [said(month) for month in others] == [{}] * 4
    assert [d.pk for d in march.records["Commit"].queryset()] == [mine.pk]
    assert [d.pk for d in march.records["Won"].queryset()] == [won.pk]


def test_it_says_what_it_said_one_and_four_weeks_ago(today: datetime) -> None:
    with ago(30):
        moved = deal(100, "2025-03-31", stage="Negotiation")
    with ago(10):
        deal(20, "2025-03-25", stage="Proposal")
    with ago(3):
        moved.update(expected_close_date="2025-04-30", value=90)
    found = reports.forecast_by_category(asked())
    assert [said(month) for month in found.months[:2]] == [
        {"BestCase": {"USD": 20}}, {"Commit": {"USD": 90}}
    ]  # fmt: skip
    assert {weeks: said(each.months[0]) for weeks, each in found.before.items()} == {
        1: {"Commit": {"USD": 100}, "BestCase": {"USD": 20}},
        4: {"Commit": {"USD": 100}},
    }


def test_it_forecasts_in_each_currency_and_converted(today: datetime) -> None:
    with ago(40):
        deal(100, "2025-03-31", stage="Negotiation", currency="EUR")
        deal(10, "2025-03-31", stage="Negotiation")
    march = reports.forecast_by_category(asked()).months[0]
    assert march.expected.as_json() == {"USD": 10, "EUR": 100}
    assert march.expected.converted is None
    ExchangeRate.create(currency="EUR", day="2025-03-01", rate=2)
    assert reports.forecast_by_category(asked()).months[0].expected.converted == 210


@pytest.mark.urls("headlessly.tenant_urls")
def test_it_says_one_number_beside_a_bar(today: datetime) -> None:
    deal(100, "2025-03-31", stage="Negotiation", currency="EUR")
    deal(10, "2025-03-31", stage="Negotiation")
    assert outlook.forecast_by_category(asked()).bars[0].figure.text == "$10 + €100"
    ExchangeRate.create(currency="EUR", day="2025-03-01", rate=2)
    first = outlook.forecast_by_category(asked()).bars[0]
    assert first.figure.text == "$210"
    assert "€100" in first.note


@pytest.mark.urls("headlessly.tenant_urls")
def test_it_forecasts_for_one_owner_against_their_goal(
    people: SimpleNamespace, today: datetime
) -> None:
    deal(100, "2025-03-31", owner=people.bob)
    deal(20, "2025-03-31", owner=people.cleo)
    for owner, target in ((None, 500), (people.bob, 50)):
        Goal.create(
            measure="WonValue", period="Month", start_date="2025-03-01", target=target, owner=owner
        )
    everybodys = reports.forecast_by_category(asked())
    bobs = reports.forecast_by_category(asked(owner=people.bob.pk))
    assert [said(each.months[0]) for each in (everybodys, bobs)] == [
        {"Pipeline": {"USD": 120}}, {"Pipeline": {"USD": 100}}
    ]  # fmt: skip
    assert [each.goals for each in (everybodys, bobs)] == [
        {date(2025, 3, 1): 500}, {date(2025, 3, 1): 50}
    ]  # fmt: skip
    drawn = outlook.forecast_by_category(asked(owner=people.bob.pk))
    assert [mark.kind for mark in drawn.bars[0].marks] == ["won", "whole", "mid", "pale", "goal"]
    assert "the goal is $50" in drawn.bars[0].note


# -- goals --------------------------------------------------------------------------------------------


@pytest.fixture
def world(people: SimpleNamespace, today: datetime) -> SimpleNamespace:
    """What Bob and Cleo did in March, and in February what is not counted."""
    for days, owner in ((30, people.bob), (9, people.bob), (5, people.cleo), (4, None)):
        with ago(days):
            deal(100, "2025-04-01", owner=owner).win()
            lead = Lead.create(name="L", source="web", contact=people.ada, owner=owner)
            lead.update(status="Contacted")
            lead.update(status="Qualified")
            lead.convert()
            task = Activity.create(subject="Call", type="Call", assignee=owner)
            task.complete(outcome="Done")
            Activity.create(subject="Later", type="Task", assignee=owner)
    return people


def goal(measure: str, owner: Any = None, **fields: Any) -> Goal:
    given = {"measure": measure, "owner": owner, "period": "Month", "start_date": "2025-03-01"}
    return Goal.create(**given | {"target": 4} | fields)


@pytest.mark.parametrize(
    ("measure", "bobs", "everybodys"),
    [
        ("WonValue", 100, 300),
        ("WonDeals", 1, 3),
        ("Conversions", 1, 3),
        ("LeadsCreated", 1, 3),
        ("ActivitiesDone", 1, 3),
    ],
)
def test_it_counts_of_a_persons_goal_what_they_own_and_of_everybodys_all(
    world: SimpleNamespace, measure: str, bobs: int, everybodys: int
) -> None:
    goals = [goal(measure, world.bob), goal(measure)]
    bob, everybody = reports.attainments(goals)
    assert (bob.reached, everybody.reached) == (bobs, everybodys)
    assert (bob.share, everybody.share) == (Decimal(bobs) / 4, Decimal(everybodys) / 4)
    assert bob.records is not None and everybody.records is not None
    assert bob.records.queryset().count() == 1
    assert everybody.records.queryset().count() == 3


def test_it_counts_a_quarter_and_a_year_as_well(world: SimpleNamespace) -> None:
    goals = [goal("WonDeals", period=p, start_date="2025-01-01") for p in ("Quarter", "Year")]
    assert [each.reached for each in reports.attainments(goals)] == [4, 4]


def test_it_converts_what_was_won_at_the_rate_of_its_day(world: SimpleNamespace) -> None:
    with ago(6):
        deal(10, "2025-04-01", owner=world.bob, currency="EUR").win()
    mine = goal("WonValue", world.bob)
    (found,) = reports.attainments([mine])
    assert (found.reached, found.share) == (None, None)
    assert found.amounts is not None and found.amounts.missing == {"EUR"}
    for day, rate in (("2025-03-01", 2), ("2025-03-18", 50)):
        ExchangeRate.create(currency="EUR", day=day, rate=rate)
    (found,) = reports.attainments([mine])
    assert found.reached == 120


@pytest.mark.parametrize(
    ("target", "day", "standing"),
    [
        (3, "2025-03-20", "reached"),
        (4, "2025-03-20", "on track"),
        (9, "2025-03-20", "behind"),
        (9, "2025-04-01", "missed"),
    ],
)
def test_it_says_how_a_goal_stands(
    world: SimpleNamespace, target: int, day: str, standing: str
) -> None:
    (found,) = reports.attainments([goal("WonDeals", target=target)])
    assert found.standing(date.fromisoformat(day)) == standing


def test_it_measures_all_goals_of_a_period_in_one_statement_each(world: SimpleNamespace) -> None:
    goals = [goal("WonDeals", owner) for owner in (None, world.bob, world.cleo, world.ada)]
    with CaptureQueriesContext(
        connection,
    ) as asked_for:
        reports.attainments(goals)
    assert len(asked_for) == 1


def test_it_hides_from_a_limited_rep_what_everybody_did(world: SimpleNamespace) -> None:
    goals = [goal("WonDeals"), goal("WonDeals", world.bob)]
    with actors.acting(Actor("user_bob", "Bob", "rep", world.bob.pk, limited=True)):
        everybodys, bobs = reports.attainments(goals)
    assert (everybodys.reached, everybodys.records, bobs.reached) == (None, None, 1)


@pytest.mark.urls("headlessly.tenant_urls")
def test_it_shows_the_goals_of_the_last_day_of_the_period(world: SimpleNamespace) -> None:
    goal("WonDeals", start_date="2025-02-01")
    mine = [
        goal("WonDeals", world.bob, period="Quarter", start_date="2025-01-01"),
        goal("WonValue"),
    ]
    found = reports.goals_under_way(asked())
    assert found is not None
    assert [each.goal.pk for each in found] == [mine[1].pk, mine[0].pk]
    bobs = reports.goals_under_way(asked(owner=world.bob.pk))
    assert [each.goal.pk for each in bobs or ()] == [mine[0].pk]
    assert reports.goals_under_way(asked(campaign=world.spring.pk)) is None
    chart = outlook.goals(asked())
    assert chart is not None
    assert ["behind" in bar.note for bar in chart.bars] == [False, True]
    assert "Everybody: Won value, March 2025" in chart.bars[0].label


@pytest.mark.urls("headlessly.tenant_urls")
def test_it_opens_the_list_of_then_behind_what_was_said_then(today: datetime) -> None:
    with ago(10):
        deal(100, "2025-03-31", stage="Negotiation")
    table = outlook.forecast_by_category(asked()).table
    assert table is not None
    commit = [cells[2] for _name, cells in table.rows[:3]]
    assert [each.url.rpartition("&")[2] for each in commit] == [
        "expectedCloseDate__lt=2025-04-01",
        "asOf=2025-03-13T10:00:00Z",
        "asOf=2025-02-20T10:00:00Z",
    ]
