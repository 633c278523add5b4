"""Real threads and killed processes on PostgreSQL: everything happens once, or not at all."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from psycopg.errors import DeadlockDetected

from crm import (
    Activity,
    Attachment,
    Contact,
    Deal,
    Lead,
    LineItem,
    Organization,
    Pipeline,
    Product,
)
from headlessly.access import actors, tenancy
from headlessly.access.models import ApiKey
from headlessly.contents.models import ContentUse
from headlessly.declaration.registry import registry
from headlessly.declaration.sent_files import SentFile
from headlessly.errors import Conflict, HeadlesslyError, Invalid, NotFound
from headlessly.execution.execution import Execution
from headlessly.execution.executor import one_transaction
from headlessly.execution.table import Table
from headlessly.log.events import Event

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Every call in a thread of its own, all at once; their answers or exceptions, in order."""
    tenant, start = tenancy.require(), threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)

    def work(number: int, call: Callable[[], Any]) -> None:
        try:
            with tenancy.active(tenant), actors.acting(actors.SYSTEM):
                connection.ensure_connection()
                start.wait(30)
                answers[number] = call()
        except Exception as problem:
            answers[number] = problem
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=each, daemon=True) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "it waits for ever"
    return answers


def kinds(answers: list[Any]) -> list[str]:
    return sorted(type(answer).__name__ for answer in answers)


def after(first: threading.Event, call: Callable[[], Any]) -> Callable[[], Any]:
    """The call, as soon as ``first`` has happened."""
    return lambda: first.wait(20) and call()


class Held:
    """A hook that keeps its transaction open for a while after saying that it got there."""

    def __init__(self, seconds: float = 0.3) -> None:
        self.seconds, self.reached = seconds, threading.Event()

    def __call__(self, record: Any, ctx: Any) -> None:
        self.reached.set()
        time.sleep(self.seconds)


def assert_whole_log() -> None:
    """Every record's versions are gapless, and so is what the log says of them."""
    for noun in registry.values():
        for record in noun.with_deleted.all():
            versions = [e.version for e in noun.history(record)][::-1]
            assert versions == list(range(1, record.version + 1)), record
            past = noun.past.objects.filter(record=record.pk).order_by("seq")
            assert [v.version for v in past] == versions


def assert_nothing_dangles() -> None:
    for noun in registry.values():
        for record in noun.objects.all():
            for field in noun.schema.references.values():
                id = getattr(record, field.column)
                assert id is None or registry[field.to].objects.filter(pk=id).exists(), (
                    f"{record.pk}.{field.name} refers to {id}, which is gone"
                )


# -- one lead, one deal ---------------------------------------------------------------------------


def test_it_converts_a_lead_once_whoever_else_tries(qualified: Lead) -> None:
    answers = at_once(*[lambda: Lead.convert(qualified.id)] * 20)
    assert kinds(answers) == ["Conflict"] * 19 + ["Lead"]
    deal = Deal.find().get()
    for problem in answers:
        if isinstance(problem, Conflict):
            assert problem.body()["deal"] == deal.id
            assert problem.body()["status"] == "Converted"
    assert Event.objects.filter(name="Lead.Converted").count() == 1
    assert Event.objects.filter(name="lead_converted").count() == 1
    assert_whole_log()


def test_it_converts_many_leads_of_one_contact_at_once(qualified: Lead, people: Any) -> None:
    leads = [qualified]
    for n in range(5):
        lead = Lead.create(name=f"L{n}", source="x", contact=people.ada)
        lead.update(status="Contacted")
        leads.append(lead.update(status="Qualified"))
    answers = at_once(*[lambda id=lead.id: Lead.convert(id) for lead in leads])
    assert kinds(answers) == ["Lead"] * 6
    assert Deal.count() == 6
    assert [e.name for e in Contact.history(people.ada)] == ["Contact.Qualified", "Contact.Created"]


def test_it_is_either_converted_or_lost(qualified: Lead) -> None:
    at_once(
        *[lambda: Lead.convert(qualified.id)] * 3,
        *[lambda: Lead.lose(qualified.id, lost_reason="x")] * 3,
    )
    lead = Lead.get(qualified.id)
    assert lead.version == (5 if lead.status == "Converted" else 4)
    assert Deal.count() == (1 if lead.status == "Converted" else 0)
    assert_whole_log()


# -- one of a kind --------------------------------------------------------------------------------


