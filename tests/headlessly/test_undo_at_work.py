"""An undo in the background is stopped and tells how it ended; what is at work is not taken back; and what
stays is shown of what one sees when one looks."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Lead
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.access.models import Membership, User
from headlessly.context import clock, tracing
from headlessly.errors import Conflict, NotFound
from headlessly.notifications import wording
from headlessly.notifications.models import Notification
from headlessly.transfer.models import Import
from headlessly.undo import undo_job, undos
from headlessly.undo.models import Undo, UndoRecord
from headlessly.undo.undos import take_back
from tests.answered import problem
from tests.headlessly.test_large_undo import REQUEST, begin, few, import_leads
from tests.refusals import refused

__all__ = ["few"]  # a fixture


@pytest.fixture
def mia(acme: Any) -> Membership:
    """A manager."""
    user = User.objects.create_user("mia@seller.example", first_name="Mia")
    return Membership.objects.create(user=user, tenant=acme, role="manager")


@pytest.fixture
def ben(acme: Any, people: SimpleNamespace) -> Membership:
    """A rep, whose leads are Bob's."""
    user = User.objects.create_user("ben@seller.example", first_name="Ben")
    return Membership.objects.create(user=user, tenant=acme, role="rep", contact=people.bob)


def make_leads(actor: Actor, count: int = 8, **fields: Any) -> list[Lead]:
    with actors.acting(actor), tracing.request_id_scope(REQUEST):
        return [Lead.create(name=f"Lead {n}", source="web", **fields) for n in range(count)]


def told(member: Membership) -> list[str]:
    found = Notification.objects.filter(user=member.user).order_by("created_at", "id")
    with actors.acting(member.actor):
        lines = wording.lines_of(list(found))
        return [f"{line.text} {line.path.split('/')[-2]}" for line in lines]


# -- stopped --------------------------------------------------------------------------------------


def test_it_is_stopped_between_two_parts(
    few: None, api: Any, ben: Membership, work: Any, monkeypatch: Any
) -> None:
    make_leads(ben.actor)
    with actors.acting(ben.actor):
        undo = begin()
    whole = undo_job.Run._part

    def stopping(self: Any, below: int | None, widely: bool) -> Any:
        if self.undo.undone:
            wrong = api.call("POST", f"/undos/{undo.pk}/cancel", {"all": True})
            assert (wrong.status_code, wrong.json()["field"]) == (422, "all")
            answer = api.call("POST", f"/undos/{undo.pk}/cancel")
            assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        return whole(self, below, widely)

    with monkeypatch.context() as patched:
        patched.setattr(undo_job.Run, "_part", stopping)
        work()
    undo.refresh_from_db()
    assert (undo.status, undo.undone, Lead.count()) == ("cancelled", 3, 5)
    assert not UndoRecord.objects.filter(undo=undo).exclude(state="stays").exists()
    assert api.call("POST", f"/undos/{undo.pk}/cancel").status_code == 409
    # Asked again it goes on with the rest.
    with actors.acting(ben.actor):
        rest = begin()
    work()
    rest.refresh_from_db()
    assert (rest.status, rest.undone, Lead.count()) == ("completed", 5, 0)


def test_who_does_not_see_it_does_not_stop_it(few: None, acme: Any, ben: Any, work: Any) -> None:
    make_leads(ben.actor)
    with actors.acting(ben.actor):
        undo = begin()
    with actors.acting(Actor("user_cleo", "Cleo", actors.REP)), refused(NotFound):
        undos.cancel_undo(undo.pk)
    work()
    undo.refresh_from_db()
    assert undo.status == "completed"


# -- told -----------------------------------------------------------------------------------------


