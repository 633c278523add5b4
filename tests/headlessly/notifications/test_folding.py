"""Many of one kind become one row that opens to its parts; none of them is lost, and each can be read."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import Activity, Lead
from headlessly.access import tenancy
from headlessly.access.models import Membership
from headlessly.execution import executor
from headlessly.notifications import folding, from_clock, from_log, inbox, kinds
from headlessly.notifications.models import Follower, Notification
from headlessly.notifications.telling import Notice, tell
from tests.answered import answered
from tests.conftest import Api
from tests.headlessly.notifications.mailbox import Mailbox, html, mailbox, plain
from tests.headlessly.notifications.test_rest import owned
from tests.headlessly.notifications.test_telling import by, rows, told
from tests.headlessly.test_races import at_once

__all__ = ["mailbox"]
pytestmark = pytest.mark.django_db
BASE = "/~acme/admin"


@pytest.fixture
def three(people: SimpleNamespace, users: SimpleNamespace) -> list[Any]:
    """Three leads that Cleo gave to Bob, in three requests that were read one after the other."""
    return [give(users, people, number) for number in range(3)]


def give(users: SimpleNamespace, people: SimpleNamespace, number: int) -> Any:
    with by(users.cleo):
        lead = Lead.create(name=f"Lead {number}", owner=people.bob, source="event")
    from_log.read_log()
    return lead


def unread(client: Client) -> int:
    return client.get(f"{BASE}/notifications/unread/").json()["count"]


def test_three_requests_are_one_row_in_the_bell_on_its_page_and_by_rest(
    three: list[Any], acme: Any, users: SimpleNamespace, bob: Client
) -> None:
    assert unread(bob) == 1
    assert Notification.objects.filter(user=users.bob).count() == 3
    page = bob.get(f"{BASE}/notifications/")
    (line,) = page.context["lines"]
    assert (line.text, line.count, line.is_read) == ("3 new leads for you", 3, False)
    for lead in three:
        assert f"Cleo gave you {lead.name}" in page.content.decode()
    found = answered(owned(Api(acme), acme, users.bob, "read").call("GET", "/notifications"))
    (row,) = found["results"]
    assert found["total"] == 1
    assert (row["text"], row["count"], row["record"]) == ("3 new leads for you", 3, None)
    assert [part["record"] for part in row["parts"]] == [lead.pk for lead in three]
    assert row["parts"][1]["url"].endswith(f"/crm/lead/{three[1].pk}/change/")
    assert row["url"].endswith(f"/admin/notifications/#{row['$id']}")


def test_each_part_is_read_by_itself_and_the_row_with_the_last_of_them(
    three: list[Any], users: SimpleNamespace, bob: Client
) -> None:
    (row,) = rows(users.bob)
    first, second, third = row.parts
    assert first.id == row.id
    opened = bob.get(f"{BASE}/notifications/{first.id}/?alone")
    assert opened["Location"] == f"{BASE}/crm/lead/{three[0].pk}/change/"
    bob.get(f"{BASE}/notifications/{second.id}/")
    (row,) = rows(users.bob)
    assert [part.is_read for part in row.parts] == [True, True, False]
    assert not row.is_read and unread(bob) == 1
    bob.post(f"{BASE}/notifications/read/", {"id": third.id})
    (row,) = rows(users.bob)
    assert row.is_read and unread(bob) == 0


def test_reading_the_row_reads_all_and_what_comes_then_begins_another(
    three: list[Any], acme: Any, people: SimpleNamespace, users: SimpleNamespace, bob: Client
) -> None:
    (row,) = rows(users.bob)
    api = owned(Api(acme), acme, users.bob, "write")
    assert answered(api.call("PATCH", f"/notifications/{row.id}", {"read": True}))["read"]
    assert not Notification.objects.filter(user=users.bob, read_at=None).exists()
    give(users, people, 3)
    give(users, people, 4)
    assert [each.text for each in rows(users.bob)] == ["3 new leads for you", "2 new leads for you"]
    part = rows(users.bob)[0].parts[2]
    answered(api.call("PATCH", f"/notifications/{part.id}", {"read": False}))
    assert unread(bob) == 2
    assert answered(api.call("POST", "/notifications/read"))["read"] == 2
    assert not Notification.objects.filter(user=users.bob, read_at=None).exists()


def test_what_comes_later_or_is_of_another_kind_noun_or_person_stands_by_itself(
    three: list[Any], people: SimpleNamespace, users: SimpleNamespace
) -> None:
    with by(users.ann):
        Activity.create(subject="Call", assignee=people.bob)
        Lead.create(name="Cleo's", owner=people.cleo, source="event")
    from_log.read_log()
    assert [each.text for each in rows(users.bob)] == ["3 new leads for you", "Ann gave you Call"]
    assert [each.text for each in rows(users.cleo)] == ["Ann gave you Cleo's"]
    ago = timezone.now() - folding.WINDOW - timedelta(seconds=1)
    Notification.objects.filter(user=users.bob).update(created_at=ago)
    give(users, people, 3)
    assert rows(users.bob)[-1].text == "Cleo gave you Lead 3"


def test_a_record_that_was_taken_away_is_not_counted(
    three: list[Any], acme: Any, people: SimpleNamespace, users: SimpleNamespace, bob: Client
) -> None:
    acme.limits_reps = True
    acme.save()
    with by(users.ann):
        three[0].update(owner=people.cleo)
    assert [each.text for each in rows(users.bob)] == ["2 new leads for you"]
    with by(users.ann):
        three[1].update(owner=people.cleo)
    (row,) = rows(users.bob)
    assert row.text == "Cleo gave you Lead 2"
    bob.get(f"{BASE}/notifications/{row.id}/")
    assert unread(bob) == 0
    with by(users.ann):
        three[2].update(owner=people.cleo)
    assert rows(users.bob) == []


def test_reminders_and_what_is_overdue_add_up_and_are_put_off_one_by_one(
    people: SimpleNamespace, users: SimpleNamespace, bob: Client
) -> None:
    now = timezone.now().replace(microsecond=0)
    for number in range(3):
        Activity.create(
            subject=f"Call {number}", assignee=people.bob, due_at=now - timedelta(minutes=1),
            reminder_at=now - timedelta(minutes=2),
        )  # fmt: skip
    from_clock.tell_what_is_due(now)
    from_clock.tell_what_is_due(now)
    of_clock = [each for each in rows(users.bob) if each.kind != "assigned"]
    assert sorted(each.text for each in of_clock) == ["3 activities are overdue", "3 reminders"]
    reminders = next(each for each in of_clock if each.kind == "reminder")
    assert [part.moment for part in reminders.parts] == ["reminder_at"] * 3
    assert (
        bob.get(f"{BASE}/notifications/").content.decode().count("Put off: Reminder: Call 1") == 1
    )


def test_what_becomes_of_followed_records_adds_up(
    acme: Any, three: list[Any], users: SimpleNamespace
) -> None:
    Follower.objects.bulk_create(
        [Follower(tenant=acme, record=lead.pk, user=users.vic) for lead in three]
    )
    acme.has_followers = True
    acme.save()
    with by(users.cleo):
        for number, lead in enumerate(three):
            lead.update(score=number)
    from_log.read_log()
    assert [each.text for each in rows(users.vic)] == ["3 changes of leads that you follow"]
    assert told(users.vic) == [f"Cleo changed Lead {n}" for n in range(3)]


@pytest.mark.parametrize("kind", sorted(kinds.KINDS))
def test_of_each_kind_many_are_said_as_one_or_stand_alone(
    kind: str, three: list[Any], users: SimpleNamespace
) -> None:
    Notification.objects.all().delete()
    view = "view_1:entered"
    notices = [
        Notice(kind, users.ann.pk, f"{view}:{n}" if kind == "view" else str(n), users.cleo.pk,
               record=lead.pk, record_type="Lead", excerpt=f"Text {n}")
        for n, lead in enumerate(three)
    ]  # fmt: skip
    for notice in notices:
        assert tell([notice]) == 1
    assert tell(notices) == 0, "each once"
    found = rows(users.ann)
    if kind in ("mentioned", "webhook", "import_done", "undo_done"):
        assert len(found) == 3 and not any(row.parts for row in found)
    else:
        (row,) = found
        assert row.text.startswith(("3 ", "First answer")) and "3" in row.text
        assert [part.record for part in row.parts] == [lead.pk for lead in three]


def test_of_very_many_the_first_are_kept_and_all_are_counted(
    people: SimpleNamespace, users: SimpleNamespace, bob: Client, mailbox: Mailbox, work: Any
) -> None:
    many = folding.MOST + 70
    with by(users.cleo), executor.one_transaction():
        for number in range(many):
            Lead.create(name=f"Lead {number:03}", owner=people.bob, source="event")
    from_log.read_log()
    (row,) = rows(users.bob)
    assert (row.text, row.count, row.more) == (f"{many} new leads for you", many, 70)
    assert Notification.objects.filter(user=users.bob).count() == folding.MOST == len(row.parts)
    assert "And 70 more" in bob.get(f"{BASE}/notifications/").content.decode()
    work(later=True)
    (letter,) = mailbox.letters
    assert letter["Subject"] == f"{many} new leads for you"
    assert "Lead 049" in plain(letter) and "And 70 more." in plain(letter)


def test_who_hears_by_mail_alone_gets_no_more_rows_and_none_in_the_bell(
    people: SimpleNamespace, users: SimpleNamespace, bob: Client, mailbox: Mailbox, work: Any
) -> None:
    member = Membership.objects.get(user=users.bob)
    kinds.choose_kind(member, "assigned", kinds.BROWSER, False)
    member.save()
    with by(users.cleo), executor.one_transaction():
        for number in range(folding.MOST + 5):
            Lead.create(name=f"Lead {number:03}", owner=people.bob, source="event")
    from_log.read_log()
    assert rows(users.bob) == [] and unread(bob) == 0
    assert Notification.objects.filter(user=users.bob).count() == folding.MOST
    work(later=True)
    (letter,) = mailbox.letters
    assert letter["Subject"] == f"{folding.MOST + 5} new leads for you"


def test_a_letter_says_them_as_one_and_names_each_with_its_link(
    three: list[Any], mailbox: Mailbox, users: SimpleNamespace, work: Any
) -> None:
    users.bob.language = "de"
    users.bob.save()
    work(later=True)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "3 neue Leads für Sie"
    for lead in three:
        assert f"/~acme/admin/crm/lead/{lead.pk}/change/" in plain(letter)
        assert f"Cleo hat Ihnen {lead.name} gegeben" in html(letter)


@pytest.mark.django_db(transaction=True)
def test_what_comes_while_all_is_read_is_read_with_it_or_stands_unread(
    acme: Any, people: SimpleNamespace, users: SimpleNamespace
) -> None:
    """Never an unread part of a row that was read: nobody would find it."""

    def come(number: int) -> None:
        for each in range(8):
            tell([Notice("rule", users.bob.pk, f"{number}:{each}", "rule_1", excerpt="Look")])

    def read() -> None:
        for _again in range(12):
            inbox.mark_read(users.bob.pk)

    def in_tenant(work: Any, *given: Any) -> Any:
        def run() -> None:
            with tenancy.active(acme):
                work(*given)

        return run

    assert not [
        each
        for each in at_once(in_tenant(come, 1), in_tenant(come, 2), in_tenant(read))
        if isinstance(each, Exception)
    ]
    found = {each.pk: each for each in Notification.objects.filter(user=users.bob)}
    assert len(found) == 16
    for each in found.values():
        if each.part_of is not None and each.read_at is None:
            assert found[each.part_of].read_at is None
    assert sum(each.parts for each in found.values()) == sum(
        each.part_of is not None for each in found.values()
    )
