"""Rules are made by every way in, and what they do is seen by every one: files and agents too."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from crm import Activity, Lead, Rule, Team, TeamMember
from crm.rules import runs
from headlessly.context import clock
from marketing import Form
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.mcp.conftest import Agent, agent
from tests.headlessly.transfer.conftest import imported, send

__all__ = ["agent", "imported", "send"]
ALL = {"type": "Lead", "filter": {}}
WEB = {"type": "Lead", "filter": {"source": {"$in": ["website", "form"]}}}
LINES = [
    {"name": "Site", "points": 30, "type": "Lead", "filter": {"source": "website"}},
    {"name": "Calls", "points": 20, "type": "Activity", "filter": {"type": "Call"},
     "since": "completedAt", "halfLife": 10, "cap": 50},
]  # fmt: skip
STEPS = [
    {"wait": "3 days"},
    {"do": "Activity.create", "with": {"subject": "Ask {{lead.name}}", "lead": "{{lead.$id}}"}},
]


def as_csv(*rows: dict[str, Any]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    for row in rows:
        said = {n: v if isinstance(v, str) else json.dumps(v) for n, v in row.items()}
        writer.writerow(said)
    return out.getvalue().encode()


# -- files --------------------------------------------------------------------------------------------


def test_rules_of_each_kind_come_by_a_file(people, users, imported, api):
    team = Team.create(name="North")
    TeamMember.create(team=team, member=people.bob)
    rows = [
        {"name": "Inbound", "kind": "Assignment", "condition": WEB, "how": "Turns", "team": team.pk,
         "offHours": "Give anyway"},
        {"name": "Soon", "kind": "FirstAnswer", "condition": ALL, "within": 60},
        {"name": "Worth", "kind": "Score", "condition": ALL, "lines": LINES,
         "thresholds": [{"name": "Hot", "from": 25}]},
        {"name": "Ask", "kind": "Automation", "condition": ALL, "events": "Lead.Created", "steps": STEPS},
    ]  # fmt: skip
    told = imported("rules", as_csv(*rows))
    assert told["created"] == 4, told
    found = {each.name: each for each in Rule.objects.all()}
    assert found["Inbound"].condition == WEB and found["Inbound"].off_hours == "Give anyway"
    assert found["Worth"].lines == LINES and found["Ask"].steps == STEPS
    assert [each.error for each in found.values()] == [None] * 4
    lead = answered(api.call("POST", "/leads", {"name": "L", "source": "website"}), 201)
    assert (lead["owner"], lead["score"], lead["answer"]) == (people.bob.pk, 30, "Waiting")
    runs.work()
    assert runs.RuleRun.objects.get().state == "Waiting"


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        ({"kind": "Score", "condition": ALL, "lines": [{**LINES[0], "points": 500}]}, "lines", "100"),
        ({"kind": "Score", "condition": ALL, "lines": "[{"}, "lines", ""),
        ({"kind": "Assignment", "condition": {"type": "Lead", "filter": {"nope": 1}}, "how": "Nobody"},
         "condition", "nope"),
        ({"kind": "Assignment", "condition": "all", "how": "Nobody"}, "condition", ""),
        ({"kind": "Automation", "condition": ALL, "events": "Lead.Created",
          "steps": [{"do": "Activity.create", "with": {"subject": "{{ticket.name}}"}}]}, "steps", "ticket"),
        ({"kind": "Assignment", "condition": ALL, "how": "Nobody", "offHours": "Sleep"}, "offHours",
         "Give anyway"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong_is_named_and_the_others_come(people, imported, row, field, said):
    good = {"name": "Good", "kind": "Assignment", "condition": ALL, "how": "Nobody"}
    told = imported("rules", as_csv({"name": "Bad", **row}, good))
    assert (told["created"], told["refused"]) == (1, 1), told
    (error,) = told["errors"]
    assert (error["row"], error["field"]) == (1, field) and said in error["message"], error
    assert [each.name for each in Rule.objects.all()] == ["Good"]


# -- agents -------------------------------------------------------------------------------------------


def test_an_agent_makes_a_good_rule_and_sees_what_it_did(people, users, agent):
    with clock.set_clock(clock.now() - runs.timedelta(days=20), purpose="demo"):
        Lead.create(name="Old", source="website")
    said = agent.tool(
        "do",
        code=f"""
made = Rule.create(name="Ask", kind="Automation", condition={ALL!r}, events=["Lead.Created"],
                   steps={STEPS[1:]!r}, isActive=False)