def test_whoever_asked_is_told_how_it_ended(
    few: None, acme: Any, mia: Any, ben: Any, work: Any
) -> None:
    make_leads(ben.actor)
    with actors.acting(ben.actor):
        tried = begin(dry_run=True)
        work()
        done = begin()
        work()
        stopped = begin(done.request_id)
    with actors.acting(mia.actor):
        undos.cancel_undo(stopped.pk)
    work()
    assert told(ben) == [
        f"Taken back: 8 records. {done.pk}",
        f"Mia stopped your undo {stopped.pk}",
    ]
    assert told(mia) == [] and tried.pk not in str(told(ben))
    # Nobody is led to one that is forgotten.
    Undo.objects.filter(pk=done.pk).update(created_at=clock.now() - timedelta(days=31))
    undo_job.clear_old_undos()
    assert told(ben) == [f"Mia stopped your undo {stopped.pk}"]


# -- at work --------------------------------------------------------------------------------------


def test_a_request_whose_import_is_at_work_waits(few: None, api: Any, work: Any) -> None:
    request = import_leads(api, work, 3)
    Import.objects.update(status="running")
    source = Import.objects.get()
    answer = api.call("POST", f"/requests/{request}/undo")
    body = answer.json()
    assert (answer.status_code, body["reason"], body["import"]) == (409, "at_work", source.pk)
    assert "Stop it, or take it back when it is done" in body["message"]
    for asked in ({"dry_run": True}, {}):
        with refused(Conflict, "still at work"):
            take_back(request, **asked)
    assert api.call("POST", f"/imports/{source.pk}/cancel").status_code == 200
    assert Undo.objects.count() == 0 and Lead.count() == 3
    begin(request)
    work()
    assert Lead.count() == 0


def test_a_request_whose_import_has_not_begun_is_said_to_be_in_line(
    few: None, api: Any, ben: Any, work: Any
) -> None:
    answer = api.generic(
        "POST", f"{api.base}/import/leads", "name,source\nA,web\n", content_type="text/csv",
        headers={"Authorization": f"Bearer {api.secret}"},
    )  # fmt: skip
    request, source = answer["X-Request-Id"], Import.objects.get()
    for query in ("", "?dryRun=true"):
        body = api.call("POST", f"/requests/{request}/undo{query}")
        told = problem(body, 409, "conflict", reason="at_work", id=request)
        assert told["import"] == source.pk and "has not begun" in told["message"]
    with actors.acting(Actor(ben.actor.id, "Ben", actors.REP)), refused(NotFound):
        take_back(request)
    assert api.call("POST", f"/imports/{source.pk}/cancel").status_code == 200
    work()
    problem(api.call("POST", f"/requests/{request}/undo"), 404, "not_found")
    assert Lead.count() == 0


# -- what is seen of what stays -------------------------------------------------------------------


def test_what_stays_is_shown_of_what_one_sees_now(
    few: None, acme: Any, people: SimpleNamespace, ben: Any, work: Any
) -> None:
    limited = Actor(ben.actor.id, "Ben", actors.REP, people.bob.pk, limited=True)
    leads = [Lead.create(name=f"Lead {n}", source="web", owner=people.bob) for n in range(8)]
    with actors.acting(limited), tracing.request_id_scope(REQUEST):
        for lead in leads:
            Lead.update(lead.pk, need="Seats")
    for lead in (leads[0], leads[2]):
        Lead.update(lead.pk, need="Three seats")
    # Before it is judged:
    Lead.update(leads[1].pk, name="A secret of Cleo's", owner=people.cleo)
    with actors.acting(limited):
        undo = begin()
        work()
    leads[2].update(owner=people.cleo)  # since it was judged
    with actors.acting(limited):
        shown = {
            row.record: (row.name, row.code)
            for row in undos.staying_records(undos.get_undo(undo.pk))
        }
    assert shown == {
        leads[0].pk: ("Lead 0", "changed"),
        leads[1].pk: ("Lead 1", "hidden"),
    }
    with actors.acting(Actor("user_manager", "Mia", actors.MANAGER)):
        assert leads[2].pk in {row.record for row in undos.staying_records(undos.get_undo(undo.pk))}
