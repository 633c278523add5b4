"""Taking back a request too large to be taken back at once: in the background, part by part, exactly once."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import InterfaceError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from procrastinate.exceptions import JobAborted
from psycopg import errors as postgres

from crm import Activity, Contact, Deal, Lead, Organization
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.context import tracing
from headlessly.errors import Conflict, Forbidden, NotFound, VerbRefused
from headlessly.log.events import Event
from headlessly.log.tracking import track
from headlessly.undo import at_once, undo_job, undos
from headlessly.undo.models import Undo, UndoRecord
from headlessly.undo.part import take_back_part
from headlessly.undo.undo_job import take_back_in_background
from headlessly.undo.undos import take_back
from tests.contract.test_undo import rows
from tests.refusals import refused

MANAGER = Actor("user_manager", "Mia", actors.MANAGER)
BOB = Actor("user_bob", "Bob", actors.REP)
VIC = Actor("user_vic", "Vic", actors.VIEWER)
CLEO = Actor("user_cleo", "Cleo", actors.REP)
REQUEST = "req_large00000000000"


@pytest.fixture
def few(monkeypatch: Any) -> None:
    """What is large is small here, and its parts are smaller."""
    monkeypatch.setattr(at_once, "MOST_EVENTS", 5)
    monkeypatch.setattr(undo_job, "LOOKED_AT", 4)
    monkeypatch.setattr(undo_job, "TAKEN", 3)


def begin(id: str = REQUEST, **options: Any) -> Undo:
    with tracing.request_id_scope(f"req_undo{Undo.objects.count():012}"):
        undo = take_back(id, **options)
    assert isinstance(undo, Undo)
    return undo


def taken_back(work: Any, id: str = REQUEST, **options: Any) -> Undo:
    undo = begin(id, **options)
    assert "undo.run" in work()
    undo.refresh_from_db()
    return undo


def import_leads(api: Any, work: Any, count: int) -> str:
    """An import of so many leads with their people and companies; answers its request."""
    lines = [f"Person {n},p{n}@x.example,Works {n % 20} Ltd,Web" for n in range(count)]
    answer = api.generic(
        "POST", f"{api.base}/import/leads", "\n".join(["Name,Email,Company,Source", *lines]),
        content_type="text/csv", headers={"Authorization": f"Bearer {api.secret}"},
    )  # fmt: skip
    assert answer.status_code == 202
    work()
    assert Lead.count() == count
    return Event.log.filter(name="Import.Started").latest("seq").request_id


# -- an import ------------------------------------------------------------------------------------


def test_it_takes_back_an_import_of_more_events_than_at_once(
    api: Any, work: Any, monkeypatch: Any
) -> None:
    """In parts as large as they are, which the import has several of."""
    monkeypatch.setattr(at_once, "MOST_EVENTS", undo_job.LOOKED_AT)
    Contact.create(name="P 0", email="p0@x.example")
    before = rows()
    request = import_leads(api, work, 510)
    assert Event.log.filter(request_id=request).count() > max(
        at_once.MOST_EVENTS, 2 * undo_job.TAKEN
    )
    answer = api.call("POST", f"/requests/{request}/undo")
    assert answer.status_code == 202
    said = answer.json()
    assert answer.headers["Location"].endswith(f"/undos/{said['$id']}")
    assert (said["$type"], said["status"], said["total"]) == ("LargeUndo", "queued", None)
    work()
    done = api.call("GET", f"/undos/{said['$id']}").json()
    assert (done["status"], done["message"], done["stays"]) == ("completed", None, 0)
    assert done["undone"] == done["total"] == sum(c["undone"] for c in done["byType"].values())
    assert done["byType"]["Lead"] == {"undone": 510, "stays": 0}
    assert rows() == before
    assert not UndoRecord.objects.exists(), "nothing is kept of what was taken back"


def test_it_goes_on_in_the_next_worker_when_its_own_is_stopped(
    few: None, api: Any, acme: Any, work: Any
) -> None:
    undo = begin(import_leads(api, work, 9))
    worker = SimpleNamespace(job=SimpleNamespace(id=0, attempts=1), should_abort=lambda: True)
    here = {"tenant": acme.pk, "actor": asdict(actors.SYSTEM), "request_id": None}
    with pytest.raises(JobAborted):
        take_back_in_background.perform(worker, circumstances=here, undo=undo.pk)
    undo.refresh_from_db()
    assert undo.status == "running"
    assert 0 < undo.undone < undo.total
    work()
    undo.refresh_from_db()
    assert (undo.status, undo.stays, Lead.count()) == ("completed", 0, 0)


def test_it_does_all_again_by_undoing_the_undo(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)
    before = rows()
    undo = taken_back(work, request)
    assert Lead.count() == 0
    redone = taken_back(work, undo.request_id)
    assert (redone.status, redone.stays) == ("completed", 0)
    assert rows() == before


def test_all_that_it_does_is_of_one_request_and_one_cause(few: None, api: Any, work: Any) -> None:
    undo = taken_back(work, import_leads(api, work, 9))
    events = Event.log.filter(request_id=undo.request_id).order_by("seq")
    first, *others = events
    assert (first.name, first.id) == ("Request.Undone", undo.event)
    assert first.data == {"request": undo.request}
    assert len(others) == undo.undone and {event.cause for event in others} == {first.id}


def test_a_dry_run_counts_and_changes_nothing(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)
    Lead.update(Lead.find()[0].pk, name="Renamed since")
    before, events = rows(), Event.log.count()
    tried = taken_back(work, request, dry_run=True)
    assert (tried.status, tried.event) == ("completed", None)
    assert tried.by_type["Lead"] == {"undone": 8, "stays": 1}
    assert (rows(), Event.log.count()) == (before, events)
    done = taken_back(work, request)
    assert done.by_type == tried.by_type


# -- exactly once ---------------------------------------------------------------------------------


def test_asked_twice_it_is_one(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)
    assert begin(request).pk == begin(request).pk
    assert work().count("undo.run") == 1
    again = taken_back(work, request)
    assert (again.undone, again.event) == (0, None)
    assert again.message == "This has been taken back already, or it is as it was before."
    assert Event.log.filter(name="Lead.Deleted").count() == 9


@pytest.mark.parametrize(
    ("when", "end"), [(1, SystemExit()), (3, SystemExit()), (5, InterfaceError("closed"))]
)
def test_what_a_killed_worker_left_another_goes_on_with(
    when: int, end: BaseException, few: None, api: Any, work: Any, monkeypatch: Any
) -> None:
    before = rows()
    request = import_leads(api, work, 9)
    undo = begin(request)
    taken = []

    def killed(*given: Any, **options: Any) -> bool:
        if len(taken) == when:
            end.__cause__ = postgres.InterfaceError("closed")
            raise end
        taken.append(1)
        return take_back_part(*given, **options)

    monkeypatch.setattr(undo_job, "take_back_part", killed)
    with pytest.raises((SystemExit, InterfaceError)):
        take_back_in_background(undo=undo.pk)
    undo.refresh_from_db()
    assert undo.status == "running" and 0 < undo.undone < (undo.total or 0)
    left = Lead.count() + Contact.count() + Organization.count()
    assert left == (undo.total or 0) - undo.undone, "a part is taken back whole, or not at all"
    monkeypatch.setattr(undo_job, "take_back_part", take_back_part)
    take_back_in_background(undo=undo.pk)
    undo.refresh_from_db()
    assert (undo.status, undo.undone, undo.stays) == ("completed", undo.total, 0)
    assert rows() == before
    gone = Event.log.filter(name__endswith=".Deleted").values_list("target", flat=True)
    assert len(gone) == len(set(gone)) == undo.total
    assert Event.log.filter(name="Request.Undone").count() == 1


def test_a_worker_that_comes_back_late_stops(few: None, api: Any, work: Any) -> None:
    undo = begin(import_leads(api, work, 9))
    late = Undo.objects.get(pk=undo.pk)
    take_back_in_background(undo=undo.pk)
    events, said = Event.log.count(), Undo.objects.values().get(pk=undo.pk)
    assert said["status"] == "completed" and said["undone"] == said["total"]
    undo_job.Run(late).go()
    assert Event.log.count() == events
    assert Undo.objects.values().get(pk=undo.pk) == said


def test_it_says_when_it_brings_its_workers_down(few: None, api: Any, work: Any) -> None:
    undo = begin(import_leads(api, work, 9))
    undo_job.give_up(undo=undo.pk)
    undo.refresh_from_db()
    assert (undo.status, Lead.count()) == ("failed", 9)
    assert "whenever it was tried" in (undo.message or "")


# -- what stays -----------------------------------------------------------------------------------


def test_what_was_touched_since_stays_with_what_hangs_on_it(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)
    lead, other = Lead.find({"name": "Person 4"})[0], Lead.find({"name": "Person 5"})[0]
    with tracing.request_id_scope("req_since00000000000"):
        Lead.update(lead.pk, name="Renamed since")
        Activity.create(subject="Call them", contact=other.contact_id)
    at_once_says = {
        (each.id, each.reason.code, each.reason.message) for each in undone_at_once(request).stays
    }
    undo = taken_back(work, request)
    said = [row.as_json() for row in undos.staying_records(undo)]
    assert {(each["id"], each["reason"], each["message"]) for each in said} == at_once_says
    why = {each["id"]: each for each in said}
    assert why[lead.pk]["message"] == "Name: changed again since."
    assert why[lead.pk]["since"]["requestId"] == "req_since00000000000"
    assert why[lead.contact_id]["reason"] == "belongs"
    assert why[other.contact_id]["reason"] == "referred"
    assert {lead.pk for lead in Lead.find()} == {lead.pk}
    assert undo.stays == len(said) and undo.undone == (undo.total or 0) - len(said)
    Lead.get(lead.pk).delete()


def undone_at_once(request: str) -> Any:
    """What an undo at once would answer."""
    most, at_once.MOST_EVENTS = at_once.MOST_EVENTS, 5_000
    try:
        return at_once.undo_request(request, dry_run=True)
    finally:
        at_once.MOST_EVENTS = most


def test_what_others_touch_between_two_parts_stays(
    few: None, api: Any, work: Any, monkeypatch: Any
) -> None:
    request = import_leads(api, work, 9)
    undo = begin(request)
    touched = []

    def interrupted(*given: Any, **options: Any) -> bool:
        if not touched:
            lead = Lead.find({"name": "Person 1"})[0]
            touched.append(Lead.update(lead.pk, name="Renamed meanwhile"))
            with tracing.request_id_scope(request):  # by a rule that follows what is taken back
                Lead.update(Lead.find({"name": "Person 2"})[0].pk, score=7)
        return take_back_part(*given, **options)

    monkeypatch.setattr(undo_job, "take_back_part", interrupted)
    take_back_in_background(undo=undo.pk)
    undo.refresh_from_db()
    (lead,) = touched
    why = {row.record: row.code for row in undos.staying_records(undo)}
    assert why[lead.pk] == "changed" and why[lead.contact_id] == "belongs"
    assert [each.name for each in Lead.find()] == ["Renamed meanwhile"]
    assert Contact.get(lead.contact_id).organization_id is not None, "nothing of it is half"


def test_conversions_by_the_dozen_are_taken_back_but_those_whose_deal_is_touched(
    few: None, acme: Any, work: Any
) -> None:
    leads = []
    for n in range(6):
        contact = Contact.create(name=f"Person {n}")
        leads.append(Lead.create(name=f"Lead {n}", source="web", contact=contact))
        for status in ("Contacted", "Qualified"):
            Lead.update(leads[-1].pk, status=status)
    before = rows()
    with tracing.request_id_scope(REQUEST):
        for lead in leads:
            Lead.convert(lead.pk)
    touched = Lead.get(leads[2].pk)
    Deal.get(touched.deal_id).advance()
    undo = taken_back(work)
    why = {row.record: row.code for row in undos.staying_records(undo)}
    assert why == {
        touched.deal_id: "changed", touched.pk: "belongs", touched.contact_id: "belongs",
    }  # fmt: skip
    now = rows()
    for id in why:
        now.pop(id)
        before.pop(id, None)
    assert now == before


def test_records_that_refer_to_each_other_go_over_the_parts(
    few: None, acme: Any, work: Any
) -> None:
    with tracing.request_id_scope(REQUEST):
        people = [Contact.create(name=f"Person {n}") for n in range(7)]
        for person, manager in zip(people, [*people[1:], people[0]], strict=True):
            Contact.update(person.pk, manager=manager)
    undo = taken_back(work)
    assert (undo.status, undo.undone, undo.stays, Contact.count()) == ("completed", 7, 0, 0)


def test_a_script_and_its_bulk_are_taken_back_too(few: None, acme: Any, work: Any) -> None:
    from headlessly import scripts

    leads = [Lead.create(name=f"Lead {n}", source="web") for n in range(12)]
    before = rows()
    done = scripts.run('for lead in Lead.find():\n    lead.lose(lostReason="Price")')
    assert Lead.count({"status": "Lost"}) == 12
    code = f'Request.undo("{done.events[0].request_id}")'
    asked = scripts.run(code).value
    assert (asked["$type"], asked["status"]) == ("LargeUndo", "queued")
    work()
    assert rows() == before and Lead.get(leads[0].pk).status == "New"


def test_what_only_tracked_says_so(few: None, acme: Any, work: Any) -> None:
    with tracing.request_id_scope(REQUEST):
        for _n in range(6):
            track("page_view")
    undo = taken_back(work)
    assert undo.status == "failed" and "stay in the log" in (undo.message or "")


def test_what_a_verb_refuses_stays_with_its_reason(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)

    def keep(lead: Any, ctx: Any) -> None:
        if lead.name == "Person 4":
            raise VerbRefused("This one stays.", code="kept")

    with Lead.deleting.attached(keep):
        undo = taken_back(work, request)
    assert (undo.status, Lead.count()) == ("completed", 1)
    assert [row.reason for row in UndoRecord.objects.filter(type="Lead")] == ["This one stays."]
    assert undo.total == undo.undone + undo.stays + undo.as_it_was


# -- who ------------------------------------------------------------------------------------------


def test_another_tenant_knows_nothing_of_it(
    few: None, api: Any, work: Any, acme: Any, rival: Any
) -> None:
    request = import_leads(api, work, 9)
    undo = begin(request)
    with tenancy.active(rival):
        with refused(NotFound):
            take_back(request)
        with refused(NotFound):
            undos.get_undo(undo.pk)
        assert undos.last_undo_of(request) is None
    work()


def test_who_may_not_is_told_at_once(few: None, acme: Any, work: Any) -> None:
    with actors.acting(BOB), tracing.request_id_scope(REQUEST):
        for n in range(8):
            Lead.create(name=f"Lead {n}", source="web")
    with actors.acting(VIC), refused(Forbidden, "As viewer you may not create a Lead"):
        take_back(REQUEST)
    with actors.acting(CLEO):
        undo = taken_back(work)
    assert (undo.status, Lead.count()) == ("failed", 8), "before anything of it is taken back"
    assert "As rep you may not delete a Lead" in (undo.message or "")
    with actors.acting(BOB):
        assert taken_back(work).undone == 8
    with actors.acting(CLEO), refused(NotFound):
        undos.get_undo(undo_of(BOB).pk)
    with actors.acting(MANAGER):
        assert undos.get_undo(undo_of(BOB).pk).undone == 8


def test_what_somebody_else_takes_back_is_not_shown(few: None, acme: Any, work: Any) -> None:
    with actors.acting(BOB), tracing.request_id_scope(REQUEST):
        for n in range(8):
            Lead.create(name=f"Lead {n}", source="web")
    with actors.acting(BOB):
        mine = begin()
        assert take_back(REQUEST) == mine, "asked again it is the same"
    with actors.acting(CLEO), refused(Conflict, "Somebody is taking this back"):
        take_back(REQUEST)
    assert work().count("undo.run") == 1


def undo_of(actor: Actor) -> Undo:
    return Undo.objects.filter(created_by=actor.id).latest("created_at")


def test_a_request_that_is_an_undo_at_work_waits(few: None, api: Any, work: Any) -> None:
    undo = begin(import_leads(api, work, 9))
    with refused(Conflict, "still at work"):
        take_back(undo.request_id)
    work()


# -- by REST --------------------------------------------------------------------------------------


def test_it_lists_what_stays_by_page_and_as_a_file(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)
    for lead in Lead.find(limit=3):
        Lead.update(lead.pk, name=f"=Renamed {lead.name}")
    said = api.call("POST", f"/requests/{request}/undo").json()
    work()
    path = f"/undos/{said['$id']}"
    page = api.call("GET", f"{path}/stays?limit=2").json()
    assert (len(page["results"]), page["hasMore"]) == (2, True)
    assert {"type", "id", "name", "reason", "message", "fields", "since"} == set(page["results"][0])
    table = b"".join(api.call("GET", f"{path}/stays.csv").streaming_content).decode("utf-8-sig")
    lines = table.splitlines()
    assert lines[0] == "type,id,name,reason,message,since"
    assert len(lines) == 1 + Undo.objects.get().stays
    assert any("'=Renamed" in line for line in lines), "no cell is a formula"
    assert api.call("GET", "/undos").json()["results"][0]["$id"] == said["$id"]
    for wrong, status in (
        (f"{path}?what=1", 400),
        ("/undos/undo_none", 404),
        (f"{path}/stays?limit=x", 400),
    ):
        assert api.call("GET", wrong).status_code == status
    for body, status in (({"event": 7}, 422), ({"what": 1}, 422), ([], 400)):
        assert api.call("POST", f"/requests/{request}/undo", body).status_code == status


def test_one_row_of_a_large_import_is_taken_back_at_once(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)
    event = Event.log.filter(request_id=request, name="Lead.Created").latest("seq")
    answer = api.call("POST", f"/requests/{request}/undo", {"event": event.id})
    assert (answer.status_code, Lead.count()) == (200, 8)


def test_the_work_of_a_part_does_not_grow_with_the_request(
    few: None, api: Any, work: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(undo_job, "TAKEN", 6)
    monkeypatch.setattr(undo_job, "LOOKED_AT", 40)
    counts = []
    for rows_of_file in (12, 48):
        request = import_leads(api, work, rows_of_file)
        with CaptureQueriesContext(connection) as asked:
            undo = taken_back(work, request)
        counts.append(len(asked) / (undo.undone or 1))
    assert counts[1] < counts[0] * 1.2, "statements per record"


def test_its_reasons_are_in_the_language_of_who_asked(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 9)
    lead = Lead.find({"name": "Person 4"})[0]
    Lead.update(lead.pk, name="Renamed since")
    with translation.override("de"):
        undo = begin(request)
    work()
    with translation.override("de"):
        why = {row.record: row.reason for row in undos.staying_records(undo)}
        assert why[lead.pk] == "Name: seitdem wieder geändert."
        assert why[lead.contact_id].startswith("Was darauf verweist, bleibt")
        again = begin(request)
    work()
    again.refresh_from_db()
    assert (again.message or "").startswith("Nichts davon lässt sich zurücknehmen: ")


def test_a_script_is_told_what_rest_says(few: None, api: Any, work: Any) -> None:
    said = api.call("POST", f"/requests/{import_leads(api, work, 9)}/undo").json()
    told = Undo.objects.get(pk=said["$id"]).as_json()
    assert said.keys() - {"$context"} == told.keys()
    work()
