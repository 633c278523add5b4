"""Records measured by group, and what is said of questions that mean nothing."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from statistics import mean, median
from typing import Any

import pytest
from django.test import Client

from crm.models import Contact, Deal, ExchangeRate, Lead, Organization
from headlessly import scripts
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.context import clock
from headlessly.errors import InvalidFilter
from headlessly.query.aggregates import aggregate

pytestmark = pytest.mark.django_db

FACTS = [
    ("website", 10, 100, "USD"), ("website", 30, 300, "USD"), ("website", None, 50, "EUR"),
    ("fair", 80, None, "USD"), ("fair", 90, 1000, "EUR"), ("referral", None, None, "USD"),
]  # fmt: skip


@pytest.fixture
def leads(people: Any) -> list[Lead]:
    return [
        Lead.create(
            name=f"Lead {n}", source=source, score=score, budget=budget, currency=currency,
            owner=people.bob if n % 2 else None,
        )
        for n, (source, score, budget, currency) in enumerate(FACTS)
    ]  # fmt: skip


def test_it_counts_adds_up_and_averages_by_group(leads: list[Lead]) -> None:
    asked = "count,count(score),sum(score),avg(score),median(score),min(score),max(score)"
    found = Lead.aggregate(group="source", measure=asked)
    by_source: dict[str, list[Any]] = defaultdict(list)
    for source, score, _budget, _currency in FACTS:
        by_source[source].append(score)
    expected = []
    for source, scores in sorted(by_source.items()):
        known = [score for score in scores if score is not None]
        expected.append(
            {
                "source": source,
                "count": len(scores),
                "count(score)": len(known),
                "sum(score)": sum(known),
                "avg(score)": mean(known) if known else None,
                "median(score)": median(known) if known else None,
                "min(score)": min(known, default=None),
                "max(score)": max(known, default=None),
            }
        )
    assert found == expected


def test_amounts_are_one_number_per_currency(leads: list[Lead]) -> None:
    asked = "sum(budget),avg(budget),median(budget),min(budget),max(budget)"
    assert Lead.aggregate({"source": "website"}, measure=asked) == [
        {
            "sum(budget)": {"EUR": 50.0, "USD": 400.0},
            "avg(budget)": {"EUR": 50.0, "USD": 200.0},
            "median(budget)": {"EUR": 50.0, "USD": 200.0},
            "min(budget)": {"EUR": 50.0, "USD": 100.0},
            "max(budget)": {"EUR": 50.0, "USD": 300.0},
            "converted": {"sum(budget)": {"currency": "USD", "value": None, "missing": ["EUR"]}},
        }
    ]


def test_sums_of_several_currencies_are_converted_too(leads: list[Lead]) -> None:
    ExchangeRate.create(currency="EUR", day="2024-01-01", rate=2)
    found = Lead.aggregate(group="source", measure="sum(budget)", sort="-sum(budget)")
    assert [(row["source"], row["sum(budget)"]) for row in found] == [
        ("fair", {"EUR": 1000.0}),
        ("website", {"EUR": 50.0, "USD": 400.0}),
        ("referral", {}),
    ]
    assert [row["converted"]["sum(budget)"]["value"] for row in found[:2]] == [2000.0, 500.0]


def test_it_groups_by_references_and_what_lies_behind_them(people: Any) -> None:
    tech = Organization.create(name="T", industry="Technology")
    other = Organization.create(name="R", industry="Retail")
    ada = Contact.create(name="A", email="a@t.example", organization=tech)
    for name, organization, contact in (("1", tech, ada), ("2", tech, None), ("3", other, None)):
        Lead.create(name=name, source="x", organization=organization, contact=contact)
    Lead.create(name="4", source="x")
    assert Lead.aggregate(group="organization.industry") == [
        {"organization.industry": "Retail", "count": 1},
        {"organization.industry": "Technology", "count": 2},
        {"organization.industry": None, "count": 1},
    ]
    assert Lead.aggregate(group=["contact.organization.industry"]) == [
        {"contact.organization.industry": "Technology", "count": 1},
        {"contact.organization.industry": None, "count": 3},
    ]
    assert {row["organization"] for row in Lead.aggregate(group="organization")} == {
        tech.pk, other.pk, None,
    }  # fmt: skip


def test_it_groups_by_stretches_of_time_in_a_zone(acme: Any) -> None:
    for moment in (datetime(2023, 12, 31, 23, 30, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)):
        with clock.set_clock(moment, purpose="replay"):
            Lead.create(name="L", source="x")

    def stretches(by: str, **more: Any) -> list[str]:
        unit = by.partition("(")[0]
        return [row[unit] for row in Lead.aggregate(by=by, **more)]

    assert stretches("day(createdAt)") == ["2023-12-31", "2024-02-01"]
    assert stretches("day(createdAt)", zone="Europe/Berlin") == ["2024-01-01", "2024-02-01"]
    assert stretches("week(createdAt)") == ["2023-W52", "2024-W05"]
    assert stretches("month(createdAt)") == ["2023-12", "2024-02"]
    assert stretches("quarter($createdAt)") == ["2023-Q4", "2024-Q1"]
    assert stretches("year(first_touch_at)") == ["2023", "2024"]


def test_it_takes_having_sort_and_limit(leads: list[Lead]) -> None:
    found = aggregate(
        Lead, group="source", measure="count", having={"count": {"$gte": 2}}, sort="-count", limit=1
    )
    assert found.as_json() == {"groups": [{"source": "website", "count": 3}], "hasMore": True}


def test_a_median_alone_is_a_row_for_each_group(
    leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Lead.aggregate(group="source", measure="count,median(score)")
    assert len(both) < len(leads)
    monkeypatch.setattr("headlessly.query.aggregates.MAX_ROWS", len(both))
    alone = Lead.aggregate(group="source", measure="median(score)")
    assert alone == [{k: v for k, v in row.items() if k != "count"} for row in both]


def test_all_together_is_one_row_of_one_statement(
    leads: list[Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headlessly.query.aggregates.MAX_ROWS", 1)
    scores = sorted(lead.score for lead in leads if lead.score is not None)
    assert Lead.aggregate() == [{"count": len(leads)}]
    assert Lead.aggregate(measure="count,avg(score),median(score)") == [
        {"count": len(leads), "avg(score)": mean(scores), "median(score)": median(scores)}
    ]
    assert Lead.aggregate(measure="median(score)") == [{"median(score)": median(scores)}]
    assert Lead.aggregate({"name": "nobody"}, measure="count,median(score)") == [
        {"count": 0, "median(score)": None}
    ]


def test_it_measures_the_past(leads: list[Lead]) -> None:
    before = clock.now()
    for lead in leads[:3]:
        Lead.update(lead.pk, source="fair")
    assert Lead.aggregate(group="source", as_of=before)[2] == {"source": "website", "count": 3}
    assert Lead.aggregate(group="source")[0] == {"source": "fair", "count": 5}


def test_nothing_is_counted_of_another_tenant(leads: list[Lead], rival: Any) -> None:
    with tenancy.active(rival):
        assert Lead.aggregate() == [{"count": 0}]
        assert Lead.aggregate(group="source", measure="sum(budget)") == []


def test_a_limited_rep_counts_what_they_see(leads: list[Lead], acme: Any, people: Any) -> None:
    acme.limits_reps = True
    acme.save()
    stranger = Actor("user_x", "Cleo", "rep", people.cleo.pk, limited=True)
    with actors.acting(stranger):
        assert Lead.aggregate() == [{"count": 3}]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"group": "nothing"}, "group: Lead has no field 'nothing'"),
        ({"group": "need"}, "group: need cannot be grouped by"),
        ({"group": "createdAt"}, "Use by=month"),
        ({"group": "name.x"}, "name is no reference"),
        ({"group": "contact.organization.parent.industry"}, "at most 2 references"),
        ({"measure": "total(budget)"}, "measure: 'total(budget)' is none"),
        ({"measure": "sum"}, "measure: 'sum' is none"),
        ({"measure": "sum(name)"}, "measure: sum is of number and integer and money fields: score"),
        ({"measure": "sum(xyz)"}, "measure: Lead has no field 'xyz'"),
        ({"by": "hour(createdAt)"}, "by: use one of day"),
        ({"by": "month(name)"}, "by: name is no day and no moment"),
        ({"by": "month(createdAt)", "zone": "Mars/Base"}, "zone: use an IANA time zone"),
        ({"sort": "-score"}, "sort: there is no 'score' here"),
        ({"having": {"score": 1}}, "having: 'score' is no number that is measured"),
        ({"having": {"count": {"$regex": 1}}}, "having: there is no operator"),
        ({"having": {"count": "many"}}, "having: count is compared with a number"),
        ({"having": [1]}, "having: send an object"),
        ({"measure": "max(createdAt)", "having": {"max(createdAt)": {"$gt": 5}}}, "is no number"),
        ({"sort": 5}, "sort: send names"),
        ({"sort": {"count": "up"}}, "sort: looks like"),
        ({"group": 5}, "group: send names"),
        ({"by": 5}, "by: use one of day"),
        ({"zone": 5, "by": "day(createdAt)"}, "zone: use an IANA"),
        ({"limit": 0}, "limit is a whole number from 1 to 10,000."),
        ({"limit": "x"}, "limit is a whole number"),
        ({"limit": "9" * 5000}, "limit is a whole number"),
        ({"filter": {"xyz": 1}}, "Lead has no field 'xyz'"),
    ],
)
def test_it_says_what_does_not_fit(acme: Any, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidFilter, match=said.replace("(", r"\(").replace(")", r"\)")):
        Lead.aggregate(**asked)


def test_it_refuses_more_groups_than_anyone_reads(
    acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headlessly.query.aggregates.MAX_GROUPS", 1)
    for name in ("A", "B"):
        Deal.create(name=name, value=1)
    with pytest.raises(InvalidFilter, match="more than 1 groups"):
        Deal.aggregate(group="name")


def test_it_is_one_statement_whatever_there_is(
    leads: list[Lead], django_assert_max_num_queries: Any
) -> None:
    # A savepoint and its time limit, whether there are rates, and the records.
    with django_assert_max_num_queries(6):
        Lead.aggregate(group="source,owner", measure="count,sum(budget),avg(score)")


def test_it_answers_programs_too(api: Any, leads: list[Lead], people: Any) -> None:
    by_status = api.call(
        "GET", "/leads/aggregate?group=source&measure=count,sum(budget)&sort=-count"
    )
    assert by_status.json() == {
        "groups": Lead.aggregate(group="source", measure="count,sum(budget)", sort="-count"),
        "hasMore": False,
    }
    narrowed = "/leads/aggregate?source=website&score__gte=20&owner=Bob Stone"
    assert api.call("GET", narrowed).json()["groups"] == [{"count": 1}]
    having = '/leads/aggregate?group=source&having={"count":{"$gt":2}}'
    assert [g["source"] for g in api.call("GET", having).json()["groups"]] == ["website"]


@pytest.mark.parametrize(
    ("query", "field"),
    [("measure=sum(x)", "measure"), ("having=1", "having"), ("cursor=x", "cursor"), ("by=x", "by")],
)
def test_it_tells_programs_what_does_not_fit(api: Any, query: str, field: str) -> None:
    answer = api.call("GET", f"/leads/aggregate?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.django_db(transaction=True)
def test_a_script_measures(leads: list[Lead]) -> None:
    done = scripts.run('Lead.aggregate({"source": "fair"}, measure="count,max(score)")')
    assert done.value == [{"count": 2, "max(score)": 90.0}]


def test_who_reads_measures_and_strangers_do_not(api: Any, acme: Any, lead: Any) -> None:
    reader = type(api)(acme, "read")
    assert reader.call("GET", "/leads/aggregate").json()["groups"] == [{"count": 1}]
    assert Client().get("/~acme/leads/aggregate").status_code == 401
