"""Trying rules on the past: over real events, writing nothing, beside what really happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import Activity, Contact, Deal, Lead, Organization, Rule, Team, TeamMember
from crm.models import RuleRun, RuleTurn
from crm.rules import runs
from crm.rules.backtest import trial
from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.log.events import Event
from tests.answered import answered, problem
from tests.contract.described import described_to
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)

NOW = timezone.now()
FOLLOW_UP = {"do": "Activity.create", "with": {"subject": "Ask {{name}}", "deal": "{{$id}}"}}


def at(days: float) -> Any:
    return clock.set_clock(NOW - timedelta(days=days), purpose="demo")


@pytest.fixture
def team(users: Any, people: Any) -> Team:
    """Bob and Cleo, in this order."""
    made = Team.create(name="North")
    for member in (people.bob, people.cleo):
        TeamMember.create(team=made, member=member)
    return made


def assignment(**given: Any) -> Rule:
    condition = {"type": "Lead", "filter": given.pop("filter", {})}
    return Rule.create(**{"name": "Inbound", "condition": condition, "how": "Turns"} | given)


def lead(name: str, days: float, **given: Any) -> Lead:
    with at(days):
        return Lead.create(**{"name": name, "source": "web"} | given)


def convert(lead: Lead, people: Any) -> None:
    lead.update(contact=people.ada)
    lead.update(status="Contacted").update(status="Qualified")
    lead.convert()


def tried(rule: Rule, days: float = 90, until: float = 0) -> dict[str, Any]:
    period = trial.Period(NOW - timedelta(days=days), NOW - timedelta(days=until))
    return trial.try_on_the_past(rule, period)


def shares(found: dict[str, Any], what: str) -> dict[Any, int]:
    return {each["name"]: each[what]["count"] for each in found["people"] if each[what]["count"]}


# -- assignment ---------------------------------------------------------------------------------------


def test_it_says_who_would_have_got_what_beside_who_got_it(team, people):
    leads = [lead(f"L{n}", 40 - n) for n in range(4)]
    for each in leads[:3]:
        each.update(owner=people.cleo)
    convert(leads[0], people)
    lead("Too old", 100), lead("Owned", 20, owner=people.bob), lead("Other", 20, source="fair")
    found = tried(assignment(team=team, filter={"source": "web"}))
    assert (found["events"], found["owned"], found["fitting"]) == (6, 1, 4)
    assert shares(found, "would") == {"Bob Stone": 2, "Cleo Marsh": 2}
    assert shares(found, "really") == {"Cleo Marsh": 3, None: 1}
    bob = next(each for each in found["people"] if each["name"] == "Bob Stone")
    assert bob["would"] == {"count": 2, "converted": 1, "rate": 50.0}
    assert (found["same"]["count"], found["other"]["count"]) == (1, 3)
    assert found["records"][0] | {"at": None} == {
        "record": leads[0].pk, "at": None, "would": people.bob.pk, "really": people.cleo.pk
    }  # fmt: skip


def test_the_condition_is_asked_of_the_lead_as_it_came(team, people):
    made = lead("L", 40, budget=5)
    made.update(source="fair", budget=1)
    assert tried(assignment(team=team, filter={"source": "web", "budget": 5}))["fitting"] == 1


def test_days_ago_are_counted_from_then(team, people):
    for days in (40, 39):
        lead(f"L{days}", days, first_touch_at=NOW - timedelta(days=45.5))
    rule = assignment(team=team, filter={"firstTouchAt": {"$gte": "6 days ago"}})
    assert tried(rule)["fitting"] == 1


def test_what_earlier_rules_take_is_theirs(team, people):
    lead("A", 40), lead("B", 39, source="fair")
    assignment(name="First", position=1, how="Nobody", filter={"source": "fair"})
    found = tried(assignment(team=team, position=2))
    assert (found["taken"], found["fitting"]) == (1, 1)


def test_capacities_are_counted_on_the_way(team, people):
    lead("Bob's", 95, owner=people.bob)
    first = lead("L0", 40)
    for n in range(1, 4):
        lead(f"L{n}", 40 - n)
    rule = assignment(team=team, capacity=1)
    found = tried(rule)
    assert shares(found, "would") == {"Cleo Marsh": 1, None: 3}, "Bob had one open lead before"
    with at(38.5):
        first.update(status="Contacted").lose(lost_reason="Price")
    assert shares(tried(rule), "would") == {"Cleo Marsh": 2, None: 2}, "L2 came after L0 was lost"
    rule.update(fallback=people.bob)
    assert shares(tried(rule), "would") == {"Cleo Marsh": 2, "Bob Stone": 2}


# -- score --------------------------------------------------------------------------------------------

WEB = {"name": "From the web", "points": 30, "type": "Lead", "filter": {"source": "web"}}
CALLS = {
    "name": "Calls", "points": 20, "type": "Activity", "filter": {"type": "Call", "status": "Completed"},
    "since": "completedAt", "halfLife": 10, "cap": 50,
}  # fmt: skip


def scoring(*lines: Any, **given: Any) -> Rule:
    said = {"name": "Worth", "kind": "Score", "condition": {"type": "Lead", "filter": {}}}
    return Rule.create(**said | {"lines": list(lines or (WEB, CALLS))} | given)


def call(lead: Lead, days: float) -> None:
    with at(days):
        Activity.log(subject="Call", type="Call", lead=lead)


def test_it_says_what_each_lead_was_worth_when_it_was_decided(people):
    won, lost = lead("Won", 60, score=12), lead("Lost", 50, source="fair", score=40)
    open_one = lead("Open", 40)
    call(won, 45), call(open_one, 10)
    with at(45):
        convert(won, people)
    with at(20):
        lost.lose(lost_reason="Price")
    # After it was decided nothing counts any more.
    call(won, 5), call(lost, 5)
    with at(4):
        won.update(source="fair")
        lost.update(source="web")
    lead("Too old", 100), lead("Gone", 30).delete()
    found = tried(rule := scoring(is_active=False))
    numbers = {each["record"]: (each["would"], each["really"]) for each in found["records"]}
    assert numbers == {won.pk: (50, 12), lost.pk: (0, 40), open_one.pk: (40, None)}
    moments = {each["record"]: each["at"] for each in found["records"]}
    assert moments[won.pk] == NOW - timedelta(days=45)
    assert found["decided"] == {"count": 2, "converted": 1, "rate": 50.0}
    assert (found["fitting"], found["open"], found["events"]) == (3, 1, 4)
    assert found["higher"] == {"count": 1, "converted": 1, "rate": 100.0}
    assert (found["lower"]["count"], found["same"]["count"], found["unscored"]["count"]) == (
        1,
        0,
        1,
    )
    assert found["order"] == {"would": 1.0, "really": 0.0}
    # As of a day on which nothing was decided about it, it was still open.
    before = tried(rule, until=46)
    numbers = {each["record"]: each["would"] for each in before["records"]}
    assert numbers == {won.pk: 30, lost.pk: 0}
    assert before["decided"]["count"] == 0


def test_a_line_behind_a_reference_asks_the_company_as_it_was(people):
    with at(60):
        corp = Organization.create(name="Corp")
    made, open_one = (lead(name, 50, organization=corp) for name in ("Lost", "Open"))
    with at(45):
        corp.update(industry="Technology")
    with at(30):
        made.lose(lost_reason="Price")
    with at(20):
        corp.update(industry="Retail")
    tech = {"name": "Tech", "points": 10, "type": "Lead",
            "filter": {"organization.industry": "Technology"}}  # fmt: skip
    found = tried(scoring(tech, is_active=False))
    numbers = {each["record"]: each["would"] for each in found["records"]}
    assert numbers == {made.pk: 10, open_one.pk: 0}


def test_the_number_is_the_one_that_the_rule_gave_where_it_was_active(people):
    rule = scoring(WEB, {**CALLS, "halfLife": None})
    made = [lead(f"L{n}", 30 - n, source="web" if n % 2 else "fair") for n in range(4)]
    for each in made[:3]:
        call(each, 20)
    with at(15):
        Lead.get(made[0].pk).lose(lost_reason="Price")
        convert(Lead.get(made[1].pk), people)
    scoring(name="First", position=1, condition={"type": "Lead", "filter": {"name": "L3"}})
    found = tried(rule)
    assert (found["fitting"], found["taken"], found["same"]["count"]) == (3, 1, 3)
    assert all(each["would"] == each["really"] for each in found["records"])
    assert found["tenths"][-1] == {
        "tenth": 2,
        "would": {"from": 20, "to": 20, "count": 1, "converted": 0, "rate": 0.0},
        "really": {"from": 20, "to": 20, "count": 1, "converted": 0, "rate": 0.0},
    }
    asked = scoring({**WEB, "name": "Won", "filter": {"status": "Converted"}}, is_active=False)
    assert tried(asked)["givesAway"] == ["Won"]


def test_many_leads_are_scored_by_as_many_statements_as_few(people):
    rule = scoring(is_active=False)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            tried(rule)
        return len(asked)

    def some(name: str, many: int) -> None:
        for n in range(many):
            with at(40 - n / 10):
                Lead.create(name=f"{name}{n}", source="web").lose(lost_reason="Price")

    some("L", 2), lead("Open", 40)
    few = statements()
    some("M", 20), lead("Open too", 39)
    assert statements() == few
    assert few < 25


# -- automations --------------------------------------------------------------------------------------


def automation(*steps: Any, **given: Any) -> Rule:
    filter = given.pop("filter", {})
    return Rule.create(
        **{
            "name": "Ask", "kind": "Automation", "events": ["Deal.Created"],
            "condition": {"type": "Deal", "filter": filter}, "steps": list(steps),
        } | given
    )  # fmt: skip


def deal(name: str, days: float, **given: Any) -> Deal:
    with at(days):
        return Deal.create(**{"name": name, "value": 1} | given)


def test_it_says_what_would_have_been_done_and_when(people):
    won = deal("Won early", 40, value=10)
    with at(39):
        won.win()
    waits, late = deal("Still open", 40, value=10), deal("Yesterday", 1, value=10)
    small = deal("Small", 40)
    small.update(value=10)
    rule = automation({"wait": "3 days"}, FOLLOW_UP, filter={"value": {"$gte": 5}, "wonAt": None})
    found = tried(rule)
    assert (found["events"], found["fitting"]) == (4, 3)
    wait, step = found["steps"]
    assert (wait["would"], wait["waiting"], wait["stopped"]) == (1, 1, 1)
    assert (step["would"], found["really"]) == (1, {"done": 0})
    (told,) = found["records"]
    assert (told["record"], told["at"]) == (waits.pk, NOW - timedelta(days=37))
    assert found["others"] == {"count": 3, "converted": 1, "rate": 33.3}
    assert late.pk != told["record"]


def test_it_agrees_with_what_the_rule_really_does(people):
    rule = automation({"wait": {"until": "expectedCloseDate", "at": "09:00"}}, FOLLOW_UP)
    for n in range(5):
        deal(f"D{n}", 30 - n, expected_close_date=(NOW - timedelta(days=20 - n)).date())
    deal("Without a day", 30)
    runs.work()
    assert RuleRun.objects.filter(state="Done").count() == 5
    found = tried(rule, until=-1)
    assert found["steps"][1]["would"] == found["really"]["done"] == 5
    assert found["steps"][0]["stopped"] == 1


def test_the_moments_of_references_are_those_of_then(people):
    deal("D", 40, organization=people.corp)
    rule = automation(FOLLOW_UP, filter={"organization.industry": "Technology"})
    people.corp.update(industry="Retail")
    assert tried(rule)["fitting"] == 0, "the company was made later than the deal"
    with at(50):
        there = Contact.create(name="Old", email="old@x.example", title="CTO")
    deal("E", 40, contact=there)
    there.update(title="CEO")
    rule.update(condition={"type": "Deal", "filter": {"contact.title": "CTO"}})
    assert tried(rule)["fitting"] == 1


# -- first answers ------------------------------------------------------------------------------------


def test_it_says_which_leads_would_have_been_answered_in_time(team, people):
    quick, slow = lead("Quick", 40, owner=people.bob), lead("Slow", 40, owner=people.cleo)
    lead("Never", 30), lead("Today", 0.01)
    with at(39.99):
        Activity.log(subject="Call", type="Call", lead=quick)
    with at(38):
        slow.update(status="Contacted")
    convert(quick, people)
    rule = Rule.create(name="SLA", kind="FirstAnswer", condition={"type": "Lead", "filter": {}},
                       within=60)  # fmt: skip
    found = tried(rule, until=-1)
    counts = {name: found[name]["count"] for name in ("met", "missed", "waiting")}
    assert counts == {"met": 1, "missed": 2, "waiting": 1}
    assert (found["fitting"], found["met"]["converted"], found["really"]["missed"]) == (4, 1, 0)
    by = {each["name"]: (each["met"], each["missed"]) for each in found["people"]}
    assert by == {"Bob Stone": (1, 0), "Cleo Marsh": (0, 1), None: (0, 1)}
    assert found["records"][0]["record"] == slow.pk


# -- both ---------------------------------------------------------------------------------------------


def test_nothing_is_written_and_the_database_refuses_to(team, people):
    lead("L", 40)
    rule = assignment(team=team)
    before = Event.log.count()
    tried(rule)
    assert (Event.log.count(), RuleTurn.objects.count()) == (before, 0)
    with pytest.raises(DatabaseError, match="read-only"), trial.only_reading():
        Lead.create(name="L", source="x")


def test_a_rule_that_is_not_active_can_be_tried_and_costs_as_much_for_more(team, people):
    def statements(count: int) -> int:
        for n in range(count):
            lead(f"L{n}", 40 - n / 100)
        with CaptureQueriesContext(connection) as found:
            tried(rule)
        return len(found)

    rule = assignment(team=team, is_active=False)
    assert statements(2) == statements(20)


def test_many_are_read_in_pages_none_twice_and_none_left_out(team, people, monkeypatch):
    monkeypatch.setattr(trial, "PAGE", 3)
    with at(40):
        for n in range(10):
            Lead.create(name=f"L{n}", source="web")
    assert tried(assignment(team=team))["fitting"] == 10


def test_what_there_is_no_time_for_is_left_out_and_said(team, people, monkeypatch):
    monkeypatch.setattr(trial, "PAGE", 3)
    for n in range(10):
        lead(f"L{n}", 40 - n)
    rule = assignment(team=team)
    period = trial.Period(NOW - timedelta(days=90), NOW, deadline=0)
    found = trial.try_on_the_past(rule, period)
    assert (found["complete"], found["events"]) == (False, 3)
    assert found["reached"] == NOW - timedelta(days=38)


def test_rest_tries_a_rule(team, people, api, rival, rival_api):
    lead("L", 40)
    rule = assignment(team=team)
    there = f"/rules/{rule.pk}/backtest"
    assert answered(api.call("POST", there))["fitting"] == 1
    described_to(api).fits("ruleBacktest", api.call("POST", there), 200)
    assert answered(api.call("POST", f"{there}?from=30d ago"))["fitting"] == 0
    day = (NOW - timedelta(days=41)).date()
    assert answered(api.call("POST", f"{there}?from={day}&to=now"))["fitting"] == 1
    for query, said in (
        ("from=soon", "from"), ("from=now&to=2d ago", "before the end"), ("from=3 years ago", "366"),
        ("since=1", "since"),
    ):  # fmt: skip
        assert said in problem(api.call("POST", f"{there}?{query}"), 400, "bad_request")["message"]
    problem(rival_api.call("POST", there), 404, "not_found")
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        theirs = assignment(how="Nobody")
        assert tried(theirs)["events"] == 0


def test_the_browser_tries_a_rule(team, people, cleo, bob):
    for n in range(4):
        lead(f"L{n}", 40 - n)
    rule = assignment(team=team)
    page = f"/~acme/admin/crm/rule/{rule.pk}/"
    assert f"{page}backtest/" in cleo.get(f"{page}change/").content.decode()
    assert "Bob Stone" not in cleo.get(f"{page}backtest/").content.decode()
    shown = cleo.post(f"{page}backtest/", {"from": "", "to": ""}).content.decode()
    assert "Bob Stone" in shown and "L3" in shown and "2 · 0.0 %" in shown
    wrong = cleo.post(f"{page}backtest/", {"from": "x", "to": ""}).content.decode()
    assert "2026-01-31" in wrong
    assert bob.get(f"{page}backtest/").status_code == 403
    scores = scoring(is_active=False)
    page = f"/~acme/admin/crm/rule/{scores.pk}/"
    assert f"{page}backtest/" in cleo.get(f"{page}change/").content.decode()
    shown = cleo.post(f"{page}backtest/", {"from": "", "to": ""}).content.decode()
    assert "By this rule" in shown and ">L3<" in shown and "As it stood there" in shown
    follows = automation({"wait": "3 days"}, FOLLOW_UP)
    deal("D", 30)
    page = f"/~acme/admin/crm/rule/{follows.pk}/backtest/"
    shown = cleo.post(page, {"from": "", "to": ""}).content.decode()
    assert "Wait 3 days" in shown and ">D<" in shown


def test_its_page_names_what_is_gone_and_what_is_nobodys(team, people, cleo):
    lead("Kept", 40)
    gone = lead("Gone", 40)
    condition = {"type": "Lead", "filter": {}}
    rule = Rule.create(name="SLA", kind="FirstAnswer", condition=condition, within=60)
    gone.delete()
    shown = cleo.post(f"/~acme/admin/crm/rule/{rule.pk}/backtest/", {"from": "", "to": ""})
    html = shown.content.decode()
    assert "By who has them" in html and "Kept" in html
    assert "not there any more" in html and gone.pk not in html
    assert ">Nobody<" in html
