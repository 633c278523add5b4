"""The team's numbers side by side: whose they are, of which period, beside the period before."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from statistics import median
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Deal, Lead, Rule
from crm.rules import first_answer
from headlessly.context import clock
from headlessly.query import periods, reads
from headlessly.query.list_address import filter_of_query
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


def test_what_came_from_them_is_no_touch_of_ours(people: Any) -> None:
    """A lead that came in, wrote and called is touched by nobody; one of a period is no other's."""
    leads = [Lead.create(name=f"L{n}", source="x", owner=people.bob) for n in range(4)]
    silent, wrote, answered, earlier = leads
    for lead in (wrote, answered):
        Activity.log(subject="Mail", type="Email", direction="Inbound", lead=lead)
    Activity.log(subject="Call", type="Call", direction="Outbound", lead=answered)
    then = NOW - timedelta(days=400)
    Activity.log(subject="Call", type="Call", lead=earlier, completed_at=then)
    Activity.create(subject="Planned", lead=silent, assignee=people.bob)
    for slice, expected in (
        (Slice(periods.read_period({"period": "last_90_days"})), [answered]),
        (
            Slice(periods.read_period({"from": f"{then:%Y-%m-%d}", "to": f"{then:%Y-%m-%d}"})),
            [earlier],
        ),
    ):
        report = measure(reports.require("team"), slice)
        row = next(row for row in report.rows or () if row.key == people.bob.pk)
        assert row.values["touched"] == 1
        records = row.lists["touched"]
        assert records is not None
        assert list(Lead.find(records.filter)) == expected
        assert list(records.queryset()) == expected
        address = filter_of_query(Lead, records.query.removeprefix("?"))
        assert list(Lead.find(address)) == expected
    # Beside the period before it is that of its own.
    both = Slice(periods.read_period({"period": "last_90_days"}))
    assert "Bob Stone" not in rows(both.before)
    assert rows(both)["Bob Stone"]["touched"] == 1


@pytest.fixture
def promised(people: Any) -> None:
    """Bob answered two of three leads that a rule wanted answered, one of them too late; Cleo none of one."""
    Rule.create(
        name="Soon", kind="FirstAnswer", condition={"type": "Lead", "filter": {}}, within=10
    )
    with clock.set_clock(NOW - timedelta(hours=3), purpose="replay"):
        leads = [Lead.create(name=f"P{n}", source="x", owner=people.bob) for n in range(3)]
        Lead.create(name="P3", source="x", owner=people.cleo)
    for lead, minutes in zip(leads, (5, 60), strict=False):
        at = NOW - timedelta(hours=3) + timedelta(minutes=minutes)
        Activity.log(subject="Call", type="Call", lead=lead, assignee=people.bob, completed_at=at)
    for lead in Lead.find({"answer": "Waiting"}):
        first_answer.note_missed_answer(lead.pk)


def counted_behind(row: Any) -> dict[str, Any]:
    """Each number of a row, counted again from the records of the list behind it, one by one."""
    found: dict[str, Any] = {}
    for name, records in row.lists.items():
        found[name] = records.noun.find(records.filter, limit=100)
        assert len(found[name]) == reads.record_page(records.noun, records.filter).total, name
    counted = {name: len(records) for name, records in found.items()}
    worth = sum(deal.value for deal in found["won"])
    waited = [
        (first_answer.first_touch_of(lead) - lead.created_at).total_seconds()
        for lead in found["firstAnswer"]
        if first_answer.first_touch_of(lead) is not None
    ]
    ended = counted["wonDeals"] + counted["lostDeals"]
    due = due_of(row)
    return counted | {
        "won": worth,
        "firstAnswer": median(waited) if waited else None,
        "answeredInTime": counted["answeredInTime"] / due * 100 if due else None,
        "winRate": counted["wonDeals"] / ended * 100 if ended else None,
    }


def due_of(row: Any) -> int:
    """How many leads of a row's owner a rule wanted answered by now."""
    return len(Lead.find({"owner": row.key, "answerDueAt": {"$lte": NOW}}))


def test_each_number_is_that_of_the_list_behind_it(month, promised):
    for row in measure(reports.require("team"), month).rows or ():
        counted = counted_behind(row)
        for name, value in row.values.items():
            value = value.converted if name == "won" else value
            expected = counted[name]
            assert value == (expected if expected is None else pytest.approx(expected)), name
    bob = rows(month)["Bob Stone"]
    assert bob["answeredInTime"] == pytest.approx(100 / 3)
    assert 300 <= bob["firstAnswer"] < 3600


def test_what_waits_for_no_answer_yet_counts_in_no_share(month, promised, people):
    Lead.create(name="Not due yet", source="x", owner=people.bob)
    assert rows(month)["Bob Stone"]["answeredInTime"] == pytest.approx(100 / 3)