def test_it_captures_a_new_email_once(acme: Any) -> None:
    cases = ["new@example.com", "NEW@example.com"]
    answers = at_once(
        *[lambda n=n: Contact.capture(email=cases[n % 2], name=f"N{n}") for n in range(10)]
    )
    assert kinds(answers) == ["Contact"] * 10
    assert len({contact.id for contact in answers}) == Contact.count() == 1
    assert_whole_log()


def test_it_answers_one_of_many_captures_that_it_created_the_contact(acme: Any) -> None:
    _key, secret = ApiKey.issue(acme, "race")

    def send() -> int:
        return (
            Client()
            .post(
                "/~acme/contacts/capture",
                {"name": "Dana", "email": "Dana@new.example"},
                content_type="application/json",
                headers={"authorization": f"Bearer {secret}"},
            )
            .status_code
        )

    assert sorted(at_once(*[send] * 8)) == [200] * 7 + [201]
    assert Contact.count() == 1
    events = Event.objects.filter(name="Contact.Captured").order_by("seq")
    assert [event.version for event in events] == list(range(1, 9))


def test_it_creates_one_contact_of_an_email(acme: Any) -> None:
    answers = at_once(*[lambda: Contact.create(email="a@example.com", name="A")] * 6)
    assert kinds(answers) == ["Conflict"] * 5 + ["Contact"]
    contact = Contact.find().get()
    for problem in answers:
        if isinstance(problem, Conflict):
            assert problem.body()["existingId"] == contact.id


def test_it_has_one_default_pipeline(acme: Any) -> None:
    answers = at_once(*[lambda: Pipeline.create(name="P", is_default=True)] * 4)
    assert Pipeline.count() == 1
    assert all(isinstance(a, Pipeline | Conflict | Invalid) for a in answers)


# -- one after the other --------------------------------------------------------------------------


def test_it_loses_no_update_and_numbers_them_all(lead: Lead) -> None:
    fields = ["name", "source_detail", "authority", "timeline"]

    def ten(field: str) -> None:
        for n in range(10):
            Lead.update(lead.id, **{field: f"{field} {n}"})

    assert at_once(*[lambda f=f: ten(f) for f in fields]) == [None] * 4
    now = Lead.get(lead.id)
    assert [getattr(now, f) for f in fields] == [f"{f} 9" for f in fields]
    assert now.version == 41
    assert_whole_log()


def test_it_lets_one_of_several_stale_writers_through(lead: Lead) -> None:
    answers = at_once(*[lambda n=n: Lead.update(lead.id, score=n, if_match=1) for n in range(5)])
    assert kinds(answers) == ["Lead"] + ["Stale"] * 4


def test_it_counts_touches_of_one_lead_in_any_order(qualified: Lead, people: Any) -> None:
    calls = [Activity.create(subject=f"A{n}", lead=qualified, contact=people.ada) for n in range(4)]
    answers = at_once(
        lambda: Lead.convert(qualified.id),
        *[lambda id=call.id: Activity.complete(id, outcome="x") for call in calls],
    )
    assert kinds(answers) == ["Activity"] * 4 + ["Lead"]
    latest = max(a.completed_at for a in answers[1:])
    assert Lead.get(qualified.id).last_activity_at >= latest
    assert Contact.get(people.ada.id).last_engagement == latest
    assert_whole_log()


