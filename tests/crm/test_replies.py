"""Replies: since when somebody waits for an answer of ours, and what settles it."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from crm import Activity, Contact, Deal, Lead, Rule
from crm.first_touches import by_people
from headlessly.access import actors
from headlessly.access.actors import ADMIN, Actor
from headlessly.context import clock
from headlessly.log.events import Event
from headlessly.query import periods
from headlessly.query.filters import compile_filter
from headlessly.query.named_reports import measure, reports
from headlessly.query.reports import Slice
from headlessly.undo.at_once import undo_request
from marketing import Form
from tests.answered import answered, problem
from tests.headlessly.mcp.conftest import agent  # noqa: F401
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def lead(people: SimpleNamespace) -> Any:
    """A lead of Ada's that Bob contacted yesterday."""
    with clock.set_clock(clock.now() - timedelta(days=1), purpose="demo"):
        lead = Lead.create(name="Acme", source="website", contact=people.ada, owner=people.bob)
        lead.update(status="Contacted")
        return lead


@pytest.fixture
def now(lead: Lead) -> Any:
    """An hour after that; meanwhile it is nine hours later."""
    moment = lead.last_activity_at + hours(1)
    with clock.set_clock(moment + hours(9), purpose="demo"):
        yield moment


def came(lead: Any, moment: Any, **more: Any) -> Activity:
    return ours(lead, moment, **{"direction": "Inbound"} | more)


def ours(lead: Any, moment: Any, **more: Any) -> Activity:
    about = {"deal" if isinstance(lead, Deal) else "lead": lead.pk}
    given = {"subject": "Mail", "type": "Email", "completed_at": moment}
    return Activity.log(**about | given | more)


def since(record: Any) -> Any:
    return type(record).get(record.pk).reply_waiting_since


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def test_it_waits_from_the_first_that_nobody_answered(lead: Lead, now: Any) -> None:
    assert since(lead) is None
    came(lead, now)
    came(lead, now + hours(1), type="Call")
    assert since(lead) == now
    assert Lead.get(lead.pk).last_activity_at == now + hours(1), "they touched us"


@pytest.mark.parametrize(
    ("given", "settles"),
    [
        ({"direction": "Outbound"}, True),
        ({"type": "Call"}, True),
        ({"type": "Task"}, True),
        ({"type": "Note"}, False),
        ({"type": "Note", "direction": "Outbound"}, True),
    ],
)
def test_it_is_settled_by_what_we_did(lead: Lead, now: Any, given: Any, settles: bool) -> None:
    came(lead, now)
    ours(lead, now + hours(1), **given)
    assert since(lead) == (None if settles else now)


def test_it_is_settled_by_a_task_that_is_done_and_not_by_one_that_is_planned(
    lead: Lead, now: Any
) -> None:
    came(lead, now)
    task = Activity.create(subject="Answer her", type="Task", lead=lead)
    assert since(lead) == now
    task.complete(outcome="Done")
    assert since(lead) is None


def test_what_a_rule_does_answers_nobody(lead: Lead, now: Any) -> None:
    came(lead, now)
    with actors.acting(Actor("rule_x", "Rule", ADMIN)):
        ours(lead, now + hours(1))
    assert since(lead) == now


def test_a_past_that_is_told_late_counts_as_it_was(lead: Lead, now: Any) -> None:
    ours(lead, now + hours(4))
    came(lead, now + hours(3))
    assert since(lead) is None, "we answered it afterwards"
    came(lead, now + hours(6))
    came(lead, now + hours(5))
    assert since(lead) == now + hours(5)
    ours(lead, now + hours(5.5))
    assert since(lead) == now + hours(6)


def test_what_is_corrected_later_counts_as_it_is_then(lead: Lead, people: Any, now: Any) -> None:
    mail = came(lead, now)
    mail.update(direction="Outbound")
    assert since(lead) is None
    mail.update(direction="Inbound")
    assert since(lead) == now
    other = Lead.create(name="Other", source="x")
    mail.update(lead=other)
    assert (since(lead), since(other)) == (None, now)
    mail.delete()
    assert since(other) is None
    mail = Activity.with_deleted.get(pk=mail.pk)
    Activity.restore(mail.pk)
    assert since(other) == now


def test_its_answer_that_is_deleted_lets_it_wait_again(lead: Lead, now: Any) -> None:
    came(lead, now)
    answer = ours(lead, now + hours(1))
    came(lead, now + hours(2))
    assert since(lead) == now + hours(2)
    answer.delete()
    assert since(lead) == now


