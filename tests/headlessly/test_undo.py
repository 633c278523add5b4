"""Taking back a request: a bulk, a conversion, a merge, an import, a script; by whom, and what stays."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import Activity, Contact, Deal, Lead, Organization
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.context import tracing
from headlessly.errors import Conflict, Forbidden, NotFound
from headlessly.log import tracking
from headlessly.log.events import Event
from headlessly.undo import at_once
from headlessly.undo.at_once import undo_request
from tests.contract.custom import add_fields
from tests.contract.test_undo import rows
from tests.refusals import refused

MANAGER = Actor("user_manager", "Mia", actors.MANAGER)
BOB = Actor("user_bob", "Bob", actors.REP)
CLEO = Actor("user_cleo", "Cleo", actors.REP)
VIC = Actor("user_vic", "Vic", actors.VIEWER)


def stays(caught: Any) -> dict[str, str]:
    return {each["id"]: each["reason"] for each in caught.value.extra["stays"]}


# -- what is taken back together -----------------------------------------------------------------


def test_it_takes_back_a_bulk_of_three_hundred_leads_in_one_step(acme: Any) -> None:
    leads = [Lead.create(name=f"Lead {n}", source="event") for n in range(300)]
    before = rows()
    with tracing.request_id_scope("req_bulk000000000000"):
        for lead in leads:
            Lead.lose(lead.pk, lost_reason="Price")
    leads[7].update(name="Renamed since")
    Lead.update(leads[8].pk, status="New")
    began = time.process_time()
    with CaptureQueriesContext(connection) as asked:
        done = undo_request("req_bulk000000000000")
    assert time.process_time() - began < 30
    assert len(asked) < 300 * 12
    assert len(done.undone) == 299 and not done.stays, "what was reopened is as it was"
    now = rows()
    assert json.loads(now.pop(leads[7].pk))["name"] == "Renamed since"
    del before[leads[7].pk], before[leads[8].pk], now[leads[8].pk]
    assert now == before


def test_it_names_what_changed_each_of_many_since_in_one_statement(acme: Any) -> None:
    leads = [Lead.create(name=f"Lead {n}", source="event") for n in range(9)]
    with tracing.request_id_scope("req_scores0000000000"):
        for lead in leads:
            Lead.update(lead.pk, score=7)
    with tracing.request_id_scope("req_since00000000000"):
        for lead in leads[1:]:
            Lead.update(lead.pk, score=8)
    Lead.update(leads[1].pk, budget=5)  # later, and not in the way
    with CaptureQueriesContext(connection) as asked:
        done = undo_request("req_scores0000000000")
    assert [each.id for each in done.undone] == [leads[0].pk]
    assert {each.id: each.since.request_id for each in done.stays} == {
        lead.pk: "req_since00000000000" for lead in leads[1:]
    }
    assert sum("previous" in each["sql"] and "LATERAL" in each["sql"] for each in asked) == 1


def test_it_takes_back_a_conversion_with_its_deal(qualified: Lead) -> None:
    before = rows()
    with tracing.request_id_scope("req_convert000000000"):
        qualified.convert()
    done = undo_request("req_convert000000000")
    assert rows() == before
    assert {(each.noun, each.event) for each in done.undone} == {
        (Deal, "Deal.Deleted"),
        (Lead, "Lead.Corrected"),
        (Contact, "Contact.Corrected"),
    }
    assert done.tracked == 1
    assert Lead.get(qualified.pk).convert().status == "Converted", "the machine is where it was"


@pytest.mark.parametrize("touch", ["advance", "activity", "win"])
def test_it_leaves_a_conversion_whose_deal_is_touched(qualified: Lead, touch: str) -> None:
    with tracing.request_id_scope("req_convert000000000"):
        deal = Deal.get(qualified.convert().deal_id)
    if touch == "activity":
        Activity.create(subject="Call them", deal=deal)
    else:
        getattr(deal, touch)()
    with refused(Conflict, "Nothing of this can be taken back") as caught:
        undo_request("req_convert000000000")
    assert stays(caught) == {
        deal.pk: "referred" if touch == "activity" else "changed",
        qualified.pk: "belongs",
        qualified.contact_id: "changed" if touch == "win" else "belongs",
    }


def test_it_takes_back_a_merge_with_all_that_it_moved(people: SimpleNamespace) -> None:
    twin = Contact.create(name="Ada C.", email="ada@home.example", phone="+1 202 555 0143")
    survivor = Contact.create(name="Ada Chen")
    leads = [Lead.create(name=f"Lead {n}", contact=twin, source="web") for n in range(3)]
    Contact.create(name="Rob", manager=twin)
    before = rows()
    with tracing.request_id_scope("req_merge00000000000"):
        twin.merge(into=survivor)
    assert Contact.get(survivor.pk).email == "ada@home.example"
    leads[2].update(contact=people.ada)
    done = undo_request("req_merge00000000000")
    now = rows()
    assert json.loads(now.pop(leads[2].pk))["contact_id"] == people.ada.pk
    del before[leads[2].pk]
    assert now == before
    (kept,) = done.stays
    assert (kept.id, kept.reason.code, kept.reason.fields) == (leads[2].pk, "changed", ("contact",))


def test_it_takes_back_a_chain_of_merges_and_does_it_again(acme: Any) -> None:
    chain = [
        Contact.create(name=name, email=f"{name}@home.example", phone=f"+1 202 555 014{n}")
        for n, name in enumerate("abcd")
    ]
    for each in chain:
        Lead.create(name=each.name, contact=each, source="web")
        Contact.create(name=f"Report of {each.name}", manager=each)
    before = rows()
    with tracing.request_id_scope("req_chain00000000000"):
        for merged, survivor in pairwise(chain):
            merged.merge(into=Contact.get(survivor.pk))
    last = "req_chain00000000000"
    for there in (before, rows(), before):
        undone, last = last, f"{last}_undone"
        with tracing.request_id_scope(last):
            assert not undo_request(undone).stays
        assert rows() == there


def test_it_gives_a_member_back_who_they_were(users_of_acme: Any, people: SimpleNamespace) -> None:
    twin = Contact.create(name="Bob S.", email="bob.s@seller.example")
    with tracing.request_id_scope("req_merge00000000000"):
        people.bob.merge(into=twin)
    users_of_acme.refresh_from_db()
    assert users_of_acme.contact_id == twin.pk
    undo_request("req_merge00000000000")
    users_of_acme.refresh_from_db()
    assert users_of_acme.contact_id == people.bob.pk


@pytest.fixture
def users_of_acme(acme: Any, people: SimpleNamespace) -> Any:
    from headlessly.access.models import Membership, User

    user = User.objects.create_user("bob@sign.example")
    return Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)


def test_it_takes_back_an_import_of_a_thousand_rows_with_updates(api: Any, work: Any) -> None:
    known = [Contact.create(name=f"P {n}", email=f"p{n}@x.example") for n in range(300)]
    before = rows()
    lines = [f"Person {n},p{n}@x.example,Works {n % 20} Ltd" for n in range(1000)]
    body = "\n".join(["name,email,company", *lines]).encode()
    answer = api.generic(
        "POST", f"{api.base}/import/contacts?match=email", body, content_type="text/csv",
        headers={"Authorization": f"Bearer {api.secret}"},
    )  # fmt: skip
    assert answer.status_code == 202
    work()
    assert (Contact.count(), Organization.count()) == (1000, 20)
    assert Contact.get(known[5].pk).name == "Person 5"
    began = time.process_time()
    done = api.call("POST", f"/requests/{answer.headers['X-Request-Id']}/undo")
    took = time.process_time() - began
    assert done.status_code == 200, done.content
    assert len(done.json()["undone"]) == 1020 and not done.json()["stays"]
    assert rows() == before
    assert took < 60


def test_it_takes_back_what_records_of_one_request_refer_to_in_a_circle(acme: Any) -> None:
    before = rows()
    with tracing.request_id_scope("req_circle0000000000"):
        one = Contact.create(name="One")
        two = Contact.create(name="Two", manager=one)
        one.update(manager=two)
    assert len(undo_request("req_circle0000000000").undone) == 2
    assert rows() == before


@pytest.mark.parametrize("way", ["made", "merged"])
def test_a_unique_value_comes_back_though_somebody_refers_to_who_has_it(
    people: SimpleNamespace, way: str
) -> None:
    before = rows()
    with tracing.request_id_scope("req_replaced00000000"):
        if way == "made":
            people.ada.delete()
            new = Contact.create(name="Ada Two", email="ADA@acme.example")
        else:
            new = Contact.create(name="Ada Two")
            people.ada.merge(into=new)
        people.bob.update(manager=new)
    with tracing.request_id_scope("req_back000000000000"):
        assert not undo_request("req_replaced00000000").stays
    assert rows() == before
    assert not undo_request("req_back000000000000").stays
    assert Contact.get(new.pk).email.lower() == "ada@acme.example"


@pytest.mark.parametrize("state", [{}, {"status": "InProgress"}])
def test_what_was_brought_back_and_changed_goes_as_it_was(lead: Lead, state: dict) -> None:
    other = Lead.create(name="Other", source="web")
    call = Activity.create(subject="Call", type="Call", lead=lead)
    before = rows()
    with tracing.request_id_scope("req_delete0000000000"):
        call.delete()
        other.delete()
    with tracing.request_id_scope("req_restore000000000"):
        Lead.restore(other.pk)
        Activity.restore(call.pk)
        Activity.update(call.pk, lead=other.pk, subject="Another", **state)
    undo_request("req_restore000000000")
    undo_request("req_delete0000000000")
    assert rows() == before


def test_it_takes_back_one_event_of_a_request_alone(acme: Any) -> None:
    with tracing.request_id_scope("req_several000000000"):
        one, two = (Lead.create(name=f"Lead {n}", source="x") for n in range(2))
    event = Lead.history(two).first()
    undo_request("req_several000000000", event=event.id)
    assert [x.pk for x in Lead.find()] == [one.pk]
    with refused(NotFound, "has no event evt_nothing"):
        undo_request("req_several000000000", event="evt_nothing")


# -- what stays -----------------------------------------------------------------------------------


def test_it_does_not_bring_back_a_value_that_somebody_else_has_now(acme: Any) -> None:
    ada = Contact.create(name="Ada", email="ada@chen.example")
    with tracing.request_id_scope("req_delete0000000000"):
        ada.delete()
    Contact.create(name="Another Ada", email="ada@chen.example")
    with refused(Conflict, "There is already a Contact") as caught:
        undo_request("req_delete0000000000")
    assert stays(caught) == {ada.pk: "refused"}


def test_it_leaves_what_a_field_of_the_tenants_own_refers_to_since(lead: Lead) -> None:
    add_fields(Lead, ["reference"])
    with tracing.request_id_scope("req_partner000000000"):
        partner = Organization.create(name="Partner Ltd")
    with tracing.request_id_scope("req_refers0000000000"):
        lead.update(own_reference=partner.pk)
    with refused(Conflict, "It is referred to since, by a lead.") as caught:
        undo_request("req_partner000000000")
    assert stays(caught) == {partner.pk: "referred"}
    undo_request("req_refers0000000000")
    with tracing.request_id_scope("req_both000000000000"):
        other = Organization.create(name="Other Ltd")
        lead.update(own_reference=other.pk)
    undo_request("req_both000000000000")
    assert undo_request("req_partner000000000").undone


def test_it_leaves_what_a_final_state_closed_since(qualified: Lead) -> None:
    with tracing.request_id_scope("req_budget0000000000"):
        qualified.update(budget=1)
    qualified.convert()
    with refused(Conflict, "This lead is Converted and stays so.") as caught:
        undo_request("req_budget0000000000")
    assert stays(caught) == {qualified.pk: "closed"}


def test_it_leaves_what_was_deleted_since(lead: Lead) -> None:
    with tracing.request_id_scope("req_budget0000000000"):
        lead.update(budget=1)
    lead.delete()
    with refused(Conflict, "It was deleted since."):
        undo_request("req_budget0000000000")


def test_moments_that_went_on_by_themselves_stay(lead: Lead) -> None:
    with tracing.request_id_scope("req_move000000000000"):
        lead.update(status="Contacted")
    Activity.log(subject="Called", type="Call", lead=lead)
    touched = Lead.get(lead.pk).last_activity_at
    undo_request("req_move000000000000")
    now = Lead.get(lead.pk)
    assert (now.status, now.last_activity_at) == ("New", touched)


@pytest.mark.parametrize("id", ["req_nothing", "", "\x00", None, 7, "x" * 500])
def test_it_knows_nothing_of_a_request_that_changed_nothing(lead: Lead, id: Any) -> None:
    with refused(NotFound, "leaves nothing to take back"):
        undo_request(id)


def test_a_dry_run_and_a_refusal_leave_nothing_to_take_back(lead: Lead) -> None:
    with tracing.request_id_scope("req_dry0000000000000"):
        lead.update(budget=1, dry_run=True)
    with refused(NotFound):
        undo_request("req_dry0000000000000")


def test_an_export_and_a_read_leave_nothing_to_take_back(api: Any, lead: Lead) -> None:
    for path in ("/export/leads?format=ndjson", f"/leads/{lead.pk}"):
        answer = api.call("GET", path)
        said = api.call("POST", f"/requests/{answer.headers['X-Request-Id']}/undo")
        assert said.status_code == 404
        assert "leaves nothing to take back" in said.json()["message"]


def test_what_was_tracked_stays_in_the_log(acme: Any) -> None:
    with tracing.request_id_scope("req_track00000000000"):
        tracking.track("page_view")
    with refused(Conflict, "only tracked events"):
        undo_request("req_track00000000000")


def test_it_says_when_a_request_is_too_large(acme: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(at_once, "MOST_EVENTS", 3)
    with tracing.request_id_scope("req_large00000000000"):
        for n in range(4):
            Lead.create(name=f"Lead {n}", source="x")
    with refused(Conflict, "more than 3 events"):
        undo_request("req_large00000000000")
    event = Event.objects.filter(request_id="req_large00000000000").latest("seq")
    undo_request("req_large00000000000", event=event.id)
    assert Lead.count() == 3, "one event of it is not too much"


# -- who ------------------------------------------------------------------------------------------


def test_another_tenants_request_is_none(theirs: Any, acme: Any, rival: Any) -> None:
    with tenancy.active(rival):
        id = Event.objects.latest("seq").request_id
    with refused(NotFound):
        undo_request(id)


def test_a_rep_takes_back_what_they_did_and_may_not_undo_otherwise(qualified: Lead) -> None:
    with actors.acting(BOB), tracing.request_id_scope("req_convert000000000"):
        qualified.convert()
    with actors.acting(VIC), refused(Forbidden, "As viewer you may not convert a Lead"):
        undo_request("req_convert000000000")
    # Another rep may convert, but not delete a deal.
    with actors.acting(CLEO), refused(Forbidden, "As rep you may not delete a Deal"):
        undo_request("req_convert000000000")
    with actors.acting(BOB), tracing.request_id_scope("req_back000000000000"):
        assert len(undo_request("req_convert000000000").undone) == 3
    with actors.acting(BOB):
        assert len(undo_request("req_back000000000000").undone) == 3
    assert Lead.get(qualified.pk).status == "Converted"


def test_a_manager_takes_back_what_a_rep_did(qualified: Lead) -> None:
    with actors.acting(BOB), tracing.request_id_scope("req_convert000000000"):
        qualified.convert()
    with actors.acting(MANAGER):
        undo_request("req_convert000000000")
    assert Lead.get(qualified.pk).status == "Qualified"


def test_a_limited_rep_is_told_nothing_of_what_others_did(
    people: SimpleNamespace, acme: Any
) -> None:
    with tracing.request_id_scope("req_others0000000000"):
        Lead.create(name="Cleo's", source="x", owner=people.cleo)
    limited = Actor("user_bob", "Bob", actors.REP, people.bob.pk, limited=True)
    with actors.acting(limited), refused(NotFound):
        undo_request("req_others0000000000")


def test_a_limited_rep_takes_back_what_is_theirs_and_sees_no_more(
    people: SimpleNamespace, acme: Any
) -> None:
    limited = Actor("user_bob", "Bob", actors.REP, people.bob.pk, limited=True)
    ada = Contact.create(name="Secret Ada", owner=people.cleo)
    lead = Lead.create(name="Bob's", source="x", owner=people.bob, contact=ada)
    Lead.update(lead.pk, status="Contacted")
    Lead.update(lead.pk, status="Qualified")
    with actors.acting(limited):
        with tracing.request_id_scope("req_convert000000000"):
            Lead.convert(lead.pk)
        done = undo_request("req_convert000000000")
        assert "Secret" not in str(done.as_json())
    assert (Lead.get(lead.pk).status, Contact.get(ada.pk).stage) == ("Qualified", "Lead")


# -- on every surface -------------------------------------------------------------------------------


def test_it_answers_by_rest_what_was_and_what_would_be_taken_back(api: Any) -> None:
    made = api.call("POST", "/leads", {"name": "By mistake", "source": "web"})
    path = f"/requests/{made.headers['X-Request-Id']}/undo"
    dry = api.call("POST", f"{path}?dryRun=true").json()
    assert (dry["dryRun"], dry["event"], Lead.count()) == (True, None, 1)
    done = api.call("POST", path)
    said = done.json()
    assert said["undone"] == [
        {"type": "Lead", "id": made.json()["$id"], "name": "By mistake", "event": "Lead.Deleted"}
    ]
    assert Lead.count() == 0
    again = api.call("POST", path)
    assert (again.status_code, again.json()["reason"]) == (409, "as_it_was")
    redone = api.call("POST", f"/requests/{done.headers['X-Request-Id']}/undo", {"event": None})
    assert (redone.status_code, Lead.count()) == (200, 1)
    for body, status in (({"event": 7}, 422), ({"what": 1}, 422), ([], 400)):
        assert api.call("POST", path, body).status_code == status
    assert api.call("POST", f"{path}?dryRun=maybe").status_code == 400
    assert api.call("GET", path).status_code == 405


def test_a_script_takes_back_a_request_in_its_own_transaction(acme: Any) -> None:
    from headlessly import scripts

    with tracing.request_id_scope("req_mistake000000000"):
        lead = Lead.create(name="By mistake", source="web")
    code = 'done = Request.undo("req_mistake000000000")\n[each["event"] for each in done["undone"]]'
    dry = scripts.run(code, dry_run=True)
    assert (dry.value, Lead.count()) == (["Lead.Deleted"], 1)
    done = scripts.run(code)
    assert [e.name for e in done.events] == ["Script.Ran", "Request.Undone", "Lead.Deleted"]
    script, undone, deleted = done.events
    assert (undone.cause, deleted.cause) == (script.id, undone.id)
    undo_request(deleted.request_id)
    assert Lead.get(lead.pk).name == "By mistake"


def test_a_batch_takes_back_among_its_operations(api: Any) -> None:
    made = api.call("POST", "/leads", {"name": "By mistake", "source": "web"})
    operations = [
        {"id": "a", "method": "POST", "path": f"/requests/{made.headers['X-Request-Id']}/undo"},
        {"id": "b", "method": "POST", "path": "/leads", "body": {"name": "Right", "source": "web"}},
    ]
    answer = api.call("POST", "/batch", {"operations": operations, "atomic": True})
    assert [each["status"] for each in answer.json()["results"]] == [200, 201]
    assert [lead.name for lead in Lead.find()] == ["Right"]
