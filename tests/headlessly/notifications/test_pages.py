"""The bell and its pages: what is read, put off, chosen and followed."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import Activity, Lead
from headlessly.access.models import Membership, Tenant, User
from headlessly.notifications import from_clock, from_log, kinds
from headlessly.notifications.models import Notification
from tests.headlessly.notifications.test_telling import by

pytestmark = pytest.mark.django_db
BASE = "/~acme/admin"


def unread(client: Client) -> int:
    return client.get(f"{BASE}/notifications/unread/").json()["count"]


def test_the_bell_counts_what_one_has_not_read_and_opening_reads_it(
    bob: Client, cleo: Client, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    with by(users.cleo):
        found = [Lead.create(name=f"Lead {n}", owner=people.bob, source="event") for n in range(3)]
    from_log.read_log()
    assert (unread(bob), unread(cleo)) == (3, 0)
    page = bob.get(f"{BASE}/notifications/").content.decode()
    assert "Cleo gave you Lead 1" in page
    mine = Notification.objects.filter(user=users.bob, record=found[1].pk).get()
    opened = bob.get(f"{BASE}/notifications/{mine.pk}/")
    assert opened["Location"] == f"{BASE}/crm/lead/{found[1].pk}/change/"
    assert unread(bob) == 2
    # Somebody else's are not there.
    assert cleo.get(f"{BASE}/notifications/{mine.pk}/").status_code == 404
    cleo.post(f"{BASE}/notifications/read/")
    cleo.post(f"{BASE}/notifications/read/", {"id": mine.pk})
    assert unread(bob) == 2
    bob.post(f"{BASE}/notifications/read/", {"id": "\x00"})
    assert unread(bob) == 2
    bob.post(f"{BASE}/notifications/read/")
    assert unread(bob) == 0
    assert bob.get(f"{BASE}/notifications/?after=\x00").status_code == 200


def test_pages_go_on_where_the_last_one_ended(
    bob: Client, acme: Any, users: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headlessly.admin import notification_pages

    monkeypatch.setattr(notification_pages, "PAGE", 2)
    now = timezone.now()
    for number in range(5):
        Notification.objects.create(
            tenant=acme, user=users.bob, kind="import_done", occasion=str(number), actor="system",
            excerpt=f"file{number}.csv", in_browser=True, by_mail=False, created_at=now,
        )  # fmt: skip
    address, seen = f"{BASE}/notifications/", []
    for _page in range(3):
        answer = bob.get(address)
        seen += [line.text for line in answer.context["lines"]]
        address = f"{BASE}/notifications/?after={answer.context['after']}"
    assert len(seen) == len(set(seen)) == 5


def test_a_reminder_is_put_off_from_its_notification(
    bob: Client, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    task = Activity.create(subject="Call", assignee=people.bob, reminder_at=timezone.now())
    from_clock.tell_what_is_due(timezone.now() + timedelta(seconds=5))
    page = bob.get(f"{BASE}/notifications/").content.decode()
    assert f'value="Activity.{task.pk}"' in page and 'value="reminder_at"' in page
    sent = {"record": f"Activity.{task.pk}", "moment": "reminder_at", "until": "in 2 weeks"}
    assert bob.post(f"{BASE}/today/later/", sent).status_code == 302
    later = Activity.get(task.pk)
    assert later.reminder_at > timezone.now() + timedelta(days=12)
    assert later.due_at is None


def test_one_chooses_of_what_one_is_told_and_where(bob: Client, users: SimpleNamespace) -> None:
    address = f"{BASE}/notifications/choices/"
    assert bob.get(address).status_code == 200
    bob.post(address, {"mentioned_browser": "on", "digest": "7"})
    member = Membership.objects.get(user=users.bob)
    wanted = {
        (kind, channel)
        for kind in (each.name for each in kinds.kinds_of(member))
        for channel in kinds.CHANNELS
        if kinds.wants(member, kind, channel)
    }
    assert wanted == {("mentioned", "browser")}
    assert "webhook" not in bob.get(address).content.decode()
    assert kinds.digest_hour(member) == 7
    assert bob.post(address, {"digest": "77"}).status_code == 422


def test_a_record_is_followed_and_not_any_more_by_who_sees_it(
    bob: Client, acme: Any, users: SimpleNamespace, people: SimpleNamespace, lead: Any
) -> None:
    from_log.read_log()
    follow = f"{BASE}/follow/"
    bob.post(follow, {"record": f"Lead.{lead.pk}"})
    assert Tenant.objects.get(pk=acme.pk).has_followers
    acme.refresh_from_db()
    page = f"{BASE}/crm/lead/{lead.pk}/change/"
    assert "Do not follow any more" in bob.get(page).content.decode()
    with by(users.ann):
        lead.update(score=7)
    from_log.read_log()
    assert Notification.objects.filter(user=users.bob, kind="followed").count() == 1
    bob.post(follow, {"record": f"Lead.{lead.pk}", "stop": "1"})
    with by(users.ann):
        lead.update(score=8)
    from_log.read_log()
    assert Notification.objects.filter(user=users.bob, kind="followed").count() == 1
    acme.limits_reps = True
    acme.save()
    with by(users.ann):
        lead.update(owner=people.cleo)
    bob.post(follow, {"record": f"Lead.{lead.pk}"})
    bob.post(follow, {"record": "Nothing.\x00"})
    assert not bob.get(page).content.decode().count("Do not follow any more")


def test_behind_an_at_stand_members_who_may_see_the_record(
    bob: Client, cleo: Client, acme: Tenant, rival: Any, users: SimpleNamespace, people: Any
) -> None:
    def suggested(who: Client, begun: str, at: str = "") -> list[str]:
        answer = who.get(f"{BASE}/mentions/", {"q": begun, "at": at})
        assert answer.status_code == 200
        return answer.json()["names"]

    rita = User.objects.create_user("rita@else.example", first_name="Cleo", last_name="Rival")
    Membership.objects.create(user=rita, tenant=rival, role="rep")
    assert suggested(bob, "cl") == [people.cleo.name]
    assert suggested(bob, people.cleo.name.split()[1][:3]) == [people.cleo.name]
    assert suggested(bob, "bo") == [], "one does not mention oneself"
    assert suggested(bob, "nobody") == suggested(bob, "\x00") == suggested(bob, "x" * 5000) == []
    lead = Lead.create(name="Cleo's alone", owner=people.cleo, source="event")
    page = f"{BASE}/crm/lead/{lead.pk}/change/"
    assert suggested(cleo, "bo", page) == [people.bob.name]
    Tenant.objects.filter(pk=acme.pk).update(limits_reps=True)
    assert suggested(cleo, "bo", page) == []
    assert suggested(cleo, "bo") == [people.bob.name]


def test_an_address_that_no_database_could_be_asked_for_leads_nowhere(bob: Client) -> None:
    for address in ("notifications/%00/", "crm/lead/%00/change/", "imports/%00/", "reports/%00/"):
        assert bob.get(f"{BASE}/{address}").status_code == 404, address
