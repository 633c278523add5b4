"""Rules: who gets a new lead, why, and that turns and capacities are exact whoever comes at once."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm import Activity, Contact, Lead, Rule, Team, TeamMember
from crm.rules import assignment
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership
from headlessly.declaration.surface import Kinds
from headlessly.errors import Forbidden, Invalid, NotFound, VerbRefused
from headlessly.log.events import Event
from headlessly.notifications import from_log
from headlessly.notifications.models import Notification
from headlessly.shaping import custom_fields
from headlessly.shaping.models import CustomField
from marketing import Form
from tests.answered import answered, problem
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)
from tests.headlessly.mcp.conftest import agent  # noqa: F401
from tests.headlessly.test_races import at_once
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401
from tests.refusals import details, refused

ALL = {"type": "Lead", "filter": {}}
#: So many leads of a form come one after the other.
MANY = 60


@pytest.fixture
def team(users: Any, people: Any) -> Team:
    """Bob and Cleo, in this order."""
    made = Team.create(name="North")
    for member in (people.bob, people.cleo):
        TeamMember.create(team=made, member=member)
    return made


def by(user: Any) -> Any:
    return actors.acting(Membership.objects.select_related("tenant").get(user=user).actor)


def rule(**given: Any) -> Rule:
    return Rule.create(**{"name": "Inbound", "condition": ALL, "how": "Nobody"} | given)


def owners(*names: str) -> list[str | None]:
    rows = dict(Lead.objects.values_list("name", "owner__name"))
    return [rows[name] for name in names]


def make(count: int, **given: Any) -> list[Lead]:
    return [Lead.create(**{"name": f"L{n}", "source": "x"} | given) for n in range(count)]


def test_new_leads_go_round_and_each_says_why(team, people):
    turns = rule(how="Turns", team=team)
    leads = make(4)
    assert owners("L0", "L1", "L2", "L3") == ["Bob Stone", "Cleo Marsh"] * 2
    assert leads[0].owner_id == people.bob.pk, "the caller is answered who has it"
    assert leads[0].assigned_because == 'Rule "Inbound", version 1: turn 1 of 2'
    created, assigned = Event.objects.filter(target=leads[0].pk).order_by("seq")
    assert (assigned.name, assigned.cause, assigned.actor) == (
        "Lead.Assigned", created.id, turns.pk
    )  # fmt: skip
    assert assigned.data["assignedBecause"] == leads[0].assigned_because
    # Whoever changes the owner has another reason; and who comes with an owner needs no rule.
    assert leads[0].update(owner=people.cleo).assigned_because is None
    assert Lead.create(name="Hers", source="x", owner=people.cleo).version == 1


def test_the_first_rule_that_fits_decides_and_an_inactive_one_does_nothing_at_once(team, people):
    rule(name="Web", position=1, condition={"type": "Lead", "filter": {"source": "web"}},
         how="Person", person=people.cleo)  # fmt: skip
    rest = rule(name="Rest", position=2, how="Person", person=people.bob)
    make(1, name="A", source="web"), make(1, name="B")
    assert owners("A", "B") == ["Cleo Marsh", "Bob Stone"]
    rest.update(is_active=False)
    make(1, name="C")
    assert owners("B", "C") == ["Bob Stone", None], "what is there stays whose it is"
    rest.update(is_active=True, position=0)
    (lead,) = make(1, name="D", source="web")
    assert lead.assigned_because == 'Rule "Rest", version 3: for Bob Stone'
    rest.delete()
    make(1, name="E")
    assert owners("E") == [None]


def test_who_is_away_full_or_no_member_is_passed_over_and_named(team, people, users):
    place = TeamMember.objects.get(member=people.bob)
    place.update(away_until=date(2999, 1, 1))
    turns = rule(how="Turns", team=team, capacity=2)
    leads = make(3)
    assert [lead.owner_id for lead in leads] == [people.cleo.pk] * 2 + [None]
    assert leads[0].assigned_because.endswith(
        "turn 2 of 2; Bob Stone is away until Tuesday (2999-01-01)"
    )
    assert "nobody can take it; Bob Stone is away" in leads[2].assigned_because
    assert leads[2].assigned_because.endswith("Cleo Marsh has 2 of 2 open leads")
    turns.update(fallback=people.cleo)
    (lead,) = make(1, name="Fallen")
    assert lead.owner_id == people.cleo.pk and ": the fallback, as nobody" in lead.assigned_because
    place.update(away_until=timezone.localdate())  # back today, and not flooded
    assert [lead.owner_id for lead in make(2)] == [people.bob.pk] * 2
    Membership.objects.filter(user=users.bob).delete()
    (lead,) = make(1)
    assert "Bob Stone is no member" in lead.assigned_because


def test_turns_are_by_weight_and_the_fewest_open_leads_count(team, people):
    TeamMember.objects.get(member=people.bob).update(weight=3)
    turns = rule(how="Turns", team=team)
    got = Counter(lead.owner_id for lead in make(8))
    assert got == {people.bob.pk: 6, people.cleo.pk: 2}
    turns.update(how="Fewest open")
    leads = make(4)
    assert {lead.owner_id for lead in leads} == {people.cleo.pk}
    assert leads[0].assigned_because.endswith("fewest open leads (2)")


def test_nobody_is_an_answer_that_says_so(people, users):
    rule()
    (lead,) = make(1)
    assert (lead.owner_id, lead.assigned_because) == (
        None, 'Rule "Inbound", version 1: nobody, as it says'
    )  # fmt: skip


def test_every_way_in_passes_the_rules_once(team, people, api, agent, imported, cleo):  # noqa: F811
    rule(how="Turns", team=team)
    answered(api.call("POST", "/leads", {"name": "REST", "source": "x"}), 201)
    agent.tool("do", code='Lead.create(name="MCP", source="x")')
    rows = "".join(f"Row {n},x\n" for n in range(3))
    told = imported("leads", f"name,source\n{rows}".encode())
    assert told["created"] == 3, told
    cleo.post("/~acme/admin/crm/lead/add/", {"name": "Browser", "source": "x", "status": "New"})
    form = Form.create(name="F", fields=[{"name": "email", "type": "email"}]).publish()
    form.submit(email="new@person.example")
    leads = {lead.name: lead for lead in Lead.objects.all()}
    assert len(leads) == 7, list(leads)
    assert all(lead.owner_id and lead.assigned_because for lead in leads.values())
    assert sorted(Counter(lead.owner_id for lead in leads.values()).values()) == [3, 4]
    assigned = Event.objects.filter(name="Lead.Assigned").values_list("target", flat=True)
    assert sorted(assigned) == sorted(lead.pk for lead in leads.values())


def test_the_owner_is_told(team, people, users):
    rule(how="Person", person=people.bob)
    from_log.read_log()
    with by(users.bob):
        make(1)  # of his own, but it is the rule that gives it to him
    from_log.read_log()
    assert [n.kind for n in Notification.objects.filter(user=users.bob)] == ["assigned"]


def test_a_rule_that_fails_is_shown_with_its_error_and_holds_up_nobody(people, users, api):
    custom_fields.create_field({"noun": "Lead", "name": "region", "type": "string"})
    broken = rule(condition={"type": "Lead", "filter": {"region": "DACH"}}, how="Person",
                  person=people.cleo, position=1)  # fmt: skip
    rule(name="Rest", how="Person", person=people.bob, position=2)
    assert answered(api.call("GET", f"/rules/{broken.pk}"))["error"] is None
    custom_fields.archive_field(CustomField.objects.get())
    make(1)
    assert owners("L0") == ["Bob Stone"]
    assert "region" in answered(api.call("GET", f"/rules/{broken.pk}"))["error"]


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"condition": {"type": "Deal", "filter": {}}}, "condition", "Lead"),
        ({"condition": {"type": "Lead", "filter": {"nope": 1}}}, "condition", "nope"),
        ({"condition": {"type": "Lead", "filter": []}}, "condition", "object"),
        ({"condition": [1]}, "condition", "type and filter"),
        ({"how": "Turns"}, "team", "whom"),
        ({"how": "Person"}, "person", "whom"),
        ({"how": "Lottery"}, "how", "Turns"),
        ({"kind": "Luck"}, "kind", "Assignment"),
        ({"capacity": 0}, "capacity", "1"),
        ({"position": -1}, "position", "0"),
    ],
)
def test_bad_input_is_named(api, given, field, said):
    body = {"name": "R", "condition": ALL, "how": "Nobody"} | given
    found = problem(api.call("POST", "/rules", body), 422, "validation_error")
    said_of = {each["field"]: each["message"] for each in found["details"]}
    assert said in said_of[field], said_of
    assert Rule.count() == 0


def test_only_members_are_given_leads_and_only_who_may_makes_rules(people, users):
    with refused(Invalid) as caught:
        rule(how="Person", person=people.ada)
    assert "member" in details(caught)["person"]
    with by(users.bob), refused(Forbidden):
        rule()
    (lead,) = make(1)
    with by(users.cleo), refused(Invalid):
        lead.assign(owner=people.ada)
    assert lead.assign(owner=people.bob, reason="knows them").assigned_because == "knows them"
    lead.update(status="Contacted").lose(lost_reason="Price")
    # Who takes over another's work takes the closed ones too.
    assert lead.assign(owner=people.cleo).owner_id == people.cleo.pk


def test_rules_of_a_tenant_are_not_those_of_another(team, people, rival, rival_api):
    made = rule(how="Turns", team=team)
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        lead = Lead.create(name="Theirs", source="x")
        assert (lead.owner_id, lead.version) == (None, 1)
        with refused(Invalid):
            rule(how="Turns", team=team.pk)
    assert rival_api.call("GET", f"/rules/{made.pk}").status_code == 404


def test_a_lead_without_rules_costs_what_it_did(acme, people):
    def statements() -> int:
        with CaptureQueriesContext(connection) as found:
            make(1)
        return len(found)

    make(1)
    without = statements()
    hooks = [*Lead.created.functions()]
    with Lead.created.detached(assignment.assign_new_lead):
        assert statements() == without
        assert len([*Lead.created.functions()]) == len(hooks) - 1
    assert [*Lead.created.functions()] == hooks
    other = rule(is_active=False)  # of a tenant with a shape, whose rules were read once
    make(1)
    assert statements() == without
    other.delete()


def test_of_many_leads_of_a_form_none_is_nobodys_unless_a_rule_says_so(team, people):
    rule(
        name="Big",
        how="Turns",
        team=team,
        condition={"type": "Lead", "filter": {"name": {"$regex": "7 "}}},
    )
    rule(name="Junk", condition={"type": "Lead", "filter": {"name": {"$regex": "3 "}}}, position=2)
    rule(name="Rest", how="Fewest open", team=team, position=3)
    asked = [{"name": "email", "type": "email"}, {"name": "name", "type": "text"}]
    form = Form.create(name="Demo", fields=asked).publish()
    for n in range(MANY):
        form.submit(email=f"person{n}@b.example", name=f"Person {n} of many")
    leads = Lead.objects.filter(source="form")
    assert leads.count() == MANY
    left = set(leads.filter(owner=None).values_list("name", flat=True))
    assert len(left) == MANY // 10 and all("3 of many" in name for name in left), left
    assert not leads.filter(assigned_because=None).exists()
    shares = Counter(leads.exclude(owner=None).values_list("owner__name", flat=True))
    assert abs(shares["Bob Stone"] - shares["Cleo Marsh"]) <= 1, shares


@pytest.mark.django_db(transaction=True)
def test_turns_are_exact_and_no_capacity_is_passed_by_twenty_at_once(users, people):
    contacts = [people.bob, people.cleo]
    for n in range(2):
        contacts.append(Contact.create(name=f"Rep {n}", email=f"rep{n}@seller.example"))
    for user, contact in zip((users.vic, users.ann), contacts[2:], strict=True):
        Membership.objects.filter(user=user).update(contact=contact)
    teams = [Team.create(name="A"), Team.create(name="B")]
    for made, members in zip(teams, (contacts, contacts[::-1]), strict=True):
        for each in members:
            TeamMember.create(team=made, member=each)
    web = {"type": "Lead", "filter": {"source": "web"}}
    rule(name="Web", how="Turns", team=teams[0], capacity=12, condition=web, position=1)
    rest = rule(name="Rest", how="Turns", team=teams[1], capacity=12, position=2)
    answers = at_once(*[
        partial(Lead.create, name=f"T{n}", source="web" if n % 2 else "x") for n in range(20)
    ])  # fmt: skip
    assert all(isinstance(each, Lead) for each in answers), answers
    for source in ("web", "x"):
        got = Counter(Lead.objects.filter(source=source).values_list("owner", flat=True))
        assert sorted(got) == sorted(each.pk for each in contacts)
        assert set(got.values()) <= {2, 3}, got
    # Both rules lead to the same four: 48 places, 20 taken; of 40 more 28 find one, whoever asks first.
    for _round in range(2):
        answers = at_once(*[
            partial(Lead.create, name="M", source="web" if n % 2 else "x") for n in range(20)
        ])  # fmt: skip
        assert all(isinstance(each, Lead) for each in answers), answers
    got = Counter(Lead.objects.values_list("owner", flat=True))
    assert got.pop(None) == 12 and set(got.values()) == {12}, got
    assert not Lead.objects.filter(assigned_because=None).exists()
    rest.delete()


@pytest.mark.django_db(transaction=True)
def test_of_those_who_claim_a_lead_at_once_one_gets_it(users, people):
    (lead,) = make(1)
    who = [
        Membership.objects.select_related("tenant").get(user=user).actor
        for user in (users.bob, users.cleo)
    ] * 4

    def claim(actor: Any) -> Lead:
        with actors.acting(actor):
            return Lead.claim(lead.pk)

    answers = at_once(*[partial(claim, actor) for actor in who])
    got = [each for each in answers if isinstance(each, Lead)]
    assert len(got) == 1, answers
    assert {type(each) for each in answers} <= {Lead, VerbRefused, NotFound}
    now = Lead.get(lead.pk)
    assert (now.owner_id, now.assigned_because) == (got[0].owner_id, "claimed")
    assert Event.objects.filter(target=lead.pk, name="Lead.Claimed").count() == 1


def test_a_program_that_is_nobody_cannot_claim(api, people):
    (lead,) = make(1)
    found = problem(api.call("POST", f"/leads/{lead.pk}/claim"), 422, "refused")
    assert found["reason"] == "no_contact"


def test_the_page_of_a_lead_tells_why(team, people, cleo):
    rule(how="Turns", team=team)
    (lead,) = make(1)
    page = cleo.get(f"/~acme/admin/crm/lead/{lead.pk}/change/").content.decode()
    assert "turn 1 of 2" in page and "Inbound" in page
    assert Activity.count() == 0


# -- kinds --------------------------------------------------------------------------------------------


@pytest.fixture
def capacity_is_of_another_kind(monkeypatch: Any) -> None:
    kinds = Kinds(
        "kind", {"Assignment": ("how",), "Other": ("capacity",)}, Rule.Surface.kinds.settings
    )
    monkeypatch.setattr(Rule.Surface, "kinds", kinds)


@pytest.mark.usefixtures("capacity_is_of_another_kind")
class TestKinds:
    def test_a_field_of_another_kind_is_refused_by_name(self, acme: Any) -> None:
        with pytest.raises(Invalid) as problem:
            rule(capacity=3)
        assert details(problem) == {"capacity": "This belongs to another kind: Other."}
        made = rule()
        with pytest.raises(Invalid):
            made.update(capacity=3)
        assert made.update(name="Same", capacity=None).name == "Same"

    def test_forms_lists_and_pages_have_the_fields_of_the_kind(self, ann: Any, acme: Any) -> None:
        made = rule()
        add = ann.get("/~acme/admin/crm/rule/add/?kind=Assignment").content.decode()
        assert 'name="how"' in add
        for page in (add, ann.get(f"/~acme/admin/crm/rule/{made.pk}/edit/").content.decode()):
            assert 'name="capacity"' not in page
            assert 'name="kind"' not in page
        listed = ann.get("/~acme/admin/crm/rule/?kind=Assignment").content.decode()
        assert 'href="/~acme/admin/crm/rule/add/?kind=Assignment"' in listed


def test_a_condition_is_built_of_the_nouns_that_its_kind_is_about(ann: Any, acme: Any) -> None:
    for kind, activities in (("Score", 0), ("Automation", 1)):
        page = ann.get(f"/~acme/admin/crm/rule/add/?kind={kind}").content.decode()
        (built,) = re.findall(r'name="condition"[^>]*data-builds="([^"]*)"', page)
        assert "/crm/lead/filter/" in built
        assert built.count("/crm/activity/filter/") == activities
