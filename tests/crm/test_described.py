"""A new record says whom it is about: people and companies are found or made with it, by one call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import Contact, Lead, Organization
from headlessly.access import actors
from headlessly.access.models import Membership, User
from headlessly.errors import Conflict, Forbidden, Invalid
from headlessly.log.events import Event
from headlessly.undo.at_once import undo_request

NEW = {
    "source": "referral",
    "contact": {"name": "Mia Holm", "email": "mia@holm.example"},
    "organization": {"name": "Holm AS"},
}


def test_it_makes_person_and_company_with_the_lead(api: Any, people: SimpleNamespace) -> None:
    answer = api.call("POST", "/leads", NEW)
    assert answer.status_code == 201, answer.json()
    lead = Lead.get(answer.json()["$id"], include=["contact", "organization"])
    assert (lead.name, lead.version) == ("Mia Holm", 1)
    assert lead.contact.email == "mia@holm.example"
    assert lead.organization.name == "Holm AS"
    # Who is made belongs to the company that is.
    assert lead.contact.organization_id == lead.organization_id
    events = Event.objects.filter(request_id=answer.headers["X-Request-Id"]).order_by("seq")
    assert [e.name for e in events] == ["Organization.Created", "Contact.Created", "Lead.Created"]
    made = events.get(name="Lead.Created")
    assert {e.cause for e in events if e != made} == {made.id}


def test_it_finds_who_is_there_and_changes_nothing_of_them(
    api: Any, people: SimpleNamespace
) -> None:
    said = {"name": "Pilot", "source": "x", "organization": {"name": "ACME corp"}}
    said["contact"] = {"name": "Ada C.", "email": "ADA@acme.example"}
    answer = api.call("POST", "/leads", said)
    lead = Lead.get(answer.json()["$id"])
    assert (lead.contact_id, lead.organization_id) == (people.ada.pk, people.corp.pk)
    assert Contact.get(people.ada.pk).name == "Ada Chen"
    # Who is found brings whom they belong to.
    alone = api.call("POST", "/leads", {"source": "x", "contact": {"email": "ada@acme.example"}})
    assert alone.json()["organization"] == people.corp.pk
    assert (Contact.count(), Organization.count()) == (3, 1)


def test_it_is_taken_back_as_one(api: Any, people: SimpleNamespace) -> None:
    request = api.call("POST", "/leads", NEW).headers["X-Request-Id"]
    undo_request(request)
    assert (Lead.count(), Contact.count(), Organization.count()) == (0, 3, 1)


def test_it_names_what_is_wrong_within_and_makes_nothing(api: Any, people: SimpleNamespace) -> None:
    before = Event.objects.count()
    for wrong, field in (
        ({"contact": {"email": "no address"}}, "contact.email"),
        ({"contact": {"nmae": "Mia"}}, "contact.nmae"),
        ({"organization": {"industry": "Fish"}}, "organization"),
        ({"campaign": {"name": "Spring"}}, "campaign"),
        ({"source": ""}, "source"),
        ({"contact": {"name": "Mia", "manager": "contact_unknown1"}}, "contact.manager"),
    ):
        answer = api.call("POST", "/leads", NEW | wrong)
        assert answer.status_code == 422, wrong
        assert field in {d["field"] for d in answer.json()["details"]}, answer.json()
    assert Event.objects.count() == before


def test_it_needs_the_permission_to_make_people(acme: Any, people: SimpleNamespace) -> None:
    may = actors.may

    def not_contacts(actor: Any, verb: str, noun: Any) -> bool:
        return noun is not Contact and may(actor, verb, noun)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Forbidden):
        patch.setattr(actors, "may", not_contacts)
        Lead.create(**NEW)
    assert Lead.count() == 0


def test_it_takes_members_alone_as_owners(api: Any, people: SimpleNamespace, rival: Any) -> None:
    anybody = {"name": "Pilot", "source": "x", "owner": people.ada.pk}
    first = api.call("POST", "/leads", anybody)
    assert first.status_code == 201  # nobody is linked to a contact yet
    user = User.objects.create_user("bob@sign.example")
    Membership.objects.create(user=user, tenant=people.bob.tenant, role="rep", contact=people.bob)

    def check(answer: Any, field: str = "owner") -> None:
        assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field)

    check(api.call("POST", "/leads", anybody))
    assert api.call("POST", "/leads", anybody | {"owner": people.bob.pk}).status_code == 201
    place = f"/leads/{first.json()['$id']}"
    check(api.call("PATCH", place, {"owner": people.cleo.pk}))
    assert (
        api.call("PATCH", place, {"owner": people.ada.pk, "name": "As it was"}).status_code == 200
    )
    check(api.call("POST", f"/contacts/{people.ada.pk}/assign", {"owner": people.cleo.pk}))
    check(
        api.call(
            "POST",
            "/contacts/capture",
            {"name": "N", "email": "n@n.example", "owner": people.cleo.pk},
        )
    )
    task = {"subject": "Call", "type": "Task", "assignee": people.ada.pk}
    check(api.call("POST", "/activities", task), "assignee")
    within = NEW | {"contact": {"name": "Mia", "owner": people.ada.pk}}
    check(api.call("POST", "/leads", within), "contact.owner")
    steps = [{"method": "POST", "path": "/leads", "body": anybody}]
    batch = api.call("POST", "/batch", {"operations": steps}).json()
    assert batch["results"][0]["status"] == 422, batch
    assert Lead.count() == 2


def test_it_neither_finds_nor_names_what_a_limited_rep_does_not_see(
    acme: Any, people: SimpleNamespace
) -> None:
    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example")
    bob = Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    hush = Contact.create(name="Hush Person", email="hush@x.example", owner=people.cleo)
    with actors.acting(bob.actor):
        lead = Lead.create(source="x", contact={"name": "Hush Person"})
        assert lead.contact_id != hush.pk
        with pytest.raises(Conflict) as refused:
            Lead.create(source="x", contact={"name": "H", "email": "hush@x.example"})
        assert hush.pk not in str(vars(refused.value))
        with pytest.raises(Invalid):
            Lead.create(source="x", contact={"name": "New", "manager": hush.pk})
    assert Lead.count() == 1


def test_a_row_of_a_file_names_a_member_as_owner_or_is_refused(
    api: Any, people: SimpleNamespace, work: Any
) -> None:
    user = User.objects.create_user("bob@sign.example")
    Membership.objects.create(user=user, tenant=people.bob.tenant, role="rep", contact=people.bob)
    rows = "name,source,owner\nA,web,bob@seller.example\nB,web,ada@acme.example\n"
    answer = api.generic(
        "POST", f"{api.base}/import/leads", rows.encode(), content_type="text/csv",
        headers={"Authorization": f"Bearer {api.secret}"},
    )  # fmt: skip
    work()
    done = api.call("GET", f"/imports/{answer.json()['$id']}?limit=100").json()
    assert [lead.name for lead in Lead.find()] == ["A"], done
    assert (done["refused"], done["errors"][0]["field"]) == (1, "owner"), done


def test_it_finds_nobody_of_another_tenant(api: Any, people: SimpleNamespace, theirs: Any) -> None:
    said = {"source": "x", "contact": {"email": "eve@rival.example"}}
    said["organization"] = {"name": "Rival Corp"}
    answer = api.call("POST", "/leads", said).json()
    assert answer["contact"] != theirs.eve.pk
    assert answer["organization"] != theirs.corp.pk
    assert api.call("POST", "/leads", said | {"owner": theirs.eve.pk}).status_code == 422