def test_who_works_it_says_that_it_is_settled(lead: Lead, now: Any) -> None:
    came(lead, now)
    lead.settle()
    assert since(lead) is None
    assert Event.objects.filter(target=lead.pk, name="Lead.Settled").count() == 1
    lead.settle()
    assert since(lead) is None, "two may say so"


@pytest.mark.parametrize("verb", ["assign", "qualify", "lose"])
def test_a_move_settles_it_only_where_it_says_so(
    lead: Lead, people: Any, now: Any, verb: str
) -> None:
    came(lead, now)
    if verb == "assign":
        lead.assign(owner=people.cleo.pk)
    elif verb == "qualify":
        lead.update(status="Qualified")
    else:
        lead.lose(lost_reason="Price")
    assert since(lead) == (None if verb == "lose" else now)
    if verb == "lose":
        came(lead, now + hours(2))
        assert since(lead) is None, "what has ended waits for nobody"


def test_a_first_contact_settles_it(people: Any) -> None:
    lead = Lead.create(name="New", source="x", contact=people.ada)
    came(lead, clock.now())
    assert since(lead) is not None
    lead.update(status="Contacted")
    assert since(lead) is None


@pytest.mark.parametrize("how", ["new", "existing", "none"])
def test_it_waits_with_the_deal_after_a_conversion(lead: Lead, now: Any, how: str) -> None:
    came(lead, now)
    lead.update(status="Qualified")
    known = Deal.create(name="Known", value=1)
    came(known, now + hours(2))
    given = {"new": {}, "existing": {"deal": known.pk}, "none": {"without_deal": True}}[how]
    lead.convert(**given)
    assert since(lead) is None
    if how != "none":
        assert since(Lead.get(lead.pk).deal) == now
    assert since(known) == (now if how == "existing" else now + hours(2))


def test_a_deal_waits_as_well_until_it_ends(now: Any) -> None:
    deal = Deal.create(name="D", value=1)
    came(deal, now)
    deal.advance()
    assert since(deal) == now
    deal.win()
    assert since(deal) is None


def test_it_is_taken_back_with_what_it_came_of(lead: Lead, now: Any) -> None:
    mail = came(lead, now)
    request = Activity.history(mail)[0].request_id
    undo_request(request)
    assert since(lead) is None
    came(lead, now)
    answer = ours(lead, now + hours(1))
    undo_request(Activity.history(answer)[0].request_id)
    assert since(lead) == now
    lead.settle()
    undo_request(Lead.history(lead)[0].request_id)
    assert since(lead) == now


def test_it_is_answered_as_of_a_moment(lead: Lead, now: Any) -> None:
    came(lead, now)
    then = clock.now()
    with clock.set_clock(then + hours(1), purpose="demo"):
        lead.settle()
        assert Lead.get(lead.pk, as_of=then).reply_waiting_since == now
        assert Lead.count({"reply_waiting_since": {"$exists": True}}, as_of=then) == 1
        assert Lead.count({"reply_waiting_since": {"$exists": True}}) == 0


def test_it_stays_when_the_person_is_merged(lead: Lead, people: Any, now: Any) -> None:
    came(lead, now, contact=people.ada)
    other = Contact.create(name="Ada C.", email="ada.c@acme.example")
    people.ada.merge(into=other)
    assert since(lead) == now


# -- what is not ours ---------------------------------------------------------------------------------


def test_what_came_from_them_is_no_first_answer_of_ours(people: Any) -> None:
    Rule.create(
        name="Soon", kind="FirstAnswer", condition={"type": "Lead", "filter": {}}, within=60
    )
    lead = Lead.create(name="New", source="x", owner=people.bob)
    assert lead.answer_due_at is not None
    came(lead, clock.now(), type="Call")
    lead = Lead.get(lead.pk)
    assert (lead.answer, lead.answered_at) == ("Waiting", None)
    ours(lead, clock.now(), direction="Outbound", type="Call")
    assert Lead.get(lead.pk).answer == "Met"


def test_what_came_from_them_counts_in_no_report_as_an_answer(people: Any) -> None:
    lead = Lead.create(name="New", source="x", owner=people.bob)

    def answer() -> Any:
        slice = Slice(periods.read_period({"period": "this_year"}))
        found = measure(reports.require("team"), slice).rows or ()
        mine = next(row for row in found if row.name == "Bob Stone")
        return mine.as_json()["firstAnswer"]

    came(lead, clock.now())
    assert answer() is None
    assert not by_people(Activity.objects.filter(lead=lead.pk)).exists()
    ours(lead, clock.now())
    assert answer() is not None


