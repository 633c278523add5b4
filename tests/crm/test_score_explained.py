"""Why a lead has its score, and a score rule that is tried before it is switched on; who reads what of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crm import Activity, Lead, Organization, Rule
from crm.rules.score import preview
from crm.rules.score.explaining import explain_score
from headlessly.access import actors
from headlessly.log.events import Event
from tests.answered import answered, problem
from tests.crm.scoring import ALL, CALLS, RICH, START, TECH, WEB, at, recount_now, rule
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.mcp.conftest import agent  # noqa: F401

# -- why ----------------------------------------------------------------------------------------------


def explained(api: Any, lead: Lead, query: str = "") -> dict[str, Any]:
    found = answered(api.call("GET", f"/leads/{lead.pk}/score{query}"))
    if found["rule"] is not None:
        assert (
            sum(each["points"] for each in found["lines"]) + found["heldBack"] == found["counted"]
        )
        assert found["fit"] + found["engagement"] + found["heldBack"] == found["counted"]
    return found


def test_a_score_is_explained_line_by_line(people, api):
    with at(0):
        made = rule(WEB, RICH, TECH, CALLS, thresholds=[{"name": "Hot", "from": 80},
                                                        {"name": "Warm", "from": 40}])  # fmt: skip
        corp = Organization.create(name="Of then", industry="Technology")
        lead = Lead.create(name="L", source="website", organization=corp)
    with at(1):
        call = Activity.log(subject="Call", type="Call", lead=lead)
    with at(1.5):
        found = explained(api, lead)
    assert (found["score"], found["counted"], found["byHand"]) == (60, 59, False)
    found = explained(api, lead, f"?asOf={(START + timedelta(days=1.2)).isoformat()[:-6]}Z")
    assert (found["score"], found["counted"], found["fit"], found["engagement"]) == (60, 60, 40, 20)
    assert found["rule"] == {"$id": made.pk, "name": "Worth", "version": 1}
    web, rich, tech, calls = found["lines"]
    assert web["because"] == [{"field": "source", "value": "website"}]
    assert (rich["points"], rich["holds"], rich["because"]) == (0, False, [])
    assert tech["because"] == [{"field": "organization.industry"}]
    assert calls["because"][0]["$id"] == call.pk and calls["count"] == 1
    assert found["threshold"] == "Warm"
    assert found["next"] == {
        "name": "Hot", "from": 80, "missing": 20, "changes": [{"line": "Has money", "points": 25}]
    }  # fmt: skip


def test_what_is_kept_by_hand_and_what_no_rule_is_for_say_so(people, api, rival_api):
    plain = Lead.create(name="P", source="x", score=12)
    assert explained(api, plain)["rule"] is None
    made = rule(WEB, condition={"type": "Lead", "filter": {"source": "website"}})
    lead = Lead.create(name="L", source="website", score=90)
    found = explained(api, lead)
    assert (found["score"], found["counted"], found["byHand"]) == (90, 30, True)
    found = explained(api, plain)
    assert (found["score"], found["counted"], found["rule"], found["lines"]) == (12, None, None, [])
    assert rival_api.call("GET", f"/leads/{lead.pk}/score").status_code == 404
    problem(api.call("GET", f"/leads/{lead.pk}/score?asOf=never"), 400, "invalid_filter")
    problem(api.call("GET", f"/leads/{lead.pk}/score?nope=1"), 400, "bad_request")
    assert made.pk


def test_more_than_a_hundred_and_less_than_nothing_are_held_back(people, api):
    lines = [{**WEB, "name": f"{n}", "points": 60} for n in range(2)]
    rule(*lines, {**RICH, "points": -100, "filter": {"source": "x"}})
    lead = Lead.create(name="L", source="website")
    assert (lead.score, explained(api, lead)["heldBack"]) == (100, -20)
    assert (lead.update(source="x").score, explained(api, lead)["heldBack"]) == (0, 100)


def test_an_agent_is_told_why(people, agent):  # noqa: F811
    rule(WEB)
    lead = Lead.create(name="L", source="website")
    found = agent.tool("fetch", id=f"{lead.pk}/score")
    assert found["lines"][0]["points"] == 30
    assert "<id>/score" in agent.tool("fetch", type="Schema", id="Lead")["fetch"]
    assert "<id>/score" in agent.refused("fetch", id=f"{lead.pk}/worth")["message"]


# -- trying -------------------------------------------------------------------------------------------


def test_a_rule_is_tried_before_it_is_switched_on(people, api):
    for n in range(12):
        Lead.create(name=f"L{n}", source="website" if n % 2 else "x", score=n * 8)
    made = rule(WEB, is_active=False)
    found = answered(api.call("GET", f"/rules/{made.pk}/preview"))
    assert (found["leads"], found["isAll"], found["fitting"], found["typed"]) == (12, True, 12, 12)
    assert found["changes"] == 11, "what had none has none"
    assert sum(each["after"] for each in found["histogram"]) == 12
    assert found["histogram"][3]["after"] == 6 and found["histogram"][0]["after"] == 6
    assert found["examples"][0] == {
        "$id": Lead.find({"name": "L10"})[0].pk, "name": "L10", "before": 80, "after": 0
    }  # fmt: skip
    assert len(found["examples"]) == 10
    assert Event.objects.filter(name="Lead.Rescored").count() == 0
    other = Rule.create(name="Who", condition=ALL, how="Nobody")
    assert problem(api.call("GET", f"/rules/{other.pk}/preview"), 422, "refused")


def test_a_limited_rep_is_told_of_their_own_leads_alone(people, users, bob, cleo, acme):
    acme.limits_reps = True
    acme.save()
    mine = Lead.create(name="Mine", source="website", owner=people.bob)
    Lead.create(name="Secret", source="website", owner=people.cleo)
    lost = Lead.create(name="Lost", source="website", owner=people.cleo)
    lost.lose(lost_reason="Price")
    made = rule(WEB, is_active=False)
    found = answered(bob.get(f"/~acme/rules/{made.pk}/preview"))
    assert (found["leads"], found["changes"], found["unscored"]) == (1, 1, 1)
    assert sum(each["after"] for each in found["histogram"]) == 1
    assert [each["$id"] for each in found["examples"]] == [mine.pk]
    assert answered(bob.get(f"/~acme/rules/{made.pk}/separation"))["leads"] == 0
    page = bob.get(f"/~acme/admin/crm/rule/{made.pk}/panels/try/").content.decode()
    assert "Mine: " in page and "Secret" not in page
    with actors.acting(actors.SYSTEM):
        assert preview.preview_rule(made.pk)["leads"] == 3
        assert preview.separation_of_rule(made.pk)["leads"] == 1
    made.update(is_active=True)
    recount_now()
    shown = [each.get(f"/~acme/admin/crm/rule/{made.pk}/change/") for each in (bob, cleo)]
    assert ["Counting all leads" in each.content.decode() for each in shown] == [False, True]


def test_a_limited_rep_is_told_why_without_what_others_did(people, users, bob, acme):
    acme.limits_reps = True
    acme.save()
    rule(CALLS)
    mine = Lead.create(name="Mine", source="website", owner=people.bob)
    for assignee in (people.bob, people.cleo):
        Activity.log(lead=mine, type="Call", subject="Secret", assignee=assignee)
    (own,) = Activity.find({"assignee": people.bob.pk})
    with actors.acting(actors.SYSTEM):
        (whole,) = explain_score(mine.pk)["lines"]
    assert (whole["count"], len(whole["because"])) == (2, 2)
    (line,) = answered(bob.get(f"/~acme/leads/{mine.pk}/score"))["lines"]
    assert (line["points"], line["count"]) == (whole["points"], 2), "all of it counts"
    assert [each["$id"] for each in line["because"]] == [own.pk]


def test_it_says_how_well_it_separates(people, api):
    made = rule(WEB, {**RICH, "filter": {"lostReason": None}})
    for n in range(40):
        good = n % 2 == 0
        lead = Lead.create(
            name=f"L{n}", source="website" if good else "x", contact=people.ada, score=1
        )
        lead.update(status="Contacted").update(status="Qualified")
        if n % 4 == 0 or n == 1:
            lead.convert(without_deal=True)
        else:
            lead.lose(lost_reason="Price")
    Lead.create(name="Open", source="website")
    made.update(lines=[WEB])
    found = answered(api.call("GET", f"/rules/{made.pk}/separation"))
    assert (found["leads"], found["converted"], found["isAll"]) == (40, 11, True)
    assert [each["leads"] for each in found["tenths"]] == [4] * 10
    assert found["tenths"][-1]["gain"] == 1
    assert sum(each["converted"] for each in found["tenths"][:5]) == 10
    # 10 of 11 converted and 10 of 29 lost are from the site: (10 * 19 + 10 * 10 / 2 + 19 / 2) / 319
    assert round(found["order"], 3) == round((190 + 50 + 9.5) / 319, 3)
    assert found["givesAway"] == []
    made.update(lines=[{**RICH, "filter": {"lostReason": None}}])
    found = answered(api.call("GET", f"/rules/{made.pk}/separation"))
    assert found["givesAway"] == ["Has money"]
