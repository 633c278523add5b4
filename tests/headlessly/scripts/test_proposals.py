"""Propose and approve: tried, looked at, and then exactly that, or nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.test import Client

from crm import Activity, Contact, Deal, Lead, Rule
from crm.models import RuleAttempt
from headlessly import scripts
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.access.models import Membership, User
from headlessly.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from headlessly.log.events import Event
from headlessly.models import Proposal
from headlessly.scripts import diff, proposals
from tests.answered import answered, problem
from tests.headlessly.test_races import at_once, kinds
from tests.refusals import everything, refused

pytestmark = pytest.mark.django_db

AGENT = Actor("apikey_agent", "Agent", actors.PROPOSER)
CLEO = Actor("user_cleo", "Cleo", actors.MANAGER)


def proposed(code: str, note: str | None = None) -> Proposal:
    """What the agent proposes; nothing happens but that."""
    before = everything()
    with actors.acting(AGENT):
        found = proposals.propose(code, note)
    assert everything() == before, "it was only proposed"
    return found


def approved(id: str, **more: Any) -> tuple[Proposal, Any]:
    with actors.acting(CLEO):
        return proposals.approve(id, **more)


# -- proposing ------------------------------------------------------------------------------------


def test_a_key_that_may_only_propose_stores_what_its_script_would_do(qualified):
    before = everything()
    with actors.acting(AGENT):
        run = scripts.run(f'Lead.convert("{qualified.pk}").status')
    assert everything() == before
    said = run.as_json()
    assert set(said) == {"proposal", "events"}
    assert said["proposal"]["status"] == "Pending" and said["proposal"]["$createdBy"] == AGENT.id
    names = [event["name"] for event in said["events"]]
    assert {"Lead.Converted", "Deal.Created"} <= set(names)
    kept = Proposal.objects.get()
    assert kept.pk == said["proposal"]["$id"].strip() and kept.value == "Converted"
    assert "Script.Ran" not in [event.name for event in kept.events]


def test_what_only_reads_is_answered_and_not_proposed(lead):
    with actors.acting(AGENT):
        assert scripts.run("Lead.count()").as_json() == {"value": 1, "events": [], "output": ""}
        with refused(Invalid, "changes nothing"):
            proposals.propose("Lead.count()")
        dry = scripts.run(f'Lead.update("{lead.pk}", score=1).score', dry_run=True)
    assert dry.value == 1 and dry.proposal is None
    assert not Proposal.objects.exists()


def test_it_writes_nothing_itself(lead):
    with actors.acting(AGENT):
        with refused(Forbidden, "As proposer you may not update"):
            Lead.update(lead.pk, score=1)
        for verb in Lead.verbs:
            assert not actors.may(AGENT, verb, Lead)
        assert actors.may(AGENT, "read", Lead)


def test_what_leaves_no_event_to_look_at_is_not_proposed(lead):
    rule = Rule.create(name="R", condition={"type": "Lead", "filter": {}}, how="Nobody")
    seen = f'Lead.update("{lead.pk}", score=1)'
    unseen = f'Rule.runAll("{rule.pk}")'
    with actors.acting(AGENT):
        for code in (unseen, f"{seen}\n{unseen}"):
            with refused(scripts.ScriptFailed, "Rule.runAll leaves no event to look at"):
                scripts.run(code)
            with refused(scripts.ScriptFailed, "cannot be proposed"):
                proposals.propose(code)
    assert not Proposal.objects.exists()
    proposal = proposed(f"{seen}\nif Lead.count() > 1: {unseen}")
    Lead.create(name="Second", source="website")
    with pytest.raises(Conflict, match="has changed since"):
        approved(proposal.pk)
    assert not RuleAttempt.objects.exists(), "nor done when what was seen is approved"
    with actors.acting(CLEO):
        assert scripts.run(f'{unseen}["count"]').value == 1


def test_what_fails_is_not_stored_and_says_its_line(lead, monkeypatch):
    with actors.acting(AGENT), refused(scripts.ScriptFailed, "Line 2"):
        proposals.propose(f'\nLead.update("{lead.pk}", score=1000)')
    monkeypatch.setattr(proposals, "MOST_EVENTS", 2)
    code = 'for n in range(3):\n    Contact.create(name=f"C{n}")'
    with actors.acting(AGENT), refused(scripts.ScriptFailed, "at most 2 events, not 3"):
        proposals.propose(code)
    monkeypatch.setattr(proposals, "MOST_OPEN", 1)
    proposed('Contact.create(name="one")')
    with actors.acting(AGENT), refused(Conflict, "wait already"):
        proposals.propose('Contact.create(name="two")')
    monkeypatch.undo()
    monkeypatch.setattr(proposals, "MOST_OWN", 1)
    with actors.acting(AGENT), refused(Conflict, "1 proposals of yours wait already"):
        proposals.propose('Contact.create(name="two")')
    for note in ("x" * 501, 5, "a\0"):
        with actors.acting(AGENT), refused(Invalid, "note"):
            proposals.propose("1", note)
    assert Proposal.objects.count() == 1


# -- approving ------------------------------------------------------------------------------------


def test_approving_does_exactly_that_as_the_approver_and_names_both(qualified):
    code = f"""
