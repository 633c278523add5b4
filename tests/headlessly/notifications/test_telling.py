"""Notifications: who is told what by the log and by the clock, once, and only of what they see."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone

from crm import Activity, Deal, Lead
from headlessly.access import actors, tenancy
from headlessly.context import clock
from headlessly.log import readers
from headlessly.notifications import from_clock, from_log, inbox, telling, wording
from headlessly.notifications.models import Follower, Notification
from headlessly.scripts import proposals

pytestmark = pytest.mark.django_db

NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)


def by(user: Any) -> Any:
    """Let somebody act."""
    from headlessly.access.models import Membership

    return actors.acting(Membership.objects.select_related("tenant").get(user=user).actor)


def told(user: Any) -> list[str]:
    """What somebody is told, the oldest first, in words: each by itself."""
    found = Notification.objects.filter(user=user).order_by("created_at", "id")
    with by(user):
        return [line.text for line in wording.lines_of_groups([[each] for each in found])]


def given_apart(user: Any, owner: Any, count: int) -> list[Any]:
    """Leads that ``user`` gives to somebody, a quarter of an hour apart: each is told by itself."""
    found = []
    for number in range(count):
        with by(user):
            found.append(Lead.create(name=f"Lead {number}", owner=owner, source="event"))
        from_log.read_log()
        Notification.objects.filter(record=found[-1].pk).update(
            created_at=timezone.now() - timedelta(minutes=15) * (count - number)
        )
    return found


def rows(user: Any) -> list[wording.Line]:
    """The rows of somebody's bell, the oldest first."""
    with by(user):
        return wording.lines_of(list(inbox.rows_of(user.pk).order_by("created_at", "id")))


