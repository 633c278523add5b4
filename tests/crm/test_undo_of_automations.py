"""Taking back what automations did: with what set it off, by whom that may, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest

from crm import Activity, Lead, Rule
from crm.rules import runs
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.context import running, tracing
from headlessly.errors import Conflict, Forbidden
from headlessly.log.events import Event
from headlessly.undo import at_once, undos
from headlessly.undo.at_once import undo_request
from headlessly.undo.models import Undo
from tests.crm.test_automation import CALL, at, rule
from tests.refusals import refused

BOB = Actor("user_bob", "Bob", actors.REP)
MANAGER = Actor("user_manager", "Mia", actors.MANAGER)
VIC = Actor("user_vic", "Vic", actors.VIEWER)
FIRST, SECOND, ASKED = "req_first00000000000", "req_second0000000000", "req_asked00000000000"


def made(request: str, name: str = "L", actor: Actor = actors.SYSTEM, **given: Any) -> Lead:
    with tracing.request_id_scope(request), actors.acting(actor):
        return Lead.create(**{"name": name, "source": "x"} | given)


def requests_of(name: str) -> set[str]:
    """The requests that the events with a name belong to."""
    return set(Event.log.filter(name=name).values_list("request_id", flat=True))


def work_in(request: str) -> None:
    """What is due is done by a job that another request put in line."""
    with tracing.request_id_scope(request):
        runs.work()


def at_the_same_moment(work: Callable[[], None]) -> None:
    """What another process does meanwhile: nothing that is going on here is its own."""
    elsewhere = copy_context()
    elsewhere.run(running._execution.set, None)
    elsewhere.run(work)


@pytest.mark.parametrize("at_most", [5_000, 1])
def test_who_may_not_do_it_takes_back_nothing_of_a_rule(
    acme: Any, work: Any, monkeypatch: Any, at_most: int
) -> None:
    greet = rule({"do": "Lead.update", "with": {"score": 77}}, CALL, events=["Lead.Lost"])
    lead = made(FIRST)
    with tracing.request_id_scope(ASKED):
        runs.run_on_what_is_there(greet)
    work_in(SECOND)
    assert Lead.get(lead.pk).score == 77 and Activity.count() == 1
    monkeypatch.setattr(at_once, "MOST_EVENTS", at_most)
    before = Event.log.count()
    with actors.acting(VIC), refused(Forbidden, "As viewer you may not"):
        undos.take_back(ASKED)
    assert (Lead.get(lead.pk).score, Activity.count(), Event.log.count()) == (77, 1, before)
    with actors.acting(MANAGER):
        done = undos.take_back(ASKED)
    if isinstance(done, Undo):
        work()
    assert (Lead.get(lead.pk).score, Activity.count()) == (None, 0)


def test_each_is_taken_back_with_what_set_it_off_whichever_job_did_it(acme: Any) -> None:
    rule(CALL)
    one = made(FIRST, "One", BOB)
    two = made(SECOND, "Two")
    work_in(FIRST)
    assert requests_of("Activity.Created") == {FIRST, SECOND}
    with actors.acting(BOB):
        done = undo_request(FIRST)
    assert {each.name for each in done.undone} == {"One", "Call of One"} and not done.stays
    assert [each.lead_id for each in Activity.find()] == [two.pk], "that is none of Bob's"
    assert one.pk not in {each.pk for each in Lead.find()}


def test_what_follows_after_a_wait_is_a_request_of_its_own(acme: Any) -> None:
    rule({"do": "Lead.update", "with": {"score": 5}}, {"wait": "2 days"}, CALL)
    with at(3):
        lead = made(FIRST)
        work_in(FIRST)
    work_in(SECOND)
    assert requests_of("Lead.Updated") == {FIRST}
    (later,) = requests_of("Activity.Created")
    assert later not in (FIRST, SECOND)
    with actors.acting(VIC), refused(Forbidden, "As viewer you may not create"):
        undo_request(later)
    undo_request(later)
    assert Activity.count() == 0 and Lead.get(lead.pk).score == 5


def test_what_came_of_a_record_that_stays_stays_with_it(acme: Any) -> None:
    rule(CALL)
    lead = made(FIRST)
    work_in(SECOND)
    lead.update(name="Known by now")
    with refused(Conflict, "changed again") as caught:
        undo_request(FIRST)
    assert {each["type"]: each["reason"] for each in caught.value.extra["stays"]} == {
        "Lead": "changed", "Activity": "belongs"
    }  # fmt: skip
    assert Activity.count() == 1


def test_what_a_rule_does_while_it_is_taken_back_goes_too(acme: Any, monkeypatch: Any) -> None:
    rule(CALL)
    made(FIRST)
    reads = at_once.events_of_request

    def read_before_the_rule(*given: Any) -> list[Event]:
        found = reads(*given)
        if not Activity.count():
            at_the_same_moment(lambda: work_in(SECOND))
        return found

    monkeypatch.setattr(at_once, "events_of_request", read_before_the_rule)
    done = undo_request(FIRST)
    assert {each.noun for each in done.undone} == {Lead, Activity} and not done.stays
    assert Lead.count() == Activity.count() == 0


def test_leads_that_a_rule_was_asked_to_give_away_are_taken_back_together(people: Any) -> None:
    leads = [made(FIRST, f"L{n}") for n in range(3)]
    giving = Rule.create(
        name="Inbound", how="Person", person=people.bob, condition={"type": "Lead", "filter": {}}
    )
    with tracing.request_id_scope(ASKED):
        assert len(runs.run_on_what_is_there(giving)) == 3
    work_in(SECOND)
    assert all(Lead.get(lead.pk).owner_id for lead in leads)
    assert len(undo_request(ASKED).undone) == 3
    assert not any(Lead.get(lead.pk).owner_id for lead in leads)