made["$id"]
""",
    )
    (made,) = Rule.objects.all()
    assert made.error is None, said
    tried = agent.tool("fetch", id=f"{made.pk}/backtest")
    assert (tried["events"], tried["acted"]["count"]) == (1, 1), tried
    assert not Activity.count(), "nothing is written"
    agent.tool("do", code=f'Rule.update("{made.pk}", isActive=True)')
    agent.tool("do", code='Lead.create(name="Ada", source="website")')
    runs.work()
    (run,) = agent.tool("fetch", id=f"{made.pk}/runs")["results"]
    assert (run["state"], run["steps"][0]["state"]) == ("Done", "Done")
    assert Activity.objects.get().subject == "Ask Ada"
    assert agent.tool("fetch", id=f"{made.pk}/failures")["results"] == []
    told = agent.tool("fetch", type="Schema", id="Rule")["fetch"]
    assert all(f"<id>/{name}" in told for name in ("runs", "failures", "backtest", "preview"))
    assert "from" in told["<id>/backtest"] and "<id>/failuresRetry" not in told


def test_an_agent_stops_tries_again_and_asks_for_a_period(people, users, agent):
    made = Rule.create(
        name="Ask", kind="Automation", condition=ALL, events=["Lead.Created"], steps=STEPS
    )
    Lead.create(name="Ada", source="website")
    runs.work()
    (run,) = agent.tool("fetch", id=f"{made.pk}/runs", parameters={"state": "Waiting"})["results"]
    assert "Asleep" not in str(run)
    wrong = agent.refused("fetch", id=f"{made.pk}/runs", parameters={"state": "Asleep"})
    assert "Waiting" in wrong["message"]
    tried = agent.tool("fetch", id=f"{made.pk}/backtest", parameters={"from": "2 days ago"})
    assert tried["events"] == 1
    assert (
        "since"
        in agent.refused("fetch", id=f"{made.pk}/backtest", parameters={"since": "1d ago"})[
            "message"
        ]
    )
    agent.tool("do", code=f'Rule.runStop("{made.pk}", "{run["id"]}")', dryRun=True)
    assert runs.RuleRun.objects.get().state == "Waiting", "a dry run stops nothing"
    agent.tool("do", code=f'Rule.get("{made.pk}").runStop(run="{run["id"]}")')
    assert runs.RuleRun.objects.get().state == "Stopped"
    said = agent.tool("do", code=f'Rule.runAll("{made.pk}", dryRun=True)["count"]')
    assert said["value"] == 1, said
    assert agent.tool("do", code=f'Rule.failuresRetry("{made.pk}")')["value"] == {"count": 0}
    told = agent.tool("fetch", type="Schema", id="Rule")["do"]
    assert {"runAll", "runStop", "runRetry", "failuresRetry"} == set(told)
    for code in (
        f'Rule.run_all("{made.pk}", dry_run=True)',
        f'Rule.get("{made.pk}").run_all(True)',
    ):
        assert agent.tool("do", code=f'{code}["count"]')["value"] == 1, (
            "as verbs: in Python's way too"
        )


def test_an_agent_of_another_tenant_asks_in_vain(people, rival):
    made = Rule.create(name="R", condition=ALL, how="Nobody")
    others = Agent(rival, "write")
    for name in ("failuresRetry", "runAll"):
        assert made.pk in others.refused("do", code=f'Rule.{name}("{made.pk}")')["message"]
    for name in ("runs", "failures", "backtest"):
        assert made.pk in others.refused("fetch", id=f"{made.pk}/{name}")["message"]


def test_an_agent_that_may_not_change_rules_sees_no_runs(people, acme):
    made = Rule.create(name="R", condition=ALL, how="Nobody")
    reader = Agent(acme, "read")
    for name in ("runs", "failures", "backtest"):
        assert "may not" in reader.refused("fetch", id=f"{made.pk}/{name}")["message"]


def test_what_agents_fetch_takes_no_address_of_rest(people, api):
    made = Rule.create(name="R", condition=ALL, how="Nobody")
    assert answered(api.call("GET", f"/rules/{made.pk}/runs"))["results"] == []
    assert api.call("GET", f"/rules/{made.pk}/backtest").status_code == 405
    assert answered(api.call("POST", f"/rules/{made.pk}/backtest"))["rule"] == made.pk


def test_who_takes_a_wrong_name_is_told_the_right_one(people, api, agent):
    made = Rule.create(name="R", condition=ALL, how="Nobody")
    lead = Lead.create(name="L", source="website")
    for asked in ("GET", "POST"):
        said = problem(api.call(asked, f"/rules/{made.pk}/runAll"), 404, "not_found")["message"]
        assert "POST runs/<run>/stop" in said and "GET preview" in said
    said = problem(api.call("GET", f"/leads/{lead.pk}/scores"), 404, "not_found")["message"]
    assert "Did you mean 'score'?" in said
    assert "with do" in agent.refused("fetch", id=f"{made.pk}/runAll")["message"]
    assert "<id>/runs" in agent.refused("fetch", id=f"{made.pk}/runs/run_x/stop")["message"]
    assert "id of a Rule" in agent.refused("fetch", type="Lead", id=f"{made.pk}/x")["message"]
    for code, name in (
        (f'Lead.score("{lead.pk}")', "score"),
        (f'Rule.backtest("{made.pk}")', "backtest"),
        (f'Rule.get("{made.pk}").backtest()', "backtest"),
    ):
        assert f"fetch of <id>/{name}" in agent.refused("do", code=code)["message"], code


# -- what comes by every way --------------------------------------------------------------------------


def test_first_answers_automations_and_scores_follow_every_way_in(
    people,
    users,
    api,
    agent,
    imported,
    cleo,
):
    Rule.create(name="Soon", kind="FirstAnswer", condition=ALL, within=60)
    Rule.create(
        name="Ask", kind="Automation", condition=ALL, events=["Lead.Created"], steps=STEPS[1:]
    )
    Rule.create(name="Worth", kind="Score", condition=ALL, lines=LINES)
    answered(api.call("POST", "/leads", {"name": "REST", "source": "x"}), 201)
    agent.tool("do", code='Lead.create(name="MCP", source="x")')
    assert imported("leads", b"name,source\nRow,x\n")["created"] == 1
    cleo.post("/~acme/admin/crm/lead/add/", {"name": "Browser", "source": "x", "status": "New"})
    form = Form.create(name="F", fields=[{"name": "email", "type": "email"}]).publish()
    form.submit(email="new@person.example")
    Lead.create(name="Python", source="x")
    leads = list(Lead.objects.all())
    assert len(leads) == 6
    assert all(lead.answer == "Waiting" and lead.answer_due_at for lead in leads)
    runs.work()
    runs.recount.count_due()
    assert sorted(Activity.objects.values_list("subject", flat=True)) == sorted(
        f"Ask {lead.name}" for lead in leads
    )
    assert {run.state for run in runs.RuleRun.objects.all()} == {"Done"}
    assert set(Lead.objects.values_list("score", flat=True)) == {0}
