"""The activity: done, cancelled or logged, and what it moves."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Activity, Contact, Deal, Lead
from headlessly.context import clock
from headlessly.errors import Conflict, Invalid
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def call(lead: Lead, people: SimpleNamespace) -> Activity:
    deal = Deal.create(name="D", value=1)
    return Activity.create(subject="Call", type="Call", lead=lead, deal=deal, contact=people.ada)


def touched(call: Activity) -> tuple[Any, Any, Any]:
    return (
        Lead.get(call.lead_id).last_activity_at,
        Deal.get(call.deal_id).last_activity_at,
        Contact.get(call.contact_id).last_engagement,
    )


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("type", ["Call", "Email", "Meeting", "Task", "Note", "Demo", "FollowUp"], ["Fax"]),
        ("priority", ["Low", "Medium", "High", "Urgent"], ["Now"]),
        ("duration", [0, 30], [-1, 1.5, "30"]),
        ("timezone", ["Europe/Berlin"], ["Berlin"]),
        ("meeting_link", ["https://meet.example/x"], ["meet.example/x"]),
    ],
)
def test_it_takes_only_sensible_values(field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        Activity.create(subject="S", **{field: value})
    for value in bad:
        with refused(Invalid) as caught:
            Activity.create(subject="S", **{field: value})
        assert list(details(caught)) == [field]


def test_it_does_not_end_before_it_starts() -> None:
    with refused(Invalid) as caught:
        Activity.create(subject="S", start_at="2026-01-02T10:00:00Z", end_at="2026-01-02T09:00:00Z")
    assert list(details(caught)) == ["end_at"]
    meeting = Activity.create(subject="S", start_at="2026-01-02T10:00:00Z")
    with refused(Invalid):
        meeting.update(end_at="2026-01-02T09:00:00Z")


@pytest.mark.parametrize("start", ["Pending", "InProgress"])
def test_it_is_completed_with_an_outcome(call: Activity, start: str) -> None:
    call.update(status=start)
    for missing in ({}, {"outcome": " "}):
        with refused(Invalid) as caught:
            call.complete(**missing)
        assert list(details(caught)) == ["outcome"]
    before = clock.now()
    call.complete(outcome="They want a quote")
    assert (call.status, call.outcome) == ("Completed", "They want a quote")
    assert before <= call.completed_at <= call.updated_at
    for final in (lambda: call.cancel(), lambda: call.complete(outcome="x"),
                  lambda: call.update(status="Pending")):  # fmt: skip
        with refused(Conflict):
            final()


@pytest.mark.parametrize("start", ["Pending", "InProgress"])
def test_it_is_cancelled_and_moves_nothing(call: Activity, start: str) -> None:
    call.update(status=start)
    before = touched(call)
    call.cancel()
    assert (call.status, call.completed_at, touched(call)) == ("Cancelled", None, before)
    with refused(Conflict):
        call.complete(outcome="x")


def test_it_starts_pending_and_moves_nothing(call: Activity) -> None:
    assert (call.status, call.priority) == ("Pending", "Medium")
    before = touched(call)
    call.update(status="InProgress")
    assert touched(call) == before
    with refused(Conflict):
        call.update(status="Pending")


def test_it_moves_lead_deal_and_contact_forward_when_completed(call: Activity) -> None:
    before = touched(call)
    call.complete(outcome="x")
    assert touched(call) == (call.completed_at,) * 3
    assert before[0] < call.completed_at
    events = [Lead.history(call.lead_id)[0], Contact.history(call.contact_id)[0]]
    assert {e.cause for e in events} == {Activity.completed_by("system")[0].id}


def test_it_never_moves_them_back(call: Activity) -> None:
    call.complete(outcome="x")
    before = touched(call)
    versions = Lead.get(call.lead_id).version
    Activity.log(
        subject="Long ago", lead=call.lead_id, deal=call.deal_id, contact=call.contact_id,
        completed_at=clock.now() - timedelta(days=30),
    )  # fmt: skip
    assert touched(call) == before
    assert Lead.get(call.lead_id).version == versions


def test_it_is_logged_as_finished(lead: Lead, people: SimpleNamespace) -> None:
    done = Activity.log(subject="Lunch", type="Meeting", lead=lead, outcome="Nice")
    assert (done.status, done.outcome, done.version) == ("Completed", "Nice", 1)
    assert [e.name for e in Activity.history(done)] == ["Activity.Logged"]
    assert Lead.get(lead.id).last_activity_at == done.completed_at
    with refused(Invalid):
        Activity.log(subject="x", status="InProgress")
    with refused(Invalid):
        Activity.log(outcome="no subject")


def test_it_is_logged_at_the_time_it_took_place(lead: Lead) -> None:
    start, end = clock.now() - timedelta(hours=2), clock.now() - timedelta(hours=1)
    for given, at in (
        ({"start_at": start, "end_at": end}, end),
        ({"start_at": start}, start),
        ({"start_at": start, "completed_at": end}, end),
    ):
        assert Activity.log(subject="x", **given).completed_at == at


def test_it_is_not_done_in_the_future(lead: Lead) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    with refused(Invalid):
        Activity.log(subject="x", lead=lead, completed_at=tomorrow)
    for given in ({"start_at": tomorrow}, {"end_at": tomorrow}):
        done = Activity.log(subject="x", lead=lead, **given)
        assert done.completed_at <= clock.now()
    assert Lead.get(lead.id).last_activity_at <= clock.now()


def test_it_touches_a_closed_lead_too(qualified: Lead) -> None:
    qualified.convert()
    done = Activity.log(subject="Thank them", lead=qualified)
    assert Lead.get(qualified.id).last_activity_at == done.completed_at
