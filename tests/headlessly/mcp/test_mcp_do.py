"""`do`: a script over MCP is what it is anywhere, by whoever has the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.urls import resolve

from crm import Contact, Deal, Lead
from headlessly.models import Event
from headlessly.scripts import limits
from headlessly.undo import at_once
from tests.answered import unchanged
from tests.headlessly.admin.conftest import users

__all__ = ["users"]

CONVERT = """
found = $.Lead.find({"status": "Qualified"}, sort="-score", limit=5)
for lead in found:
    Lead.convert(lead.id)
print(len(found), "converted")
[lead.name for lead in found]
"""


def test_it_runs_a_script_by_the_key_that_sent_it(agent: Any, qualified: Lead) -> None:
    said = agent.tool("do", code=CONVERT)
    assert said["value"] == [qualified.name]
    assert said["output"] == "1 converted\n"
    names = [event["name"] for event in said["events"]]
    assert names[:2] == ["Script.Ran", "Lead.Converted"]
    assert Lead.get(qualified.pk).status == "Converted"
    for event in Event.objects.filter(id__in=[event["$id"] for event in said["events"]]):
        assert event.actor == agent.key.pk
    history = agent.tool("fetch", type="History", id=qualified.pk)
    converted = next(e for e in history["results"] if e["name"] == "Lead.Converted")
    assert converted["cause"] == said["events"][0]["$id"]
    script = agent.tool("fetch", type="Event", id=converted["cause"], fields=["data"])
    assert script["data"]["code"] == CONVERT


def test_it_shows_what_would_happen(agent: Any, qualified: Lead) -> None:
    with unchanged():
        said = agent.tool("do", code=CONVERT, dryRun=True)
    assert said["dryRun"] is True
    assert "Lead.Converted" in [event["name"] for event in said["events"]]
    assert said["value"] == [qualified.name]


def test_it_answers_a_long_list_of_records_by_their_main_fields_and_says_so(
    agent: Any, lead: Lead
) -> None:
    for n in range(10):
        Lead.create(name=f"Lead {n}", source="event", contact=lead.contact_id)
    said = agent.tool("do", code="{'all': Lead.find(include=['contact'])}")
    assert len(said["value"]["all"]) == 11 and "fields=" in said["leftOut"]["how"]
    for each in said["value"]["all"]:
        assert (
            each["source"] and each["contact"]["name"] == "Ada Chen" and "sourceDetail" not in each
        )
    for code in ("Lead.find(limit=10)", f"Lead.get('{lead.pk}')", "Lead.find(fields=['budget'])"):
        said = agent.tool("do", code=code)
        assert "leftOut" not in said
        assert "budget" in (said["value"][0] if isinstance(said["value"], list) else said["value"])


@pytest.mark.parametrize(
    ("code", "error", "saying"),
    [
        ("Lead.explode()", "script_error", "Line 2: "),
        ("import os", "script_error", "Line 2: Imports"),
        ("Lead.lose('lead_nothing', lostReason='x')", "not_found", "Line 2: There is no Lead"),
        ("Lead.convert(made.id)", "refused", "Line 2: "),
        ("while True: pass", "limit_exceeded", "0.5 s"),
    ],
)
def test_it_says_at_which_line_it_failed_and_what_to_do_next(
    agent: Any, lead: Lead, code: str, error: str, saying: str, monkeypatch: Any
) -> None:
    less = replace(limits.LIMITS["manager"], seconds=0.5)
    monkeypatch.setitem(limits.LIMITS, "manager", less)
    with unchanged():
        said = agent.refused("do", code=f"made = Lead.create(name='x', source='y')\n{code}")
    assert said["error"] == error
    assert saying in said["message"]
    assert said.get("line") == (None if error == "limit_exceeded" else 2)


def test_it_runs_a_script_with_an_idempotency_key_once(agent: Any, qualified: Lead) -> None:
    def send(code: str, key: str) -> Any:
        return agent.ask(
            "tools/call", {"name": "do", "arguments": {"code": code}}, Idempotency_Key=key
        )

    first = send(CONVERT, "one")
    again = send(CONVERT, "one")
    assert again["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    assert Deal.objects.count() == 1
    wrong = f"Lead.lose('{qualified.pk}', lostReason='x')"
    with unchanged():
        for _ in range(2):
            refusal = send(wrong, "two")
            assert refusal.json()["result"]["isError"]
            assert "Idempotency-Replayed" not in refusal


def test_it_reaches_no_other_tenant(agent: Any, rivals_agent: Any, lead: Lead, theirs: Any) -> None:
    assert agent.tool("do", code="[l.name for l in Lead.find()]")["value"] == [lead.name]
    assert rivals_agent.tool("do", code="[l.name for l in Lead.find()]")["value"] == ["Their lead"]
    with unchanged():
        said = agent.refused("do", code=f"Lead.get('{theirs.lead.pk}')")
    assert said["error"] == "not_found"


def test_a_key_that_may_only_propose_stores_what_it_would_do(acme, lead):
    """An agent proposes, a person decides, and the agent reads what became of it."""
    from headlessly.scripts import proposals
    from tests.headlessly.mcp.conftest import Agent

    agent = Agent(acme, "propose")
    assert [tool["name"] for tool in agent.result("tools/list")["tools"]] == [
        "search",
        "fetch",
        "do",
    ]
    there_is = agent.tool("fetch", type="Schema")
    assert "Proposal" in there_is["more"]
    assert there_is["types"]["Lead"]["verbs"][:2] == ["usual", "convert"]
    assert "convert" in agent.tool("fetch", type="Schema", id="Lead")["may"]
    assert "Use fetch." in agent.refused("search", type="Proposal")["message"]
    assert agent.tool("do", code="Lead.count()")["value"] == 1
    said = agent.tool("do", code=f'Lead.update("{lead.pk}", score=5)')
    assert said["events"][0]["changes"] == {"score": [82, 5]}
    id = said["proposal"]["$id"]
    page = f"/~acme/admin/proposals/{id}/"
    assert f"a person has to approve it, at http://testserver{page}. fetch" in said["next"]
    assert resolve(page.removeprefix("/~acme"), "headlessly.tenant_urls").url_name == "proposal"
    assert agent.tool("fetch", type="Proposal", id=id)["status"] == "Pending"
    lead.refresh_from_db()
    assert lead.score == 82
    code = "\n".join(
        f'Lead.create(name="L{n}", source="x").update(score={n + 1})' for n in range(15)
    )
    many = agent.tool("do", code=code)
    assert [each["name"] for each in many["events"]].count("Lead.Created") == 15
    proposals.refuse(id, "Not yet")
    found = agent.tool("fetch", type="Proposal", id=id)
    assert (found["status"], found["reason"]) == ("Refused", "Not yet")
    assert Agent(acme, "read").refused("fetch", type="Proposal", id=id)["error"] == "not_found"


def test_it_takes_back_what_an_agent_did_and_says_what_stays(agent: Any, acme: Any) -> None:
    leads = [Lead.create(name=f"Lead {n}", source="event") for n in range(3)]
    done = agent.tool("do", code='for lead in Lead.find():\n    lead.lose(lostReason="Price")')
    Lead.update(leads[0].pk, status="New")
    Lead.lose(leads[0].pk, lost_reason="Timing")
    request = done["requestId"]
    said = agent.tool("do", code=f'Request.undo("{request}")')
    assert said["value"]["$type"] == "Undo"
    assert {each["id"] for each in said["value"]["undone"]} == {leads[1].pk, leads[2].pk}
    assert [(each["id"], each["reason"]) for each in said["value"]["stays"]] == [
        (leads[0].pk, "changed")
    ]
    assert [Lead.get(lead.pk).status for lead in leads] == ["Lost", "New", "New"]
    again = agent.refused("do", code=f'Request.undo("{request}")')
    assert again["error"] == "conflict"


def test_a_large_request_is_taken_back_in_the_background(
    agent: Any, rivals_agent: Any, work: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(at_once, "MOST_EVENTS", 5)
    leads = [Lead.create(name=f"Lead {n}", source="event") for n in range(8)]
    done = agent.tool("do", code='for lead in Lead.find():\n    lead.lose(lostReason="Price")')
    request = done["requestId"]
    assert rivals_agent.refused("do", code=f'Request.undo("{request}")')["error"] == "not_found"
    tried = agent.tool("do", code=f'Request.undo("{request}")', dryRun=True)["value"]
    assert (tried["$type"], work()) == ("LargeUndo", []), "what is tried leaves no job"
    said = agent.tool("do", code=f'Request.undo("{request}")')["value"]
    assert said["status"] == "queued"
    assert "undo.run" in work()
    assert {Lead.get(lead.pk).status for lead in leads} == {"New"}
    told = agent.call("GET", f"/undos/{said['$id']}").json()
    assert (told["status"], told["undone"], told["stays"]) == ("completed", 8, 0)


def test_a_verb_takes_a_name_for_the_one_record_that_has_it_in_scripts_and_over_rest(
    agent: Any, lead: Any, people: Any, users: Any
) -> None:
    agent.tool("do", code=f'Lead.get("{lead.pk}").assign(owner="cleo marsh", reason="She asked")')
    assert Lead.get(lead.pk).owner_id == people.cleo.pk
    made = agent.call(
        "POST",
        "/leads",
        {"name": "By name", "source": "x", "owner": "Bob Stone", "organization": "acme.example"},
    ).json()
    assert (made["owner"], made["organization"]) == (people.bob.pk, people.corp.pk)
    dan = {"name": "Dan", "organization": "Acme Corp"}
    known = agent.call("PUT", "/contacts/by/email/dan@acme.example", dan)
    assert known.json()["organization"] == people.corp.pk
    changed = agent.call("PATCH", f"/leads/{made['$id']}", {"owner": "Cleo Marsh"}).json()
    assert changed["owner"] == people.cleo.pk


def test_a_name_that_is_not_one_records_is_refused_with_those_that_are_near(
    agent: Any, reader: Any, lead: Any, people: Any, users: Any, theirs: Any
) -> None:
    Contact.create(name="Ada Chen")
    for name, said in (
        ("Bob Stoen", "no Contact is called 'Bob Stoen'. Did you mean 'Bob Stone'?"),
        ("Ada Chen", "2 contacts are called 'Ada Chen'. Give the id of one"),
        ("Eve Rival", "no Contact is called 'Eve Rival'."),
        ("me", "you are not linked to a contact here"),
    ):
        refused = agent.refused("do", code=f'Lead.update("{lead.pk}", owner="{name}")')
        assert (refused["error"], refused["field"]) == ("validation_error", "owner")
        assert said in refused["message"] and said in refused["details"][0]["message"]
        rest = agent.call("PATCH", f"/leads/{lead.pk}", {"owner": name})
        assert rest.status_code == 422 and said in rest.json()["message"]
    assert agent.call("PATCH", "/leads/lead_fX9bL5nRdK2a", {"owner": "Nobody"}).status_code == 404
    assert reader.call("PATCH", f"/leads/{lead.pk}", {"owner": "Bob Stone"}).status_code == 403
    assert Lead.get(lead.pk).owner_id == people.bob.pk


def test_it_says_which_field_was_meant_by_a_word_that_several_have_or_another_noun(
    agent: Any, lead: Any
) -> None:
    for code, said in (
        (
            'Deal.find({"closeDate": "today"})',
            "Did you mean 'actualCloseDate', 'expectedCloseDate'?",
        ),
        ('Campaign.find(fields=["revenue"])', "Did you mean 'targetRevenue', 'actualRevenue'?"),
        ('Activity.find({"owner": "me"})', "Did you mean 'assignee'?"),
        ('Activity.create(subject="Call", owner="me")', "Did you mean 'assignee'?"),
        ('Segment.create(name="Hot", filter={"status": "New"})', "It is a part of criteria."),
        ('Activity.log(subject="Call", type="Call").owner', "Did you mean 'assignee'?"),
        ('Lead.find({"scor": 5})', "Did you mean 'score'?"),
    ):
        assert said in agent.refused("do", code=code)["message"], code
