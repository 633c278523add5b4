"""The contact: its stages, and what is done to people beside creating and updating them."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Activity, Attachment, Contact, Deal, DealContact, Goal, Lead, Rule, TeamMember
from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.errors import Conflict, Invalid, NotFound
from headlessly.log.events import Event
from marketing import Campaign, Touchpoint
from tests.contract import samples
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("timezone", ["Europe/Berlin", "UTC"], ["Berlin", "europe/berlin"]),
        ("language", ["de", "pt-BR", "zh-Hant-TW"], ["German", "DE", "pt_BR"]),
        ("lead_score", [0, 99.5, 100], [-1, 101]),
        ("email", ["ada@acme.example"], ["ada", "ada@", "@acme.example"]),
        ("linkedin_url", ["https://linkedin.com/in/ada"], ["linkedin.com/in/ada"]),
        ("role", ["DecisionMaker", "Influencer", "Champion", "Blocker", "User"], ["Boss"]),
        ("status", ["Active", "Inactive", "Bounced", "Unsubscribed"], ["Gone"]),
        ("preferred_channel", ["Email", "Phone", "SMS", "Chat"], ["Fax"]),
        ("stage", ["Lead", "Qualified", "Customer", "Churned", "Partner"], ["Friend"]),
    ],
)
def test_it_takes_only_sensible_values(field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert getattr(Contact.create(name="Ada", **{field: value}), field) == value
        Contact.delete(Contact.find().get().id)
    for value in bad:
        with refused(Invalid) as caught:
            Contact.create(name="Ada", **{field: value})
        assert list(details(caught)) == [field]


@pytest.mark.parametrize(
    ("start", "end", "fine"),
    [
        ("Lead", "Qualified", True),
        ("Qualified", "Customer", True),
        ("Customer", "Churned", True),
        ("Customer", "Partner", True),
        ("Churned", "Customer", True),
        ("Lead", "Customer", False),
        ("Qualified", "Lead", False),
        ("Customer", "Qualified", False),
        ("Partner", "Customer", False),
        ("Churned", "Partner", False),
    ],
)
def test_it_moves_through_its_stages(start: str, end: str, fine: bool) -> None:
    ada = Contact.create(name="Ada", stage=start)
    if fine:
        assert ada.update(stage=end).stage == end
    else:
        with refused(Conflict, start):
            ada.update(stage=end)


def test_it_is_qualified_once(people: SimpleNamespace) -> None:
    assert Contact.qualify(people.ada.id).stage == "Qualified"
    with refused(Conflict, "already Qualified"):
        Contact.qualify(people.ada.id)


def test_a_refused_step_names_each_state_once_however_many_ways_lead_there() -> None:
    ada = Contact.create(name="Ada", stage="Lead")
    with refused(Conflict) as caught:
        ada.update(stage="Customer")
    assert caught.value.message.endswith("From here it can become Qualified.")


# -- capture and enrich ---------------------------------------------------------------------------


def test_it_captures_a_new_contact() -> None:
    new = Contact.capture(email="Dana@New.example", name="Dana", source="webinar")
    assert (new.version, new.email, new.stage) == (1, "dana@new.example", "Lead")
    assert [e.name for e in Contact.history(new)] == ["Contact.Captured"]


@pytest.mark.parametrize("email", ["ada@acme.example", "ADA@ACME.EXAMPLE", " Ada@acme.example "])
def test_it_captures_the_contact_with_that_email(email: str, people: SimpleNamespace) -> None:
    known = Contact.capture(email=email, phone="555", title="CEO")
    assert (known.id, known.name, known.phone, known.title) == (
        people.ada.id, "Ada Chen", "555", "CEO",
    )  # fmt: skip
    assert known.version == 2
    event = Contact.history(known)[0]
    assert event.name == "Contact.Captured"
    assert event.previous == {"phone": None, "title": "CTO"}


def test_it_captures_nobody_without_an_email_or_a_new_one_without_a_name(people: Any) -> None:
    for data, missing in (({"name": "X"}, "email"), ({"email": "x@y.example"}, "name")):
        with refused(Invalid) as caught:
            Contact.capture(**data)
        assert details(caught) == {missing: "This is required."}
    with refused(Invalid):
        Contact.capture(email="not an address", name="X")
    with refused(Conflict):
        Contact.capture(email="ada@acme.example", stage="Partner")


def test_it_captures_anew_after_the_one_with_that_email_was_deleted(people: Any) -> None:
    Contact.delete(people.ada.id)
    assert Contact.capture(email="ada@acme.example", name="Ada II").id != people.ada.id


def test_it_takes_nothing_from_an_empty_input(people: SimpleNamespace) -> None:
    known = Contact.capture(email="ada@acme.example", name="", title=" ", phone="555", role=None)
    assert (known.name, known.title, known.phone) == ("Ada Chen", "CTO", "555")
    assert people.ada.update(title="").title is None, "only an update clears"
    with refused(Invalid) as caught:
        Contact.capture(email=" ", name="Nobody")
    assert details(caught) == {"email": "This is required."}
    Lead.create(name="L", source="x", owner=people.bob)
    with refused(Invalid) as caught:
        Lead.find().get().lose(lost_reason="")
    assert details(caught) == {"lost_reason": "This is required."}


def test_it_fills_a_flag_that_nobody_set(people: SimpleNamespace) -> None:
    assert people.ada.enrich(marketing_consent=True).marketing_consent is True
    assert people.ada.enrich(marketing_consent=False).marketing_consent is True


def test_it_enriches_only_what_is_empty(people: SimpleNamespace) -> None:
    ada = Contact.enrich(
        people.ada.id, title="Chief", phone="555", department="Tech", owner=people.bob
    )
    assert (ada.title, ada.phone, ada.department, ada.owner) == ("CTO", "555", "Tech", people.bob)
    assert Contact.history(ada)[0].previous == {"phone": None, "department": None, "owner": None}
    with refused(Invalid):
        ada.enrich(stage="Customer")
    twin = Contact.create(name="Twin")
    with refused(Conflict):
        twin.enrich(email="ADA@acme.example")


def test_it_is_assigned_to_a_rep(people: SimpleNamespace) -> None:
    assert Contact.assign(people.ada.id, owner=people.bob).owner == people.bob
    assert Contact.assigned_by("system")[0].previous == {"owner": None}
    for nobody in (None, "contact_aaaaaaaaaaaa", people.corp):
        with refused(Invalid):
            people.ada.assign(owner=nobody)
    with refused(Invalid):
        people.ada.assign()


# -- merge ----------------------------------------------------------------------------------------


def references_to(contact: Contact) -> list[Any]:
    """One record for every reference that a contact can be in."""
    return [
        Lead.create(name="L", source="x", contact=contact),
        Lead.create(name="L", source="x", owner=contact),
        Deal.create(name="D", value=1, contact=contact, owner=contact),
        Activity.create(subject="A", contact=contact, assignee=contact),
        Contact.create(name="Report", manager=contact, owner=contact),
        Campaign.create(name="C", owner=contact),
        Touchpoint.create(contact=contact, occurred_at="2025-03-01T10:00:00Z"),
        samples.create(Goal, owner=contact),
        samples.create(DealContact, contact=contact),
        Attachment.create(name="A file", contact=contact),
        samples.create(TeamMember, member=contact),
        Rule.create(
            name="R", condition={"type": "Lead", "filter": {}}, how="Person", person=contact,
            fallback=contact, is_active=False,
        ),
    ]  # fmt: skip


def test_it_merges_every_kind_of_reference_into_the_survivor(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Ada C.", phone="555", title="CIO", email="ada.c@acme.example")
    records = references_to(twin)
    fields = {(noun.__name__, field) for noun, field in Contact.schema.referrers}
    covered = {
        (type(r).__name__, f.name)
        for r in records
        for f in r.schema.references.values()
        if getattr(r, f.column) == twin.id
    }
    assert fields == covered, "this test forgets a reference"
    survivor = Contact.merge(twin.id, into=people.ada)
    assert survivor == people.ada
    for record in records:
        now = type(record).get(record.id)
        for field in now.schema.references.values():
            if getattr(record, field.column) == twin.id:
                assert getattr(now, field.column) == people.ada.id
        assert now.history(now)[0].cause == Contact.merged_by("system")[0].id
    # What only the merged one knew is kept; what the survivor knew stays.
    assert (survivor.phone, survivor.title, survivor.email) == ("555", "CTO", "ada@acme.example")
    assert survivor.name == "Ada Chen"
    assert not any(
        noun.objects.filter(**{f: twin.id}).exists() for noun, f in Contact.schema.referrers
    )


def test_it_points_from_the_merged_one_to_the_survivor(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Ada C.")
    then = twin.updated_at
    Contact.merge(twin.id, into=people.ada.id)
    with pytest.raises(NotFound) as caught:
        Contact.get(twin.id)
    assert caught.value.body()["mergedInto"] == people.ada.id
    assert not Contact.find({"$id": twin.id})
    assert Contact.get(twin.id, as_of=then).name == "Ada C."
    assert [e.name for e in Contact.history(twin)] == ["Contact.Merged", "Contact.Created"]
    with refused(Invalid):
        Lead.create(name="L", source="x", contact=twin.id)
    Contact.merge(people.ada.id, into=people.bob)
    with pytest.raises(NotFound) as caught:
        Contact.get(twin.id)
    assert caught.value.body()["mergedInto"] == people.bob.id, "not the one who is gone as well"


def test_it_finds_the_survivor_by_the_address_of_the_merged(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Ada C.", email="ada.c@acme.example", marketing_consent=True)
    twin.merge(into=people.ada)
    found = Contact.capture(email="Ada.C@acme.example", phone="555")
    assert (found.pk, found.phone) == (people.ada.pk, "555")
    assert found.email == "ada@acme.example", "it keeps its own"
    assert not found.marketing_consent, "which was given for the other address"
    # A chain of merges ends at the one who lives.
    people.ada.merge(into=people.bob)
    for address in ("ada.c@acme.example", "ada@acme.example"):
        assert Contact.capture(email=address).pk == people.bob.pk
    assert people.bob.email == "bob@seller.example"


def test_it_finds_who_has_the_address_of_a_merged_one_now(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Ada C.", email="info@acme.example")
    twin.merge(into=people.ada)
    Contact.update(people.ada.pk, other_emails=None)
    other = Contact.create(name="Front desk", email="info@acme.example")
    assert Contact.capture(email="info@acme.example").pk == other.pk
    other.delete()
    assert Contact.capture(email="info@acme.example").pk == people.ada.pk
    people.ada.delete()
    anew = Contact.capture(email="info@acme.example", name="Somebody else")
    assert anew.pk not in (twin.pk, other.pk, people.ada.pk)


def test_it_finds_no_survivor_of_another_tenant(people: SimpleNamespace, rival: Any) -> None:
    Contact.create(name="Ada C.", email="ada.c@acme.example").merge(into=people.ada)
    with tenancy.active(rival):
        assert Contact.capture(email="ada.c@acme.example", name="Ada").name == "Ada"


def test_it_merges_those_who_refer_to_each_other(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Ada C.", manager=people.ada, owner=people.ada)
    people.ada.update(manager=twin.id, owner=twin.id)
    survivor = Contact.merge(twin.id, into=people.ada.id)
    assert (survivor.manager_id, survivor.owner_id) == (None, None)


def test_it_merges_one_who_refers_to_itself(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Own boss")
    twin.update(manager=twin.id)
    assert Contact.merge(twin.id, into=people.ada.id).manager_id is None


def test_it_refuses_to_merge_into_itself_or_nobody(people: SimpleNamespace, theirs: Any) -> None:
    for into in (people.ada.id, theirs.eve.id, None, "contact_aaaaaaaaaaaa", people.corp.id):
        with refused(Invalid) as caught:
            Contact.merge(people.ada.id, into=into)
        assert list(details(caught)) == ["into"]


def test_it_moves_references_of_closed_records_too(qualified: Lead, people: Any) -> None:
    deal = qualified.convert().deal
    deal.win()
    Contact.merge(people.ada.id, into=people.cleo)
    assert Lead.get(qualified.id).contact == Deal.get(deal.id).contact == people.cleo


def test_it_keeps_the_latest_engagement_when_merging(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Ada C.", last_engagement=clock.now())
    survivor = Contact.merge(twin.id, into=people.ada.id)
    assert survivor.last_engagement == twin.last_engagement


# -- users ----------------------------------------------------------------------------------------


@pytest.fixture
def member(acme: Any, people: SimpleNamespace) -> Any:
    """A user who is Bob."""
    from headlessly.access.models import Membership, User

    user = User.objects.create_user("bob@seller.example")
    return Membership.objects.create(user=user, tenant=acme, contact=people.bob)


def test_it_is_not_deleted_while_a_user_is_this_contact(member: Any, people: Any) -> None:
    with refused(Conflict) as caught:
        Contact.delete(people.bob.id)
    assert caught.value.body()["referredBy"] == {"Membership": 1}


def test_it_stays_the_user_after_a_merge(member: Any, people: SimpleNamespace) -> None:
    Contact.merge(people.bob.id, into=people.cleo)
    member.refresh_from_db()
    assert member.contact_id == people.cleo.id
    assert member.actor.contact_id == people.cleo.id


def test_it_is_engaged_by_activities_forward_never_back(people: SimpleNamespace) -> None:
    now = clock.now()
    Activity.log(subject="Call", contact=people.ada, completed_at=now - timedelta(days=1))
    assert Contact.get(people.ada.id).last_engagement == now - timedelta(days=1)
    Activity.log(subject="Older", contact=people.ada, completed_at=now - timedelta(days=9))
    assert Contact.get(people.ada.id).last_engagement == now - timedelta(days=1)
    assert Event.objects.filter(target=people.ada.id, name="Contact.Updated").count() == 1


def test_a_merged_contact_is_not_restored(people: SimpleNamespace) -> None:
    people.bob.merge(into=people.cleo)
    with refused(Conflict, "merged into", people.cleo.pk):
        Contact.restore(people.bob.pk)