def test_who_is_ended_on_the_way_locks_all_of_it_first_the_next_time(
    qualified: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = sorted(Activity.create(subject=f"A{n}", lead=qualified).id for n in range(3))
    lock_many, asked = Table.lock_many, []

    def end_the_first(self: Table, ids: Any, **options: Any) -> Any:
        asked.append((self.noun, list(ids)))
        if len(asked) == 1:
            raise OperationalError from DeadlockDetected()
        return lock_many(self, ids, **options)

    monkeypatch.setattr(Table, "lock_many", end_the_first)
    lead = Lead.convert(qualified.id)
    assert {Activity.get(id).deal_id for id in tasks} == {lead.deal_id}
    assert asked[0] == asked[1] == (Activity, tasks)
    nouns = [noun.__name__ for noun, _ids in asked[1:]]
    assert nouns == sorted(nouns) and (Lead, [lead.id]) in asked[2:]


def test_a_task_that_is_done_or_gone_meanwhile_stays_with_the_lead(
    qualified: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, gone, planned = (Activity.create(subject=n, lead=qualified) for n in "abc")
    lock_many, answers = Execution.lock_many, []

    def act_first(self: Execution, noun: Any, ids: Any, **options: Any) -> Any:
        found = list(ids)
        if noun is Activity and not answers:
            # Not what counts for the lead: that is locked.
            answers[:] = at_once(lambda: Activity.cancel(done.id), lambda: Activity.delete(gone.id))
        return lock_many(self, noun, found, **options)

    monkeypatch.setattr(Execution, "lock_many", act_first)
    lead = Lead.convert(qualified.id)
    assert kinds(answers) == ["Activity", "Activity"]
    assert Activity.get(done.id).deal_id is None
    assert Activity.get(planned.id).deal_id == lead.deal_id


# -- nothing dangles ------------------------------------------------------------------------------

ENDS = {
    "delete": lambda contact, other: Contact.delete(contact.id),
    "merge": lambda contact, other: Contact.merge(contact.id, into=other.id),
}
BEGINNINGS = {
    "create": lambda contact, lead: Lead.create(name="New", source="x", contact=contact.id),
    "update": lambda contact, lead: Lead.update(lead.id, contact=contact.id),
    "assign": lambda contact, lead: Contact.create(name="R", manager=contact.id),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("begin", BEGINNINGS)
@pytest.mark.parametrize("first", ["reference", "end"])
def test_it_never_refers_to_what_is_going(acme: Any, end: str, begin: str, first: str) -> None:
    gone, other = Contact.create(name="Gone"), Contact.create(name="Other")
    lead = Lead.create(name="L", source="x")
    held = Held()
    refer, leave = (lambda: BEGINNINGS[begin](gone, lead)), (lambda: ENDS[end](gone, other))
    if first == "reference":
        hooks = [Lead.created, Lead.updated, Contact.created]
        calls = [refer, after(held.reached, leave)]
    else:
        hooks = [Contact.deleted, Contact.merged]
        calls = [leave, after(held.reached, refer)]
    for hook in hooks:
        hook(held)
    try:
        answers = at_once(*calls)
    finally:
        for hook in hooks:
            hook.remove(held)
    assert not isinstance(answers[0], Exception), answers
    assert isinstance(answers[1], HeadlesslyError | Contact), answers
    assert_nothing_dangles()
    assert_whole_log()


def test_it_never_refers_to_what_a_hook_deletes(acme: Any) -> None:
    gone = Contact.create(name="Gone")
    lead = Lead.create(name="L", source="x")
    held = Held()

    def look_and_delete(lead: Lead, ctx: Any) -> None:
        ctx.lock(Contact, gone.id)
        ctx.Contact.delete(gone.id)

    with Lead.lost.attached(look_and_delete), Lead.created.attached(held):
        answers = at_once(
            lambda: Lead.create(name="New", source="x", contact=gone.id),
            after(held.reached, lambda: Lead.lose(lead.id, lost_reason="x")),
        )
    assert kinds(answers) == ["Conflict", "Lead"]
    assert_nothing_dangles()


def test_it_merges_crosswise_without_waiting_for_ever(acme: Any) -> None:
    a, b = Contact.create(name="A"), Contact.create(name="B")
    lead = Lead.create(name="L", source="x", contact=a, owner=b)
    answers = at_once(
        lambda: Contact.merge(a.id, into=b.id), lambda: Contact.merge(b.id, into=a.id)
    )
    survivor = Contact.find().get()
    assert [x for x in answers if not isinstance(x, Exception)] == [survivor]
    assert any(isinstance(x, NotFound | Invalid) for x in answers)
    lead = Lead.get(lead.id)
    assert lead.contact_id == lead.owner_id == survivor.id


def test_it_captures_while_the_known_one_is_merged_away(acme: Any) -> None:
    old = Contact.create(name="Old", email="a@example.com")
    other = Contact.create(name="Other")
    held = Held()
    with Contact.merged.attached(held):
        answers = at_once(
            lambda: Contact.merge(old.id, into=other.id),
            after(held.reached, lambda: Contact.capture(email="a@example.com", name="New")),
        )
    assert kinds(answers) == ["Contact", "Contact"]
    assert Contact.count({"email": "a@example.com"}) == 1
    assert_nothing_dangles()


@pytest.mark.parametrize("size", [2, 3])
def test_it_closes_no_circle_of_parents_together(acme: Any, size: int) -> None:
    ring = [Organization.create(name=f"O{n}") for n in range(size)]
    answers = at_once(
        *[
            lambda o=o, p=ring[(n + 1) % size]: Organization.update(o.id, parent=p.id)
            for n, o in enumerate(ring)
        ]
    )
    assert any(isinstance(a, Invalid) for a in answers), answers
    for org in ring:
        seen = []
        above = Organization.get(org.id)
        while above is not None:
            assert above.id not in seen, "a circle"
            seen.append(above.id)
            above = above.parent


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
def test_it_does_atomic_batches_that_wait_for_each_other_one_after_the_other(
    query: str, acme: Any, api: Any
) -> None:
    ids = [Contact.create(name=f"C{n}").pk for n in range(2)]
    both = threading.Barrier(2)

    def meet(**what: Any) -> None:
        # Each holds its first record and wants the other's; who is done again meets nobody.
        try:
            both.wait(3)
        except threading.BrokenBarrierError:
            pass

    def ask(order: list[str]) -> int:
        operations = [
            {"method": "PATCH", "path": f"/contacts/{id}", "body": {"title": f"by {order[0]}"}}
            for id in order
        ]
        body = {"operations": operations, "atomic": True}
        return api.call("POST", f"/batch{query}", body).status_code

    Contact.updating.connect(meet, weak=False)
    try:
        assert at_once(lambda: ask(ids), lambda: ask(ids[::-1])) == [200, 200]
    finally:
        Contact.updating.disconnect(meet)
    titles = {Contact.get(id).title for id in ids}
    assert len(titles) == 1, "half of each"
    assert [Contact.get(id).version for id in ids] == ([1, 1] if query else [3, 3])
    assert_whole_log()


# -- killed in the middle -------------------------------------------------------------------------

CONVERT = """
import os, random, signal, sys, threading
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "headlessly.settings"
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
import headlessly
headlessly.boot(tenant="acme")
from crm import Lead

point, ids = sys.argv[2], sys.argv[3:]
count = 0

def die(lead, ctx):
    global count
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)

if point != "anywhere":
    getattr(Lead, point)(die)
print("ready", flush=True)
for n, id in enumerate(ids):
    if point == "anywhere" and n == 4:
        threading.Timer(random.random() / 100, os.kill, (os.getpid(), signal.SIGKILL)).start()
    Lead.convert(id)
    print(id, flush=True)
"""


def leads_to_convert(people: Any, count: int) -> list[str]:
    found = []
    for n in range(count):
        lead = Lead.create(name=f"L{n}", source="x", contact=people.ada, budget=n)
        lead.update(status="Contacted")
        found.append(lead.update(status="Qualified").id)
    return found


@pytest.mark.parametrize("point", ["converted", "anywhere"])
def test_it_leaves_no_half_of_a_conversion_when_killed(people: Any, point: str) -> None:
    ids = leads_to_convert(people, 12)
    name = connection.settings_dict["NAME"]
    process = subprocess.Popen(
        [sys.executable, "-c", CONVERT, name, point, *ids],
        stdout=subprocess.PIPE,
        text=True,
        cwd=settings.BASE_DIR,
        env=os.environ | {"HEADLESSLY_DATA": str(settings.DATA_DIR)},
    )
    done = [line.strip() for line in process.stdout]
    assert process.wait(30) == -signal.SIGKILL
    said = set(done) - {"ready"}
    assert 2 <= len(said) < 12
    converted = 0
    for id in ids:
        lead = Lead.get(id)
        verbs = [e.verb for e in Lead.history(id)]
        if lead.status == "Converted":
            converted += 1
            assert verbs == ["Updated", "Converted", "Updated", "Updated", "Created"]
            event = Lead.history(id)[1]
            caused = Event.objects.filter(cause=event.id).values_list("name", flat=True)
            assert {"Deal.Created", "Lead.Updated", "lead_converted"} <= set(caused)
            assert (lead.deal.value, lead.deal.leads.get()) == (lead.budget, lead)
            assert lead.converted_at
        else:
            assert id not in said, "it said so, and it is gone"
            assert (lead.status, lead.deal, lead.converted_at) == ("Qualified", None, None)
            assert verbs == ["Updated", "Updated", "Created"]
    assert converted == Deal.count() == Event.objects.filter(name="lead_converted").count()
    assert converted in (len(said), len(said) + 1)
    assert_whole_log()
    # What was left can be taken up again.
    left = next(id for id in ids if Lead.get(id).status == "Qualified")
    assert Lead.convert(left).deal


# -- taking back ----------------------------------------------------------------------------------


def test_a_request_is_taken_back_once_however_many_ask(acme: Any) -> None:
    from headlessly.context import tracing
    from headlessly.undo.at_once import undo_request

    with tracing.request_id_scope("req_bulk000000000000"):
        leads = [Lead.create(name=f"Lead {n}", source="web") for n in range(5)]
        for lead in leads:
            lead.update(status="Contacted")
    found = at_once(*[lambda: undo_request("req_bulk000000000000")] * 6)
    done = [each for each in found if not isinstance(each, Exception)]
    assert len(done) == 1 and len(done[0].undone) == 5
    assert all(isinstance(each, Conflict) for each in found if isinstance(each, Exception))
    assert Event.objects.filter(name="Lead.Deleted").count() == 5
    assert Event.objects.filter(name="Request.Undone").count() == 1


def test_what_is_touched_while_it_is_taken_back_stays_or_is_gone(acme: Any) -> None:
    from headlessly.context import tracing
    from headlessly.undo.at_once import undo_request

    with tracing.request_id_scope("req_race000000000000"):
        contact = Contact.create(name="Ada")
    undone, lead = at_once(
        lambda: undo_request("req_race000000000000"),
        lambda: Lead.create(name="Hers", source="web", contact=contact.pk),
    )
    if Contact.objects.filter(pk=contact.pk).exists():
        assert isinstance(undone, Conflict) and lead.contact_id == contact.pk
    else:
        assert isinstance(lead, Invalid) and len(undone.undone) == 1


def test_a_stage_is_renamed_and_taken_away_while_eight_move_deals(acme: Any) -> None:
    pipeline = Pipeline.create(
        name="Renewals", stages=[{"name": name} for name in ("One", "Two", "Three")]
    )
    deals = [Deal.create(name=f"D{n}", value=1, pipeline=pipeline.id).id for n in range(6)]

    def moving(seed: int) -> Callable[[], Any]:
        def move() -> list[str]:
            rng, refusals = random.Random(seed), []
            for _ in range(6):
                try:
                    Deal.move(rng.choice(deals), stage=rng.choice(("One", "Two", "Three")))
                except (Conflict, Invalid) as problem:
                    refusals.append(type(problem).__name__)
            return refusals

        return move

    def reshaping() -> str:
        stages = [dict(stage) for stage in Pipeline.get(pipeline.id).stages]
        stages[2]["name"] = "Last"
        Pipeline.update(pipeline.id, stages=stages)
        Pipeline.remove_stage(pipeline.id, stage="Two", move_to="One")
        return "done"

    answers = at_once(*(moving(seed) for seed in range(8)), reshaping)
    assert [a for a in answers if isinstance(a, Exception)] == []
    assert answers[-1] == "done"
    with tenancy.active(type(acme).objects.get(pk=acme.pk)):
        assert {Deal.get(id).as_json()["stage"] for id in deals} <= {"One", "Last"}
        assert {Deal.get(id).stage for id in deals} <= {"One", "Three"}
    assert_whole_log()


def test_files_that_come_in_opposite_orders_wait_for_each_other_in_one(acme: Any) -> None:
    one, other = (SentFile(content * 4_000_000, "file.bin") for content in (b"a", b"b"))

    def keep(*files: SentFile) -> None:
        with one_transaction():
            for file in files:
                Attachment.upload(file=file)

    orders = [(one, other), (other, one), (one,), (other,)]
    assert at_once(*[lambda files=files: keep(*files) for files in orders * 2]) == [None] * 8
    assert ContentUse.objects.get().bytes == 8_000_000
    assert Attachment.count() == 12


def test_a_deal_is_worth_all_line_items_that_are_added_changed_and_removed_at_once(acme):
    seat, deal = Product.create(name="Seat", price=10), Deal.create(name="Fleet", value=1)
    there = [LineItem.create(deal=deal, product=seat) for _ in range(3)]
    answers = at_once(
        *(lambda: LineItem.create(deal=deal, product=seat, quantity=4) for _ in range(3)),
        *(lambda item=item: item.update(quantity=2) for item in there[:2]),
        there[2].delete,
    )
    assert not [each for each in answers if isinstance(each, Exception)]
    assert Deal.get(deal.pk).value == 3 * 40 + 2 * 20