def test_whoever_is_given_a_record_is_told_once_and_nobody_of_what_they_did(
    lead: Any, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    from_log.read_log()
    before = told(users.bob)
    with by(users.cleo):
        lead.update(owner=people.cleo)
        lead.update(owner=people.bob)
        lead.update(score=3)
    for _again in range(2):
        from_log.read_log()
    assert told(users.bob)[len(before) :] == ["Cleo gave you Acme Platform Evaluation"]
    assert told(users.cleo) == []
    with by(users.bob):
        Lead.create(name="My own", owner=people.bob, source="referral")
    from_log.read_log()
    assert len(told(users.bob)) == len(before) + 1


def test_many_of_one_request_become_one(people: SimpleNamespace, users: SimpleNamespace) -> None:
    from headlessly.execution import executor

    with by(users.cleo), executor.one_transaction():
        for number in range(3):
            Lead.create(name=f"Lead {number}", owner=people.bob, source="event")
    from_log.read_log()
    (row,) = rows(users.bob)
    assert row.text == "3 new leads for you"
    assert [part.text for part in row.parts] == [f"Cleo gave you Lead {n}" for n in range(3)]


def test_whoever_is_mentioned_reads_what_was_written(
    lead: Any, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    from_log.read_log()
    with by(users.cleo):
        Activity.log(
            subject="Call",
            lead=lead,
            type="Call",
            description="@Bob Stone, call them. bob@cleo.example",
        )
        lead.update(need="Ask @bob and @Cleo Marsh, not x@bob")
        lead.update(score=5)  # what is there already mentions nobody again
    from_log.read_log()
    found = Notification.objects.filter(kind="mentioned")
    assert {each.user_id for each in found} == {users.bob.pk}
    assert sorted(each.excerpt for each in found) == [
        "@Bob Stone, call them. bob@cleo.example",
        "Ask @bob and @Cleo Marsh, not x@bob",
    ]


def test_a_limited_rep_hears_of_no_record_that_they_do_not_see(
    acme: Any, lead: Any, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    from_log.read_log()
    acme.limits_reps = True
    acme.save()
    with by(users.ann):
        lead.update(owner=people.cleo, need="@Bob Stone should not read this")
    from_log.read_log()
    assert not Notification.objects.filter(user=users.bob, kind="mentioned").exists()
    assert told(users.cleo) == ["Ann gave you Acme Platform Evaluation"]
    # What Bob was told of before he cannot read any more either.
    Notification.objects.filter(user=users.bob).delete()
    telling.tell([])
    with by(users.ann):
        lead.update(owner=people.bob)
    from_log.read_log()
    assert told(users.bob) == ["Ann gave you Acme Platform Evaluation"]
    with by(users.ann):
        lead.update(owner=people.cleo)
    assert told(users.bob) == []


def test_a_follower_is_told_of_each_request_that_changes_the_record(
    acme: Any, lead: Any, users: SimpleNamespace
) -> None:
    from_log.read_log()
    Follower.objects.bulk_create([Follower(tenant=acme, record=lead.pk, user=users.vic)])
    acme.has_followers = True
    acme.save()
    with by(users.cleo):
        lead.update(score=1)
        lead.update(score=2)
    from_log.read_log()
    assert told(users.vic) == ["Cleo changed Acme Platform Evaluation"] * 2


def tick_at(moment: datetime) -> None:
    """What a worker does once a minute, at that moment of the ambient clock."""
    with tenancy.active(None), clock.set_clock(moment, purpose="replay"):
        from_clock.tick.func(int(moment.timestamp()))


def test_a_reminder_reaches_its_assignee_at_that_minute_and_again_when_put_off(
    people: SimpleNamespace, users: SimpleNamespace, lead: Any
) -> None:
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=6)
    with clock.set_clock(at - timedelta(hours=1), purpose="replay"):
        task = Activity.create(
            subject="Call Ada", lead=lead, assignee=people.bob, reminder_at=at,
            due_at=at + timedelta(hours=2),
        )  # fmt: skip
    Notification.objects.all().delete()
    tick_at(at - timedelta(seconds=1))
    assert told(users.bob) == []
    tick_at(at)
    (reminder,) = Notification.objects.filter(user=users.bob)
    assert reminder.created_at == at
    for minutes in (1, 2):
        tick_at(at + timedelta(minutes=minutes))
    assert told(users.bob) == ["Reminder: Call Ada"]
    task.update(reminder_at=at + timedelta(hours=1))
    # No worker ran for a while: nothing is left out, and each is told once.
    for hours in (3, 4):
        tick_at(at + timedelta(hours=hours))
    assert sorted(told(users.bob)) == [
        "Overdue: Call Ada",
        "Reminder: Call Ada",
        "Reminder: Call Ada",
    ]
    task.complete(outcome="Done")


def test_a_reminder_that_is_written_down_when_its_minute_was_looked_at_is_told(
    people: SimpleNamespace, users: SimpleNamespace
) -> None:
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=6)
    tick_at(at)
    tick_at(at + timedelta(minutes=1))
    Activity.create(subject="Late", assignee=people.bob, reminder_at=at + timedelta(seconds=30))
    for minutes in (2, 3, 4):
        tick_at(at + timedelta(minutes=minutes))
    assert told(users.bob) == ["Reminder: Late"]


def test_a_clock_that_was_ahead_for_a_while_keeps_nobody_from_being_reminded(
    people: SimpleNamespace, users: SimpleNamespace
) -> None:
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=21)
    Activity.create(subject="Far", assignee=people.bob, reminder_at=at + timedelta(hours=20))
    tick_at(at + timedelta(hours=20))
    Activity.create(subject="Near", assignee=people.bob, reminder_at=at + timedelta(hours=1))
    tick_at(at + timedelta(hours=1))
    tick_at(at + timedelta(hours=1, minutes=1))
    assert sorted(told(users.bob)) == ["Reminder: Far", "Reminder: Near"]