# -- forms --------------------------------------------------------------------------------------------


@pytest.fixture
def form() -> Form:
    form = Form.create(
        name="Demo", slug="demo",
        fields=[{"name": "email", "type": "email", "label": "E-mail", "required": True}],
    )  # fmt: skip
    form.publish()
    return form


def test_a_form_that_somebody_known_sends_waits_with_whoever_works_with_them(
    lead: Lead, form: Form, now: Any
) -> None:
    deal = Deal.create(name="D", value=1, contact=lead.contact_id)
    lost = Deal.create(name="L", value=1, contact=lead.contact_id)
    lost.lose(lost_reason="Price")
    form.submit(email="ada@acme.example")
    assert since(lead) == clock.now() == since(deal)
    assert since(lost) is None
    new = Lead.find({"source": "form"})[0]
    assert since(new) is None, "it waits for its first answer"
    with clock.set_clock(clock.now() + hours(1), purpose="demo"):
        form.submit(email="ada@acme.example")
        assert since(lead) == now + hours(9), "from the first on"
        ours(lead, clock.now())
        assert since(lead) is None


def test_a_form_of_somebody_unknown_lets_nobody_wait(lead: Lead, form: Form, now: Any) -> None:
    form.submit(email="somebody@else.example")
    assert Lead.count({"reply_waiting_since": {"$exists": True}}) == 0


# -- other ways in ------------------------------------------------------------------------------------


def test_the_direction_is_one_of_two(lead: Lead, api: Any) -> None:
    sent = {"subject": "S", "type": "Call", "lead": lead.pk, "direction": "Sideways"}
    said = problem(api.call("POST", "/activities/log", sent), 422, "validation_error")
    assert said["details"][0]["field"] == "direction" and "Inbound" in str(said["details"])
    made = answered(api.call("POST", "/activities/log", sent | {"direction": "Inbound"}), 201)
    assert made["direction"] == "Inbound"
    found = answered(api.call("GET", "/activities?direction=Inbound"))
    assert found["total"] == 1
    waits = answered(api.call("GET", f"/leads/{lead.pk}"))["replyWaitingSince"]
    assert waits == made["completedAt"]
    given = {"replyWaitingSince": None}
    assert problem(api.call("PATCH", f"/leads/{lead.pk}", given), 422, "validation_error")
    assert answered(api.call("POST", f"/leads/{lead.pk}/settle"))["replyWaitingSince"] is None


def test_another_tenants_reply_waits_for_nobody_here(lead: Lead, now: Any, rival: Any) -> None:
    from headlessly.access import tenancy

    came(lead, now)
    with tenancy.active(rival):
        assert Lead.count({"reply_waiting_since": {"$exists": True}}) == 0


@pytest.mark.parametrize("noun", [Lead, Deal])
@pytest.mark.parametrize("whose", ["of_owner", "waiting"])
def test_who_waits_is_found_by_one_range_of_an_index(
    noun: Any, whose: str, people: SimpleNamespace
) -> None:
    rows = noun.objects.filter(compile_filter(noun, {"reply_waiting_since": {"$exists": True}}))
    if whose == "of_owner":
        rows = rows.filter(owner=people.bob.pk)
    with connection.cursor() as cursor:
        # Of a handful of deals PostgreSQL would rather sort, once it has looked at them.
        for other in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
        plan = rows.order_by("reply_waiting_since", "pk")[:9].explain()
    assert f"{noun.__name__.lower()}_reply_{whose}" in plan
    assert not re.search(r"Sort|^\s+Filter:", plan, re.M)


@pytest.mark.parametrize("answer", ["settle", "Contacted"])
def test_what_was_said_to_be_answered_does_not_wait_again(
    lead: Lead, now: Any, answer: str
) -> None:
    lead = Lead.create(name="New", source="x") if answer == "Contacted" else lead
    came(lead, now)
    lead = Lead.get(lead.pk)
    assert since(lead) == now
    lead.settle() if answer == "settle" else lead.update(status="Contacted")
    assert since(lead) is None
    note = ours(lead, now + hours(1), type="Note")
    Activity.delete(note.pk)
    ours(lead, now - hours(2), type="Note")
    assert since(lead) is None
