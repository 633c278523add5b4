"""Two records become one: whose values stay, what comes along, what is refused, and that it is taken back."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from crm import Activity, Contact, Deal, DealContact, Lead, Organization
from crm.models import Team, TeamMember
from headlessly.access import actors, tenancy
from headlessly.access.models import Membership, User
from headlessly.context import clock, tracing
from headlessly.errors import Conflict, Invalid
from headlessly.execution.execution import Execution
from headlessly.log.events import Event
from headlessly.undo.at_once import undo_request
from tests.contract.custom import add_fields
from tests.refusals import details, everything, refused

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def ada(people: SimpleNamespace) -> Contact:
    people.ada.update(phone="+49 30 111", tags=["vip"], language="de")
    return people.ada


@pytest.fixture
def twin(ada: Contact) -> Contact:
    return Contact.create(
        name="Ada Lovelace", email="ada@home.example", phone="+49 30 222", department="Board",
        tags=["fair"], status="Inactive", marketing_consent=True,
    )  # fmt: skip


# -- whose value stays ----------------------------------------------------------------------------


def test_the_survivors_value_stays_and_gaps_are_filled(ada: Contact, twin: Contact) -> None:
    now = twin.merge(into=ada)
    assert (now.name, now.phone, now.department) == ("Ada Chen", "+49 30 111", "Board")
    assert (now.status, now.marketing_consent) == ("Active", False)
    assert now.tags == ["vip", "fair"]
    assert now.other_phones == ["+49 30 222"]


def test_what_is_chosen_stays_instead(ada: Contact, twin: Contact) -> None:
    now = twin.merge(
        into=ada, keep={"name": "this", "phone": "this", "status": "this", "department": "into"}
    )
    assert (now.name, now.phone, now.status) == ("Ada Lovelace", "+49 30 222", "Inactive")
    assert now.department is None, "its own emptiness was chosen"
    assert "+49 30 111" in now.other_phones, "no number is lost"


def test_what_is_said_together_is_one_records(people: SimpleNamespace) -> None:
    def names(of: Contact) -> tuple[Any, ...]:
        return of.name, of.first_name, of.last_name

    def mia() -> Contact:
        return Contact.create(name="Mia Holm", first_name="Mia", last_name="Holm")

    # Somebody else's first name fills no gap.
    assert names(mia().merge(into=people.ada)) == ("Ada Chen", None, None)
    # One part that is chosen brings the others, but for those of which something else is said.
    bob = mia().merge(into=people.bob, keep={"last_name": "this"})
    assert names(bob) == ("Mia Holm", "Mia", "Holm")
    cleo = mia().merge(into=people.cleo, keep={"first_name": "this", "name": "into"})
    assert names(cleo) == ("Cleo Marsh", "Mia", None)
    # Where nothing contradicts, gaps are filled as ever.
    again = Contact.create(name="Ada Chen", first_name="Ada", last_name="Chen")
    assert names(again.merge(into=people.ada)) == ("Ada Chen", "Ada", "Chen")


def test_an_address_is_one_place(people: SimpleNamespace) -> None:
    people.corp.update(city="Berlin", country="Germany")
    paris = Organization.create(name="Acme FR", address="1 rue Daru", city="Paris")
    paris.merge(into=people.corp)
    found = Organization.get(people.corp.pk)
    assert (found.address, found.city, found.country) == (None, "Berlin", "Germany")
    street = Organization.create(name="Acme DE", address="Torstr. 1", city="Berlin")
    street.merge(into=people.corp)
    found = Organization.get(people.corp.pk)
    assert (found.address, found.city, found.country) == ("Torstr. 1", "Berlin", "Germany")
    lyon = Organization.create(name="Acme Lyon", address="2 quai", city="Lyon")
    lyon.merge(into=people.corp, keep={"city": "this"})
    found = Organization.get(people.corp.pk)
    assert (found.address, found.city, found.country) == ("2 quai", "Lyon", None)


def test_a_title_is_one_of_a_company_and_a_lead_is_about_people_of_one(
    people: SimpleNamespace,
) -> None:
    globex = Organization.create(name="Globex")
    twin = Contact.create(name="Bob S.", organization=globex, title="CEO")
    people.bob.update(organization=people.corp)
    now = twin.merge(into=people.bob)
    assert (now.organization_id, now.title) == (people.corp.pk, None)
    ours = Lead.create(name="Ours", source="website", contact=people.ada)
    fair = {"source": "event", "source_detail": "Booth 3", "contact": now, "organization": globex}
    into = Lead.create(name="Theirs", **fair).merge(into=ours)
    assert (into.organization_id, into.source_detail) == (None, None)
    into = Lead.create(name="Again", **fair).merge(
        into=ours, keep={"source": "this", "contact": "this"}
    )
    assert (into.organization_id, into.source_detail) == (globex.pk, "Booth 3")


def test_an_address_that_gives_way_is_one_of_the_others(ada: Contact, twin: Contact) -> None:
    now = twin.merge(into=ada, keep={"email": "this"})
    assert (now.email, now.other_emails) == ("ada@home.example", ["ada@acme.example"])
    assert Contact.capture(email="ada@acme.example").pk == ada.pk


def test_what_is_more_than_one_may_have_is_refused_and_nothing_is_lost(
    ada: Contact, twin: Contact
) -> None:
    ada.update(
        other_emails=[f"a{n}@x.example" for n in range(12)], tags=[f"a{n}" for n in range(30)]
    )
    twin.update(
        other_emails=[f"b{n}@x.example" for n in range(8)], tags=[f"b{n}" for n in range(30)]
    )
    with refused(Invalid) as caught:
        twin.merge(into=ada)
    assert details(caught) == {
        "otherEmails": "Together they have 21, and one has 20 at the most. Take some away first.",
        "tags": "Together they have 60, and one has 50 at the most. Take some away first.",
    }
    twin.update(
        other_emails={"remove": ["b0@x.example"]}, tags={"remove": [f"b{n}" for n in range(10)]}
    )
    now = twin.merge(into=ada)
    assert len(now.other_emails) == 20 and "ada@home.example" in now.other_emails
    assert len(now.tags) == 50


def test_a_request_takes_it_back_whole(ada: Contact, twin: Contact) -> None:
    lead = Lead.create(name="L", source="x", contact=twin)
    ada.update(manager=twin)  # who comes back only when the address is free again
    was = {each.pk: type(each).get(each.pk).as_json() for each in (ada, twin, lead)}
    with tracing.request_id_scope("req_merged0000000000"):
        twin.merge(into=ada, keep={"email": "this", "phone": "this", "name": "this"})
    own = Event.log.filter(request_id="req_merged0000000000", target=ada.pk)
    assert {event.name for event in own} == {"Contact.Updated"}
    undo_request("req_merged0000000000")
    changes = {"$version", "$updatedAt"}
    for each in (ada, twin, lead):
        now = type(each).get(each.pk).as_json()
        assert {k: v for k, v in now.items() if k not in changes} == {
            k: v for k, v in was[each.pk].items() if k not in changes
        }


def test_what_was_taken_back_is_merged_again(ada: Contact, twin: Contact) -> None:
    ada.update(manager=twin)
    twin.update(external_ids=[{"system": "hubspot", "id": "7"}])
    user = User.objects.create_user("ada@sign.example")
    member = Membership.objects.create(user=user, tenant=ada.tenant, role="rep", contact=twin)
    with tracing.request_id_scope("req_merged0000000000"):
        merged = twin.merge(into=ada).as_json()
    with tracing.request_id_scope("req_undone0000000000"):
        undo_request("req_merged0000000000")
    member.refresh_from_db()
    assert member.contact_id == twin.pk
    # Ada refers to her twin again, and is to have what her twin has.
    assert not undo_request("req_undone0000000000").stays
    member.refresh_from_db()
    again = Contact.get(ada.pk).as_json()
    assert member.contact_id == ada.pk
    assert {k: v for k, v in again.items() if merged[k] != v}.keys() == {"$version", "$updatedAt"}


def test_it_is_taken_back_in_an_order_in_which_nobody_is_their_own_ancestor(acme: Any) -> None:
    top = Organization.create(name="Top")
    middle = Organization.create(name="Middle", parent=top)
    low = Organization.create(name="Low", parent=middle)
    top.update(industry="Energy")  # which comes along last
    with tracing.request_id_scope("req_merged0000000000"):
        top.merge(into=low)
    assert not undo_request("req_merged0000000000").stays
    parents = [Organization.get(each.pk).parent_id for each in (top, middle, low)]
    assert parents == [None, top.pk, middle.pk]


# -- by REST --------------------------------------------------------------------------------------


def test_it_is_an_input_by_rest_with_a_dry_run(api: Any, ada: Contact, twin: Contact) -> None:
    path, body = f"/contacts/{twin.pk}/merge", {"into": ada.pk, "keep": {"phone": "this"}}
    before = everything()
    dry = api.call("POST", f"{path}?dryRun=true", body)
    assert (dry.status_code, dry.json()["record"]["phone"]) == (200, "+49 30 222"), dry.content
    assert everything() == before
    done = api.call("POST", path, body).json()
    assert (done["$id"], done["phone"], done["name"]) == (ada.pk, "+49 30 222", "Ada Chen")


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        ({"phon": "this"}, "Did you mean 'phone'?"),
        ({"tags": "this"}, "tags: There is no such field here. Fields: name,"),
        ({"lastEngagement": "this"}, "lastEngagement: There is no such field here"),
        ({"phone": "theirs"}, "phone: Use one of this, into."),
        ({"phone": 7}, "phone: Use one of this, into."),
        ("phone", 'Send an object like {"name": "this"}.'),
        (["phone"], 'Send an object like {"name": "this"}.'),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(
    api: Any, ada: Contact, twin: Contact, keep: Any, said: str
) -> None:
    before = everything()
    answer = api.call("POST", f"/contacts/{twin.pk}/merge", {"into": ada.pk, "keep": keep})
    assert answer.status_code == 422
    (detail,) = answer.json()["details"]
    assert detail["field"] == "keep" and said in detail["message"]
    assert everything() == before


def test_a_state_to_which_no_steps_lead_is_refused(api: Any, ada: Contact, twin: Contact) -> None:
    answer = api.call(
        "POST", f"/contacts/{twin.pk}/merge", {"into": ada.pk, "keep": {"stage": "this"}}
    )
    assert answer.status_code == 200, "it is the same state"
    customer = Contact.create(name="Buyer", stage="Customer")
    lead = Contact.create(name="Buyer again")
    answer = api.call(
        "POST", f"/contacts/{lead.pk}/merge", {"into": customer.pk, "keep": {"stage": "this"}}
    )
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert Contact.get(lead.pk).stage == "Lead"


def test_what_the_survivor_cannot_have_is_named_as_it_was_said(
    api: Any, people: SimpleNamespace
) -> None:
    top = Organization.create(name="Top")
    low = Organization.create(name="Low", parent=Organization.create(name="Middle", parent=top))
    body: dict[str, Any] = {"into": top.pk, "keep": {"parent": "this"}}
    answer = api.call("POST", f"/organizations/{low.pk}/merge", body)
    assert (answer.status_code, answer.json()["field"]) == (422, "keep.parent")
    with clock.set_clock(clock.now() - timedelta(days=2), purpose="replay"):
        first = Lead.create(name="First", source="x", contact=people.ada)
        first.update(status="Contacted").update(status="Qualified").convert()
    late = Lead.create(name="Late", source="x")
    body = {"into": first.pk, "keep": {"firstTouchAt": "this"}}
    answer = api.call("POST", f"/leads/{late.pk}/merge", body).json()
    assert [each["field"] for each in answer["details"]] == ["keep.firstTouchAt"]


def test_a_state_is_reached_by_its_steps(people: SimpleNamespace) -> None:
    early = Contact.create(name="Early")
    buyer = Contact.create(name="Buyer", stage="Customer")
    assert buyer.merge(into=early, keep={"stage": "this"}).stage == "Customer"
    assert [e.data["stage"] for e in Contact.history(early) if "stage" in (e.previous or {})] == [
        "Customer",
        "Qualified",
    ]


# -- what comes along -----------------------------------------------------------------------------


def test_nobody_is_twice_in_a_deal_or_a_team(ada: Contact, twin: Contact) -> None:
    deal, team = Deal.create(name="D", value=1), Team.create(name="T")
    for person in (ada, twin):
        DealContact.create(deal=deal, contact=person, role="User")
        TeamMember.create(team=team, member=person)
    twin.merge(into=ada)
    assert [p.contact_id for p in DealContact.find({"deal": deal.pk})] == [ada.pk]
    assert [p.member_id for p in TeamMember.find({"team": team.pk})] == [ada.pk]


def test_what_a_limited_rep_does_not_see_comes_along_too(acme: Any, people: Any) -> None:
    twin = Contact.create(name="Twin", owner=people.bob)
    theirs = Lead.create(name="Cleo's", source="x", contact=twin, owner=people.cleo)
    rep = actors.Actor("user_bob", "Bob", actors.MANAGER, people.bob.pk, limited=True)
    people.ada.update(owner=people.bob)
    with actors.acting(rep):
        twin.merge(into=people.ada)
    assert Lead.get(theirs.pk).contact_id == people.ada.pk


@pytest.mark.django_db(transaction=True)
def test_what_refers_to_another_meanwhile_stays_there(acme: Any, monkeypatch: Any) -> None:
    mine, into, other = (Contact.create(name=name) for name in ("Mine", "Into", "Other"))
    leads = [Lead.create(name=f"L{n}", source="x", contact=mine) for n in range(2)]
    last, lock_many, moved = max(each.pk for each in leads), Execution.lock_many, []

    def move() -> None:
        try:
            with tenancy.active(acme), actors.acting(actors.SYSTEM):
                moved.append(Lead.update(last, contact=other.pk))
        finally:
            connection.close()

    def locking(self: Any, noun: Any, ids: Any, **options: Any) -> Any:
        found = list(ids)
        if noun is Lead and not moved:
            thread = threading.Thread(target=move)
            thread.start()
            thread.join(30)
        return lock_many(self, noun, found, **options)

    monkeypatch.setattr(Execution, "lock_many", locking)
    mine.merge(into=into)
    assert moved and Lead.get(last).contact_id == other.pk
    assert Lead.get(min(each.pk for each in leads)).contact_id == into.pk


# -- organizations --------------------------------------------------------------------------------


def test_companies_are_merged_with_all_that_is_theirs(api: Any, people: SimpleNamespace) -> None:
    twin = Organization.create(name="Acme Inc", domain="acme-inc.example", city="Graz")
    child = Organization.create(name="Acme Labs", parent=twin)
    records = [
        Contact.create(name="C", organization=twin),
        Deal.create(name="D", value=1, organization=twin),
        Lead.create(name="L", source="x", organization=twin),
        Activity.log(subject="Call", organization=twin),
    ]
    body = {"into": people.corp.pk, "keep": {"name": "this"}}
    done = api.call("POST", f"/organizations/{twin.pk}/merge", body).json()
    assert (done["name"], done["city"]) == ("Acme Inc", "Graz")
    for record in records:
        assert type(record).get(record.pk).organization_id == people.corp.pk
    assert Organization.get(child.pk).parent_id == people.corp.pk
    again = Organization.upsert("domain", "acme-inc.example", name="Acme Inc")
    assert again.pk == people.corp.pk, "it is found by what the merged one was found by"


def test_no_company_is_above_itself_after_a_merge(people: SimpleNamespace) -> None:
    top = Organization.create(name="Top")
    middle = Organization.create(name="Middle", parent=top)
    low = Organization.create(name="Low", parent=middle)
    top.merge(into=low)
    assert Organization.get(low.pk).parent_id is None
    assert Organization.get(middle.pk).parent_id == low.pk
    # The other way round nothing of the gap is filled that would close a circle.
    middle.merge(into=low)
    assert Organization.get(low.pk).parent_id is None
    other = Organization.create(name="Other", parent=low)
    other.merge(into=low, keep={"parent": "this"})
    assert Organization.get(low.pk).parent_id is None


# -- leads ----------------------------------------------------------------------------------------


@pytest.fixture
def pair(people: SimpleNamespace) -> tuple[Lead, Lead]:
    """A lead that was worked on, and the same one again."""
    first = Lead.create(name="Fair", source="fair", owner=people.bob, contact=people.ada)
    again = Lead.create(name="Fair again", source="web", need="Three seats", budget=500)
    return first, again


def test_leads_are_merged_with_what_was_done(pair: tuple[Lead, Lead]) -> None:
    first, again = pair
    call = Activity.log(subject="Call", lead=again)
    task = Activity.create(subject="Offer", lead=again)
    now = again.merge(into=first)
    assert (now.name, now.source, now.need, now.budget) == ("Fair", "fair", "Three seats", 500)
    assert {Activity.get(each.pk).lead_id for each in (call, task)} == {first.pk}
    assert now.last_activity_at == call.completed_at


def test_a_reply_goes_on_waiting_with_the_other(pair: tuple[Lead, Lead]) -> None:
    first, again = pair
    mail = Activity.log(subject="Mail", type="Email", direction="Inbound", lead=again)
    now = again.merge(into=first)
    assert now.reply_waiting_since == mail.completed_at


def test_a_converted_lead_stays(qualified: Lead, pair: tuple[Lead, Lead]) -> None:
    qualified.convert()
    before = everything()
    with refused(Conflict, "Merge the other one into it"):
        qualified.merge(into=pair[0])
    with refused(Conflict, "budget no longer changes"):
        pair[1].merge(into=qualified, keep={"budget": "this"})
    assert everything() == before
    assert pair[1].merge(into=qualified).need is None, "a gap that no longer changes stays one"


def test_an_amount_brings_its_currency(pair: tuple[Lead, Lead]) -> None:
    first, again = pair
    again.update(currency="EUR")
    assert first.currency != "EUR"
    now = again.merge(into=first)
    assert (now.budget, now.currency) == (500, "EUR")
    rich = Lead.create(name="Rich", source="x", budget=9, currency="CHF")
    assert rich.merge(into=now).currency == "EUR", "its own amount stays, in its own"
    dear = Lead.create(name="Dear", source="x", budget=9, currency="CHF")
    kept = dear.merge(into=now, keep={"budget": "this"})
    assert (kept.budget, kept.currency) == (9, "CHF")


def test_an_amount_that_is_given_up_holds_no_currency(people: SimpleNamespace) -> None:
    add_fields(Lead, ["money"])
    mine = Lead.create(name="Mine", source="x", budget=9, currency="USD")
    theirs = Lead.create(name="Theirs", source="x", currency="EUR")
    Lead.update(theirs.pk, own_money=5)
    with refused(Invalid, "keep.ownMoney: This amount is in EUR, others here are in USD."):
        theirs.merge(into=mine, keep={"own_money": "this"})
    now = theirs.merge(into=mine, keep={"budget": "this"})
    assert (now.budget, now.as_json()["ownMoney"], now.currency) == (None, 5, "EUR")


def test_a_lead_is_not_merged_into_itself(pair: tuple[Lead, Lead]) -> None:
    with refused(Invalid):
        pair[0].merge(into=pair[0])