lead = Lead.get("{qualified.pk}")
lead.update(score=90)
lead.convert()
due = datetime.now(timezone.utc) + timedelta(days=7)
Activity.create(subject="Kick-off", type="Task", lead=lead, dueAt=due)
print("done")
"""
    proposal = proposed(code, "After the call")
    done, run = approved(proposal.pk, version=1)
    assert done.status == "Approved" and done.decided_by == CLEO.id and done.decided_at
    assert Lead.get(qualified.pk).status == "Converted" and Deal.objects.count() == 1
    # The script's clock stood where it was proposed.
    assert (Activity.objects.get().due_at - proposal.moment).days == 7
    own = Event.objects.get(name="Script.Ran")
    assert own.id == done.event == run.event and own.actor == CLEO.id
    assert own.data["proposal"] == proposal.pk and own.data["proposedBy"] == AGENT.id
    assert own.data["code"] == code
    with actors.acting(AGENT):
        outcome = proposals.find_proposal(proposal.pk).as_json()
    assert outcome["status"] == "Approved" and outcome["event"] == own.id
    # What it says now is what happened.
    assert {e["$id"] for e in outcome["events"]} < set(Event.objects.values_list("id", flat=True))


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda lead, people: lead.update(score=50), "previous.score"),
        (lambda lead, people: lead.update(need="Else"), "need"),
        (lambda lead, people: lead.update(owner=people.cleo), "owner"),
        (lambda lead, people: [lead.update(score=1), lead.update(score=82)], "$version"),
        (
            lambda lead, people: Lead.create(name="One more", source="website", owner=people.bob),
            None,
        ),
        (lambda lead, people: lead.lose(lost_reason="Price"), None),
    ],
    ids=["a value", "another field", "a reference", "a version", "one more", "one less"],
)
def test_where_the_world_has_changed_nothing_is_done_and_it_says_what(
    lead, people, change, differs
):
    code = 'for lead in Lead.find({"status": "New"}):\n    lead.update(score=99)'
    proposal = proposed(code)
    change(lead, people)
    before = everything()
    with pytest.raises(Conflict, match="has changed since") as caught:
        approved(proposal.pk)
    assert everything() == before
    told = caught.value.body()
    assert told["reason"] in ("world_changed", "works_no_longer") and told["version"] == 2
    kept = Proposal.objects.get()
    assert kept.version == 2 and kept.is_open
    if differs:
        assert differs in {each["field"] for each in told["differences"]}
        assert kept.differences == told["differences"]
    # Who looked at the first outcome cannot approve the second one; who looks at that can.
    if kept.status == "Pending":
        with pytest.raises(Stale):
            approved(proposal.pk, version=1)
        done, _ = approved(proposal.pk, version=2)
        assert done.status == "Approved" and done.differences is None


def test_one_record_less_makes_no_others_different(lead, people):
    other = Lead.create(name="Quiet", source="website", score=1)
    proposal = proposed(
        """for lead in Lead.find({"status": "New"}, sort="score"):
    lead.lose(lostReason="Quiet")