def test_what_goes_wrong_in_one_tenant_keeps_nobody_elsewhere_from_being_told(
    acme: Any, rival: Any, people: SimpleNamespace, theirs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def locked(*_: Any, **__: Any) -> None:
        asked.append(tenancy.require())
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(from_clock, "tell", locked)
    at = timezone.now()
    Activity.create(subject="Call", assignee=people.bob, reminder_at=at)
    with tenancy.active(rival), actors.acting(actors.SYSTEM):
        Activity.create(subject="Call", assignee=theirs.eve, reminder_at=at)
    with tenancy.active(None), actors.acting(None):
        tick_at(at)
    assert {each.slug for each in asked} == {"acme", "rival"}


def test_what_is_due_on_a_day_is_overdue_when_the_day_is_over(
    people: SimpleNamespace, users: SimpleNamespace
) -> None:
    day = Activity.create(
        subject="Send the offer", assignee=people.bob, due_at=NINE.replace(hour=0), all_day=True
    )
    Activity.create(
        subject="Over", assignee=people.bob, due_at=NINE.replace(hour=1), all_day=True
    ).cancel()
    Notification.objects.all().delete()
    from_clock.tell_what_is_due(NINE + timedelta(hours=14))
    assert told(users.bob) == []
    from_clock.tell_what_is_due(day.due_at + timedelta(days=1))
    assert told(users.bob) == ["Overdue: Send the offer"]


def test_a_proposal_tells_who_may_decide(users: SimpleNamespace, lead: Any) -> None:
    with by(users.bob):
        proposals.propose(f'Lead.get("{lead.pk}").update(score=99)', note="Hot")
    for user in (users.cleo, users.ann):
        assert told(user)[-1:] == ["Bob proposes something that waits for approval"]
    assert not Notification.objects.filter(kind="proposal", user=users.bob).exists()


def test_a_reading_that_is_killed_again_and_again_loses_and_doubles_nothing(
    people: SimpleNamespace, users: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with by(users.cleo):
        for number in range(20):
            Deal.create(name=f"Deal {number}", owner=people.bob, value=1)
    monkeypatch.setattr(readers, "PAGE", 3)
    real, calls = from_log.tell, iter(range(10_000))

    def killed(notices: Any) -> None:
        real(notices)
        if next(calls) % 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(from_log, "tell", killed)
    for _kill in range(20):
        try:
            with transaction.atomic():
                from_log._read_page(tenancy.require())
        except KeyboardInterrupt:
            pass
    monkeypatch.setattr(from_log, "tell", real)
    from_log.read_log()
    assert sorted(told(users.bob)) == sorted(f"Cleo gave you Deal {n}" for n in range(20))


def test_nothing_of_another_tenant_is_told(
    lead: Any, rival: Any, theirs: Any, users: SimpleNamespace
) -> None:
    with tenancy.active(rival):
        from_log.read_log()
        assert not Notification.objects.exists()
    from_log.read_log()
    with tenancy.active(rival), by(users.eve):
        assert not Notification.objects.filter(user=users.bob).exists()


def test_an_import_that_is_done_tells_whose_it_is(
    acme: Any, users: SimpleNamespace, work: Any
) -> None:
    """A real file, sent by Cleo in the browser's session and read by the worker."""
    browser = Client()
    browser.force_login(users.cleo)
    rows = b"name,source\nOne,event\nTwo,event\n"
    sent = browser.post("/~acme/import/leads", rows, "text/csv")
    assert sent.status_code == 202, sent.content
    assert told(users.cleo) == [], "it is not done yet"
    work()
    assert Lead.objects.filter(name__in=["One", "Two"]).count() == 2
    assert told(users.cleo) == ["Your import is done: leads"]
    for other in (users.ann, users.bob):
        assert not Notification.objects.filter(user=other, kind="import_done").exists()


@pytest.mark.django_db(transaction=True)
def test_nobody_is_told_before_the_commit_and_nothing_of_what_is_undone(
    acme: Any, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    written, looked = threading.Event(), threading.Event()
    problems: list[BaseException] = []

    def write() -> None:
        try:
            with tenancy.active(acme), by(users.cleo), transaction.atomic():
                Lead.create(name="Open", owner=people.bob, source="event")
                written.set()
                assert looked.wait(20)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    letters = count_letters()
    try:
        assert written.wait(20)
        nobody_is_told_meanwhile(people, users)
        assert count_letters() == letters
    finally:
        looked.set()
        thread.join(20)
    assert not problems
    from_log.read_log()
    assert sorted(told(users.bob)) == ["Cleo gave you Meanwhile", "Cleo gave you Open"]


def nobody_is_told_meanwhile(people: SimpleNamespace, users: SimpleNamespace) -> None:
    with by(users.cleo):
        Deal.create(name="Meanwhile", owner=people.bob, value=1)
    from_log.catch_up.func(0)
    from_log.read_log()
    # What is committed behind one that is still open waits with it: nothing is skipped.
    assert not Notification.objects.exists()
    with pytest.raises(RuntimeError), by(users.cleo), transaction.atomic():
        Lead.create(name="Undone", owner=people.bob, source="event")
        telling.tell([telling.Notice("rule", users.bob.pk, "1", "rule_1", excerpt="Undone")])
        raise RuntimeError
    from_log.read_log()
    assert not Notification.objects.exists()


def count_letters() -> int:
    """How many letters are in line, those of tests before too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'notifications.mail'"
        )
        return int(cursor.fetchone()[0])
