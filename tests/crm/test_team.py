"""The team's numbers side by side: whose they are, of which period, beside the period before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Deal, Lead
from headlessly.context import clock
from headlessly.query import periods, reads
from headlessly.query.named_reports import measure, reports
from headlessly.query.reports import Slice
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)

NOW = datetime.now(UTC)
TEAM = "/~acme/admin/dashboard/tables/team/"


@pytest.fixture
def month(people: Any) -> Slice:
    """Bob answered a lead, converted it, won one of two deals; Cleo has a task that is late."""
    lead = Lead.create(name="A", source="x", owner=people.bob, contact=people.ada)
    Activity.log(subject="Call", type="Call", lead=lead, assignee=people.bob)
    for status in ("Contacted", "Qualified"):
        lead.update(status=status)
    lead.convert()
    Lead.create(name="B", source="x", owner=people.cleo)
    Lead.create(name="C", source="x")
    for name, value in (("Won", 5000), ("Lost", 10)):
        deal = Deal.create(name=name, value=value, owner=people.bob, stage="Negotiation")
        deal.win() if name == "Won" else deal.lose(lost_reason="Price")
    Activity.create(subject="Late", assignee=people.cleo, due_at=NOW - timedelta(days=1))
    return Slice(periods.read_period({"period": "this_year"}))


def rows(slice: Slice) -> dict[str, dict[str, Any]]:
    found = measure(reports.require("team"), slice).rows or ()
    return {row.name: row.as_json() for row in found}


def test_each_has_their_own_numbers_and_the_best_comes_first(month, people):
    found = rows(month)
    assert list(found) == ["Bob Stone", "Cleo Marsh", "Nobody"]
    bob, cleo, nobody = found.values()
    counted = {
        name: bob[name] for name in ("newLeads", "touched", "conversions", "wonDeals", "calls")
    }
    assert counted == {"newLeads": 1, "touched": 1, "conversions": 1, "wonDeals": 1, "calls": 1}
    assert (bob["winRate"], bob["won"], bob["overdue"]) == (50, {"USD": 5000}, 0)
    assert 0 <= bob["firstAnswer"] < 60
    assert (cleo["newLeads"], cleo["overdue"], cleo["winRate"], cleo["firstAnswer"]) == (
        1,
        1,
        None,
        None,
    )
    assert nobody["newLeads"] == 1


def test_each_number_is_that_of_the_list_behind_it(month):
    for row in measure(reports.require("team"), month).rows or ():
        for name, records in row.lists.items():
            if records is not None and name not in (
                "won",
                "firstAnswer",
                "answeredInTime",
                "lostDeals",
            ):
                assert reads.record_page(records.noun, records.filter).total == row.values[name], (
                    name
                )


def test_of_another_period_there_is_only_what_is_due(month):
    before = Slice(periods.read_period({"from": "2020-01-01", "to": "2020-12-31"}))
    found = rows(before)
    assert {name: row["newLeads"] for name, row in found.items()} == {"Cleo Marsh": 0}
    assert found["Cleo Marsh"]["overdue"] == 1


def test_two_periods_in_a_row_have_the_numbers_of_each_alone(month, people):
    with clock.set_clock(NOW - timedelta(days=40), purpose="replay"):
        for number in range(3):
            Lead.create(name=f"Then {number}", source="x", owner=people.bob)
        Activity.log(subject="Call", type="Call", contact=people.ada, assignee=people.cleo)
    first = NOW.date() - timedelta(days=29)
    asked = {"from": f"{first}", "to": f"{NOW.date()}"}
    earlier = {"from": f"{first - timedelta(days=30)}", "to": f"{first - timedelta(days=1)}"}
    alone = [rows(Slice(periods.read_period(each))) for each in (earlier, asked)]
    slice = Slice(periods.read_period(asked))
    with CaptureQueriesContext(connection) as both:
        assert [rows(slice.before), rows(slice)] == alone
    assert (alone[0]["Bob Stone"]["newLeads"], alone[0]["Cleo Marsh"]["calls"]) == (3, 1)
    assert (alone[1]["Bob Stone"]["newLeads"], alone[1]["Bob Stone"]["calls"]) == (1, 1)
    counts = [q["sql"] for q in both if '"created_at" >=' in q["sql"] and "GROUP BY" in q["sql"]]
    assert len(counts) == 1, "The leads created in both are counted in one pass."


def test_its_page_says_what_it_was_before_and_leads_to_lists(month, cleo, people):
    html = cleo.get(f"{TEAM}?period=this_year").content.decode()
    assert f'<th scope="row">{people.bob}</th>' in html and "50" in html
    assert f"owner={people.bob.pk}" in html
    assert TEAM in cleo.get("/~acme/admin/").content.decode()


def test_who_has_done_nothing_is_there_as_well(users, acme, cleo):
    html = cleo.get(TEAM).content.decode()
    assert "Bob Stone" in html and "Cleo Marsh" in html


@pytest.mark.parametrize("query", ["period=nonsense", "asOf=2999-01-01", "what=1", "from=x"])
def test_what_it_does_not_understand_it_says(cleo, query):
    answer = cleo.get(f"{TEAM}?{query}")
    assert answer.status_code == 200 and 'role="alert"' in answer.content.decode()


def test_of_a_number_without_rows_there_is_no_such_page(cleo, acme):
    for name in ("newLeads", "nonsense"):
        assert cleo.get(f"/~acme/admin/dashboard/tables/{name}/").status_code == 404
    assert cleo.get("/~acme/admin/dashboard/tables/lostReasons/").status_code == 200


def test_a_limited_rep_sees_their_own_row(month, bob, acme):
    acme.limits_reps = True
    acme.save()
    html = bob.get(f"{TEAM}?period=this_year").content.decode()
    body = html.split("<tbody>")[1].split("</tbody>")[0]
    assert body.count("<tr>") == 2 and "Bob Stone" in body and "Nobody" in body