def test_of_another_period_there_is_only_what_is_due(month):
    before = Slice(periods.read_period({"from": "2020-01-01", "to": "2020-12-31"}))
    found = rows(before)
    assert {name: row["newLeads"] for name, row in found.items()} == {"Cleo Marsh": 0}
    assert found["Cleo Marsh"]["overdue"] == 1


def test_two_periods_in_a_row_have_the_numbers_of_each_alone(month, people):
    with clock.set_clock(NOW - timedelta(days=40), purpose="replay"):
        for number in range(3):
            lead = Lead.create(name=f"Then {number}", source="x", owner=people.bob)
            Activity.log(subject="Call", type="Call", lead=lead, assignee=people.cleo)
        Deal.create(name="Then", value=70, owner=people.bob, stage="Negotiation").win()
    # Touched again, and one of them by themselves.
    Activity.log(subject="Again", type="Call", lead=lead, assignee=people.cleo)
    Activity.log(subject="Mail", type="Email", direction="Inbound", lead=lead)
    first = NOW.date() - timedelta(days=29)
    asked = {"from": f"{first}", "to": f"{NOW.date()}"}
    earlier = {"from": f"{first - timedelta(days=30)}", "to": f"{first - timedelta(days=1)}"}
    alone = [rows(Slice(periods.read_period(each))) for each in (earlier, asked)]
    slice = Slice(periods.read_period(asked))
    with CaptureQueriesContext(connection) as both:
        assert [rows(slice.before), rows(slice)] == alone
    assert (alone[0]["Bob Stone"]["newLeads"], alone[0]["Cleo Marsh"]["calls"]) == (3, 3)
    assert (alone[1]["Bob Stone"]["newLeads"], alone[1]["Bob Stone"]["calls"]) == (1, 1)
    assert [each["Bob Stone"]["touched"] for each in alone] == [3, 2]
    assert [each["Bob Stone"]["won"] for each in alone] == [{"USD": 70}, {"USD": 5000}]
    assert all(each["Bob Stone"]["firstAnswer"] is not None for each in alone)
    for parts in (
        ('"created_at" >=', "COUNT("), ("bool_or",), ("percentile_cont",), ('SUM("crm_deal"."value")',),
    ):  # fmt: skip
        read = [q["sql"] for q in both if all(part in q["sql"] for part in parts)]
        assert len(read) == 1, f"What has {parts} is read once for both."


def test_its_page_says_what_it_was_before_and_leads_to_lists(month, cleo, people):
    html = cleo.get(f"{TEAM}?period=this_year").content.decode()
    assert f'<a href="/~acme/admin/?of={people.bob.pk}" title="Their day">{people.bob}</a>' in html
    assert re.search(r'data-label="Win rate"><a href="[^"]*stage=Won,[^"]*Lost[^"]*">50', html)
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
    for name in (
        "newLeads",
        "nonsense",
        "funnel",
    ):  # the steps of a funnel have a page of their own
        assert cleo.get(f"/~acme/admin/dashboard/tables/{name}/").status_code == 404
    assert cleo.get("/~acme/admin/dashboard/tables/lostReasons/").status_code == 200


def test_every_table_that_the_reports_lead_to_is_there(cleo, acme):
    html = cleo.get("/~acme/admin/reports/").content.decode()
    found = set(re.findall(r'href="(/~acme/admin/dashboard/tables/\w+/)"', html))
    assert f"{TEAM}" in found and len(found) > 5
    for address in found:
        assert cleo.get(address).status_code == 200, address


def test_a_limited_rep_sees_their_own_row(month, bob, acme):
    acme.limits_reps = True
    acme.save()
    html = bob.get(f"{TEAM}?period=this_year").content.decode()
    body = html.split("<tbody>")[1].split("</tbody>")[0]
    assert body.count("<tr>") == 2 and "Bob Stone" in body and "Nobody" in body


def test_all_together_is_what_adds_up(month, ann, acme, people):
    Deal.create(name="Elsewhere", value=900, currency="EUR", owner=people.cleo).win()
    html = ann.get(f"{TEAM}?period=this_year").content.decode()
    foot = html.split("<tfoot>")[1].split("</tfoot>")[0]
    cells = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<td.*?</td>", foot)]
    # New, touched, the first answer, in time, conversions, won, deals won, win rate, calls, overdue.
    assert cells == ["3", "1", "", "", "1", "$5,000 + €900", "2", "67\xa0%", "1", "1"]
    assert (
        "<tfoot>" not in ann.get(f"{TEAM}?period=this_year&owner={people.bob.pk}").content.decode()
    )
    # Each leads to what it counts, as the rows do.
    for cell in re.findall(r"<td.*?</td>", foot):
        if (link := re.search(r'href="([^"]+)">(\d+)<', cell)) is not None:
            shown = ann.get(unescape(link[1])).content.decode()
            assert re.search(rf'<span class="count">{link[2]}</span>', shown), cell
    assert foot.count("<a ") == 8