Contact.create(name="Eve")"""
    )
    other.delete()
    with pytest.raises(Conflict) as caught:
        approved(proposal.pk)
    (gone,) = caught.value.body()["differences"]
    assert (gone["name"], gone["target"], gone["now"]) == ("Lead.Lost", other.pk, None)


def test_what_works_no_longer_is_stale_and_may_work_again(qualified):
    proposal = proposed(f'Lead.convert("{qualified.pk}")')
    qualified.update(contact=None)
    with pytest.raises(Conflict, match="must have a contact"):
        approved(proposal.pk)
    kept = Proposal.objects.get()
    assert kept.status == "Stale" and kept.problem["line"] == 1
    assert qualified.status == "Qualified" and Deal.objects.count() == 0
    with actors.acting(CLEO):
        assert proposals.refuse(kept.pk, "Too late").status == "Refused"


@pytest.mark.django_db(transaction=True)
def test_two_who_approve_at_once_do_it_once(lead):
    proposal = proposed(f'Lead.update("{lead.pk}", score=5)\nContact.create(name="Once")')
    answers = at_once(*[lambda: proposals.approve(proposal.pk, version=1)] * 3)
    assert kinds(answers) == ["Conflict", "Conflict", "tuple"]
    assert Contact.count({"name": "Once"}) == 1
    assert Event.objects.filter(name="Script.Ran").count() == 1


def test_refusing_needs_a_reason_and_is_told(lead):
    proposal = proposed(f'Lead.update("{lead.pk}", score=1)')
    with actors.acting(CLEO):
        for reason in ("", "  ", None, 5):
            with refused(Invalid, "reason"):
                proposals.refuse(proposal.pk, reason)
        proposals.refuse(proposal.pk, "Bob calls her first")
        for decide in (proposals.approve, lambda id: proposals.refuse(id, "again")):
            with refused(Conflict, "is refused already"):
                decide(proposal.pk)
    with actors.acting(AGENT):
        said = proposals.find_proposal(proposal.pk).as_json()
    assert (said["status"], said["reason"]) == ("Refused", "Bob calls her first")


def test_only_what_every_run_makes_anew_may_differ():
    def event(id: str, target: str, **more: Any) -> Event:
        from datetime import UTC, datetime

        moment = datetime(2026, 3, int(more.pop("day", 1)), tzinfo=UTC)
        return Event(
            id=id, target=target, timestamp=moment, **{"previous": {}, "cause": None, **more}
        )

    def one(prefix: str, day: int, owner: str = "contact_1") -> list[Event]:
        return [
            event(
                f"{prefix}1", f"{prefix}new", name="Deal.Created", version=1, day=day, data={"a": 1}
            ),
            event(
                f"{prefix}2",
                "lead_1",
                name="Lead.Updated",
                version=3,
                day=day,
                cause=f"{prefix}1",
                data={"deal": f"{prefix}new", "at": f"2026-03-0{day}T00:00:00Z", "owner": owner},
                previous={"deal": None},
            ),
        ]

    assert diff.differences(one("a", 1), one("b", 2)) == []
    (different,) = diff.differences(one("a", 1), one("b", 2, owner="contact_2"))
    assert different == {
        "name": "Lead.Updated",
        "target": "lead_1",
        "field": "owner",
        "was": "contact_1",
        "now": "contact_2",
    }
    (missing,) = diff.differences(one("a", 1), one("b", 2)[:1])
    assert missing["field"] is None and missing["now"] is None
    assert diff.differences(one("a", 1)[::-1], one("b", 2))


# -- who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [actors.REP, actors.VIEWER, actors.PROPOSER, actors.STRANGER])
def test_only_managers_and_admins_decide(lead, role):
    proposal = proposed(f'Lead.update("{lead.pk}", score=1)')
    with actors.acting(Actor("user_x", "X", role)):
        with refused(Forbidden, f"As {role} you may not decide"):
            proposals.approve(proposal.pk)
        with refused(Forbidden):
            proposals.refuse(proposal.pk, "No")
        with refused(NotFound):
            proposals.find_proposal(proposal.pk).as_json()
        assert proposals.count_to_decide() == 0 and not proposals.visible_proposals().exists()
    with actors.acting(CLEO):
        assert proposals.count_to_decide() == 1


@pytest.mark.parametrize(("role", "limited"), [(actors.REP, True), (actors.VIEWER, False)])
def test_who_is_limited_or_only_reads_neither_proposes_nor_sees_any(lead, people, role, limited):
    with actors.acting(Actor("user_b", "Bob", role, people.bob.pk, limited=limited)):
        with refused(Forbidden, "may not propose"):
            proposals.propose(f'Lead.update("{lead.pk}", score=1)')
        assert not proposals.visible_proposals().exists()


def test_what_is_tracked_is_compared_whatever_it_is_called(lead):
    proposal = proposed('Event.create("counted", {"$version": Lead.count()})')
    Lead.create(name="Another", source="event")
    with actors.acting(CLEO), refused(proposals.ProposalChanged, "The world has changed") as caught:
        proposals.approve(proposal.pk)
    assert [(d["was"], d["now"]) for d in caught.value.extra["differences"]] == [(1, 2)]


def test_nothing_of_another_tenants_shows(lead, rival):
    proposal = proposed(f'Lead.update("{lead.pk}", score=1)')
    with tenancy.active(rival), actors.acting(CLEO):
        assert not proposals.visible_proposals().exists()
        for decide in (
            proposals.find_proposal,
            proposals.approve,
            lambda id: proposals.refuse(id, "No"),
        ):
            with pytest.raises(NotFound):
                decide(proposal.pk)


# -- REST -----------------------------------------------------------------------------------------


@pytest.fixture
def agent(acme, api):
    return type(api)(acme, "propose")


class Person(Client):
    """REST by the session of a member: a person decides."""

    def __init__(self, tenant: Any, role: str, email: str = "max@sign.example") -> None:
        super().__init__(raise_request_exception=False)
        self.user = User.objects.create_user(email, first_name="Max")
        Membership.objects.create(user=self.user, tenant=tenant, role=role)
        self.force_login(self.user)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = b"" if body is None else orjson.dumps(body)
        return self.generic(
            method, f"/~acme{path}", content, content_type="application/json", headers=sent
        )


@pytest.fixture
def manager(acme):
    return Person(acme, "manager")


@pytest.mark.attack
@pytest.mark.parametrize("scope", ["write", "admin"])
def test_no_key_decides(lead, agent, acme, api, scope):
    code = f'Lead.update("{lead.pk}", score=5)'
    place = f"/proposals/{answered(agent.call('POST', '/proposals', {'code': code}), 201)['$id']}"
    key = type(api)(acme, scope)
    before = everything()
    problem(key.call("POST", f"{place}/approve"), 403, "forbidden")
    problem(key.call("POST", f"{place}/refuse", {"reason": "No"}), 403, "forbidden")
    assert everything() == before
    assert answered(key.call("GET", place))["status"] == "Pending"


@pytest.mark.attack
def test_nobody_approves_their_own_unless_the_tenant_says_so(lead, acme, api, manager):
    from headlessly.access.models import ApiKey

    code = f'Lead.update("{lead.pk}", score=5)'
    by_key = type(api)(acme, "propose")
    ApiKey.objects.filter(pk=by_key.key.pk).update(user=manager.user)
    before = everything()
    for who in (manager, by_key):
        made = answered(who.call("POST", "/proposals", {"code": code}), 201)
        place = f"/proposals/{made['$id']}"
        problem(manager.call("POST", f"{place}/approve"), 403, "forbidden", reason="own_proposal")
    assert everything() == before
    other = Person(acme, "manager", "ida@sign.example")
    assert answered(other.call("POST", f"{place}/approve"))["status"] == "Approved"
    acme.allows_own_approval = True
    acme.save()
    made = answered(
        manager.call("POST", "/proposals", {"code": code.replace("score=5", "score=6")}), 201
    )
    done = answered(manager.call("POST", f"/proposals/{made['$id']}/approve"))
    assert done["status"] == "Approved"


def test_it_is_proposed_looked_at_and_approved_by_rest(lead, agent, manager):
    code = f'Lead.update("{lead.pk}", score=5)'
    assert answered(agent.call("GET", "/me"))["role"] == "proposer"
    problem(agent.call("PATCH", f"/leads/{lead.pk}", {"score": 5}), 403, "forbidden")
    assert answered(agent.call("GET", f"/leads/{lead.pk}"))["score"] == 82
    response = agent.call("POST", "/proposals", {"code": code, "note": "Colder than it looked"})
    made = answered(response, 201)
    assert response["Location"].endswith(f"/~acme/proposals/{made['$id']}")
    assert made["events"][0]["changes"] == {"score": [82, 5]} and made["$version"] == 1
    (listed,) = answered(manager.call("GET", "/proposals?status=Pending"))["results"]
    assert listed == {k: v for k, v in made.items() if k in listed} and "events" not in listed
    place = f"/proposals/{made['$id']}"
    problem(agent.call("POST", f"{place}/approve"), 403, "forbidden")
    assert manager.call("GET", place)["ETag"] == '"1"'
    problem(manager.call("POST", f"{place}/approve", If_Match='"7"'), 412, "stale")
    done = answered(manager.call("POST", f"{place}/approve", If_Match='"1"'))
    assert done["status"] == "Approved" and Lead.get(lead.pk).score == 5
    told = problem(manager.call("POST", f"{place}/approve"), 409, "conflict")
    assert told["status"] == "Approved" and "approved already" in told["message"]
    assert answered(agent.call("GET", place))["decidedBy"] == manager.user.pk
    assert answered(manager.call("GET", "/proposals?status=Pending,Stale"))["results"] == []


def test_a_changed_world_is_kept_also_with_an_idempotency_key(lead, agent, manager):
    made = answered(
        agent.call("POST", "/proposals", {"code": f'Lead.update("{lead.pk}", score=5)'}), 201
    )
    lead.update(score=10)
    place = f"/proposals/{made['$id']}"
    told = problem(
        manager.call("POST", f"{place}/approve", Idempotency_Key="k1"),
        409,
        "conflict",
        reason="world_changed",
        version=2,
    )
    changed = {d["field"]: (d["was"], d["now"]) for d in told["differences"]}
    assert changed["previous.score"] == (82, 10) and Lead.get(lead.pk).score == 10
    assert (
        answered(manager.call("POST", f"{place}/approve", Idempotency_Key="k1"))["status"]
        == "Approved"
    )
    again = manager.call("POST", f"{place}/approve", Idempotency_Key="k1")
    assert answered(again)["status"] == "Approved" and again["Idempotency-Replayed"] == "true"


def test_bad_input_is_named(lead, agent, manager):
    problem(agent.call("POST", "/proposals", {}), 400, "bad_request", field="code")
    problem(agent.call("POST", "/proposals", {"code": 5}), 400, "bad_request")
    problem(
        agent.call("POST", "/proposals", {"code": "1", "x": 1}), 422, "validation_error", field="x"
    )
    problem(agent.call("POST", "/proposals", {"code": "Lead.count()"}), 422, "validation_error")
    told = problem(
        agent.call("POST", "/proposals", {"code": "\nLead.explode()"}), 422, "script_error", line=2
    )
    assert "There is: find" in told["message"]
    problem(agent.call("GET", "/proposals?status=Open"), 400, "invalid_filter", field="status")
    problem(agent.call("GET", "/proposals/proposal_x"), 404, "not_found")
    problem(manager.call("POST", "/proposals/proposal_x/refuse", {}), 404, "not_found")
    body = {"operations": [{"method": "POST", "path": "/proposals", "body": {"code": "1"}}]}
    assert answered(manager.call("POST", "/batch", body))["results"][0]["status"] == 400


def test_a_busy_server_says_when_to_come_again(agent, monkeypatch):
    def busy(*_: Any, **__: Any) -> Any:
        raise scripts.Busy(5)

    monkeypatch.setattr(proposals, "perform", busy)
    response = agent.call("POST", "/proposals", {"code": "1"})
    problem(response, 429, "rate_limited", retryAfter=5)
    assert response["Retry-After"] == "5"
