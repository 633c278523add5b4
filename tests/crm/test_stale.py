"""Stale: one meaning, by noun, pipeline and stage, wherever one looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm import Deal, Lead, Pipeline, StaleLimit
from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.declaration.staleness import rest_of
from headlessly.errors import InvalidFilter
from headlessly.query import periods, reads
from headlessly.query.named_reports import measure, reports
from headlessly.query.reports import Slice
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)

STALE = {"$stale": True}


def rested(days: float, **given: Any) -> Deal:
    """A deal without a touch for so long."""
    with clock.set_clock(clock.now() - timedelta(days=days), purpose="replay"):
        return Deal.create(**{"value": 1, "name": f"{days}d"} | given)


def names(noun: Any, filter: Any) -> set[str]:
    return set(noun.find(filter).values_list("name", flat=True))


@pytest.fixture
def sales(acme: Any) -> Pipeline:
    """The default one, with a stage of its own number; and one in which a stage is called the same."""
    return Pipeline.create(
        name="Sales", is_default=True, deal_rotting=20,
        stages=[{"name": "Prospecting"}, {"name": "Proposal", "rotting": 5}],
    )  # fmt: skip


@pytest.fixture
def renewals(sales: Pipeline) -> Pipeline:
    return Pipeline.create(
        name="Renewals", stages=[{"name": "Proposal"}, {"name": "Waiting", "rotting": 90}]
    )


def test_without_a_word_of_anybody_it_is_two_weeks(acme):
    rested(13), rested(15), rested(15, name="won").win()
    assert names(Deal, STALE) == {"15d"}
    assert names(Deal, {"$stale": False}) == {"13d", "won"}
    with clock.set_clock(clock.now() - timedelta(days=15), purpose="replay"):
        Lead.create(name="L", source="x")
    assert names(Lead, STALE) == {"L"}


def test_a_stage_says_it_else_its_pipeline_else_the_default_one(sales, renewals):
    expected = {
        "default": (20, {}),
        "stage": (5, {"stage": "Proposal"}),
        "other": (20, {"pipeline": renewals, "stage": "Proposal"}),
        "own": (90, {"pipeline": renewals, "stage": "Waiting"}),
    }
    for name, (days, given) in expected.items():
        for more in (-1, 1):
            deal = rested(days + more, name=f"{name} {more}", **given)
            assert rest_of(deal) == timedelta(days=days), name
    assert names(Deal, STALE) == {f"{name} 1" for name in expected}
    renewals.update(deal_rotting=2)
    assert "other -1" in names(Deal, STALE) and "own -1" not in names(Deal, STALE)
    # One that refers to no pipeline is on the default one.
    assert rest_of(rested(1, stage="Proposal")) == timedelta(days=5)


def test_a_limit_says_it_of_states_that_are_no_stages(acme):
    with clock.set_clock(clock.now() - timedelta(days=4), purpose="replay"):
        for name in ("new", "contacted"):
            lead = Lead.create(name=name, source="x")
        lead.update(status="Contacted")
    assert names(Lead, STALE) == set()
    made = StaleLimit.create(about="Lead", status="New", days=3)
    assert names(Lead, STALE) == {"new"}
    assert {each.name: rest_of(each).days for each in Lead.find()} == {"new": 3, "contacted": 14}
    StaleLimit.create(about="Lead", days=2), StaleLimit.create(about="Lead", days=200)
    assert names(Lead, STALE) == {"new", "contacted"}
    made.update(days=9)
    assert names(Lead, STALE) == {"contacted"}


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"about": "Deal"}, "about", "pipeline"),
        ({"about": "Activity"}, "about", "Lead"),
        ({"status": "Nowhere"}, "status", "New"),
        ({"status": "Lost"}, "status", "Contacted"),
        ({"days": 0}, "days", "1"),
    ],
)
def test_bad_limits_are_named(api, acme, given, field, said):
    body = {"about": "Lead", "days": 3} | given
    found = problem(api.call("POST", "/stalelimits", body), 422, "validation_error")
    assert said in {each["field"]: each["message"] for each in found["details"]}[field], found
    assert StaleLimit.count() == 0


def test_lists_boards_the_day_and_numbers_say_the_same(sales, renewals, people, bob):
    rested(6, name="quick", stage="Proposal", owner=people.bob)
    rested(6, name="calm", owner=people.bob)
    start = "/~acme/admin/crm/deal/"
    listed = bob.get(f"{start}?is=stale").content.decode()
    assert ">quick<" in listed and ">calm<" not in listed
    assert bob.get(f"{start}board/").content.decode().count(">stale<") == 1
    day = bob.get("/~acme/admin/").content.decode()
    assert "Deals gone quiet" in day and ">quick<" in day and ">calm<" not in day
    for name in ("staleDeals", "staleByState"):
        found = measure(reports.require(name), Slice(periods.read_period({})))
        assert found.value == 1
        for who in [found.records, *(w for row in found.rows or () for w in row.lists.values())]:
            if who is not None:
                assert "is=stale" in who.query
                assert reads.record_page(who.noun, who.filter).total == len(who.queryset())


def test_it_is_asked_of_a_day_of_the_past_too(sales):
    deal = rested(30, name="woken")
    deal.update(last_activity_at=clock.now())
    assert names(Deal, STALE) == set()
    then = clock.now() - timedelta(days=2)
    assert {each.name for each in Deal.find(STALE, as_of=then)} == {"woken"}
    assert not Deal.find(STALE, as_of=clock.now() - timedelta(days=15)).exists()


def test_it_is_a_condition_on_every_way_and_bad_input_is_named(sales, api, rival):
    rested(6, name="quick", stage="Proposal")
    found = answered(api.call("GET", '/deals?filter={"$stale":true}'))
    assert [each["name"] for each in found["results"]] == ["quick"]
    said = problem(api.call("GET", '/deals?filter={"$stale":"yes"}'), 400, "invalid_filter")
    assert said["field"] == "$stale" and "true or false" in said["message"]
    with pytest.raises(InvalidFilter):
        Deal.find({"$stale": 1})
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        rested(6, name="theirs", stage="Proposal")
        assert names(Deal, STALE) == set(), "another's stages are not theirs"
