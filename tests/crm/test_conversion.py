"""A conversion hands on what is planned, and lead and deal have one timeline."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import Activity, Deal, Lead
from headlessly.access import actors
from headlessly.access.models import Membership, User
from headlessly.admin.records.timeline import read_timeline
from headlessly.admin.suitable_records import option_text, suiting_records
from headlessly.log.events import Event
from headlessly.undo.at_once import undo_request


def test_open_tasks_go_on_with_the_deal_and_come_back_with_the_undo(qualified: Lead) -> None:
    task = Activity.create(subject="Call about rollout", type="Task", lead=qualified)
    done = Activity.log(subject="Intro", type="Call", lead=qualified)
    qualified.convert()
    deal = Lead.get(qualified.pk).deal_id
    for one, its in ((task, deal), (done, None)):
        one.refresh_from_db()
        assert (one.deal_id, one.lead_id) == (its, qualified.pk)
    moved = Event.log.get(name="Activity.Updated", target=task.pk)
    converted = Event.log.get(name="Lead.Converted")
    assert moved.cause == converted.id
    undo_request(converted.request_id)
    task.refresh_from_db()
    assert task.deal_id is None


@pytest.mark.urls("headlessly.tenant_urls")  # its entries lead to the records that they are of
def test_lead_and_deal_have_one_timeline_on_either_page(qualified: Lead) -> None:
    call = Activity.log(subject="Intro", type="Call", lead=qualified)
    qualified.convert()
    deal = Deal.get(Lead.get(qualified.pk).deal_id)
    later = Activity.log(subject="Offer sent", type="Email", deal=deal)
    for record in (Lead.get(qualified.pk), deal):
        told = read_timeline(record, undo=False)
        targets = {entry.event.target for entry in told.entries}
        assert {qualified.pk, call.pk, later.pk} <= targets, type(record)
        assert "Lead.Created" in {entry.event.name for entry in told.entries}


@pytest.mark.urls("headlessly.tenant_urls")
def test_the_timeline_of_a_deal_tells_nothing_of_a_lead_that_one_does_not_see(
    acme: Any, qualified: Lead, people: SimpleNamespace
) -> None:
    Activity.log(subject="Hush", type="Call", lead=qualified, assignee=people.cleo)
    qualified.convert()
    Lead.update(qualified.pk, owner=people.cleo)
    acme.limits_reps = True
    acme.save()
    user = User.objects.create_user("bob@sign.example")
    bob = Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)
    with actors.acting(bob.actor):
        deal = Deal.get(Deal.find().get().pk)
        told = read_timeline(deal, undo=False)
        assert not {entry.event.target_type for entry in told.entries} & {"Lead", "Activity"}


def test_a_deal_is_offered_with_stage_value_and_owner(
    qualified: Lead, people: SimpleNamespace
) -> None:
    Deal.create(name="Elsewhere", value=1, owner=people.cleo)
    near = Deal.create(name="Pilot", value=5000, organization=people.corp, owner=people.bob)
    offered = suiting_records(Deal, qualified, None, 5)
    assert [d.name for d in offered] == ["Pilot", "Elsewhere"]
    assert offered[0].pk == near.pk
    for said in ("Acme Corp", "Prospecting", "5,000", "Bob Stone"):
        assert said in option_text(offered[0])


def test_it_converts_with_another_person_a_new_company_or_no_deal(
    api: Any, qualified: Lead, people: SimpleNamespace
) -> None:
    place = f"/leads/{qualified.pk}/convert"
    both = api.call("POST", place, {"withoutDeal": True, "deal": {"name": "X"}})
    assert (both.status_code, Deal.count()) == (422, 0)
    said = {"contact": {"name": "Mia"}, "organization": people.corp.pk, "withoutDeal": True}
    answer = api.call("POST", place, said)
    assert answer.status_code == 200, answer.json()
    lead = Lead.get(qualified.pk, include=["contact"])
    assert (lead.status, lead.deal_id, lead.contact.name) == ("Converted", None, "Mia")
    assert lead.contact.organization_id == people.corp.pk


def test_it_converts_a_lead_without_a_person_when_one_is_named(
    api: Any, qualified: Lead, people: SimpleNamespace
) -> None:
    qualified.update(contact=None)
    assert api.call("POST", f"/leads/{qualified.pk}/convert").status_code == 422
    said = {"contact": people.ada.pk, "deal": {"value": 5}}
    assert api.call("POST", f"/leads/{qualified.pk}/convert", said).status_code == 200
    assert Deal.find().get().contact_id == people.ada.pk
