"""Two workers at once, and one that is killed midway: an entry is one event and one notification."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from headlessly.context.tenant_scope import every_tenant
from headlessly.log.events import Event
from headlessly.log.names import VIEW_EVENTS
from headlessly.notifications.models import Notification
from headlessly.subscriptions import following, from_clock, from_log, members
from headlessly.subscriptions.models import ListMember, WatchedList
from tests.headlessly.subscriptions.test_subscriptions import by, make, member, save
from tests.headlessly.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def noted() -> list[tuple[str, str]]:
    found = Event.objects.filter(name__in=VIEW_EVENTS).order_by("seq")
    return [(each.name, each.target) for each in found]


@pytest.fixture
def hot(acme: Any, users: SimpleNamespace) -> Any:
    view = save(users.cleo, "score__gte=80")
    following.follow(view, member(users.bob))
    return view


def test_several_workers_at_once_note_and_tell_each_entry_once(
    hot: Any, users: SimpleNamespace
) -> None:
    with by(users.cleo):
        made = [make(f"Lead {number}", score=90) for number in range(20)]
    WatchedList.objects.update(due_at=timezone.now())
    answers = at_once(
        from_log.read_log, from_clock.sweep, from_log.read_log, from_clock.sweep, from_log.read_log
    )
    assert answers == [None] * 5
    assert sorted(noted()) == sorted(("View.Entered", lead.pk) for lead in made)
    assert sum(Notification.objects.filter(kind="view").values_list("count", flat=True)) == 20
    with by(users.cleo):
        for lead in made[:10]:
            lead.update(score=1)
    WatchedList.objects.update(due_at=timezone.now())
    at_once(from_clock.sweep, from_log.read_log, from_clock.sweep, from_log.read_log)
    left = [id for name, id in noted() if name == "View.Left"]
    assert sorted(left) == sorted(lead.pk for lead in made[:10])
    assert ListMember.objects.count() == 10


def test_a_worker_that_is_killed_midway_loses_nothing_and_doubles_nothing(
    hot: Any, users: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with by(users.cleo):
        lead = make("New", score=90)
    real = members.tell_followers

    def killed(*given: Any) -> None:
        """The member, the event and the notification are written: the connection dies before the commit."""
        real(*given)
        assert Event.objects.filter(name="View.Entered").exists()
        with every_tenant(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(members, "tell_followers", killed)
    (problem,) = at_once(from_log.read_log)
    assert isinstance(problem, Exception)
    assert noted() == [] and not ListMember.objects.exists()
    assert not Notification.objects.filter(kind="view").exists()
    monkeypatch.undo()
    for _again in range(2):
        from_log.read_log()
    assert noted() == [("View.Entered", lead.pk)]
    assert Notification.objects.filter(kind="view").count() == 1


def test_what_is_committed_while_one_begins_to_follow_is_not_lost(
    acme: Any, users: SimpleNamespace
) -> None:
    """A lead that was being written when the members were taken is seen when it is there."""
    view = save(users.cleo, "score__gte=80")
    written, go_on = threading.Event(), threading.Event()

    def write() -> str:
        with by(users.cleo), transaction.atomic():
            lead = make("Meanwhile", score=90)
            written.set()
            assert go_on.wait(30)
        return str(lead.pk)

    def follow() -> None:
        assert written.wait(30)
        following.follow(view, member(users.bob))
        assert not ListMember.objects.exists()
        go_on.set()

    id, _none = at_once(write, follow)
    assert isinstance(id, str), id
    from_log.read_log()
    assert noted() == [("View.Entered", id)]


def test_two_who_follow_at_once_have_one_list(acme: Any, users: SimpleNamespace) -> None:
    view = save(users.cleo, "score__gte=80")
    make("There", score=90)
    people = [member(user) for user in (users.bob, users.cleo, users.vic)]
    answers = at_once(*(lambda m=m: following.follow(view, m) for m in people))
    assert answers == [None] * 3
    assert WatchedList.objects.count() == 1 and ListMember.objects.count() == 1
