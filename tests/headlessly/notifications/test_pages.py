"""The bell and its pages: what is read, put off, chosen and followed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from crm import Activity, Lead
from headlessly.access.models import Membership, Tenant, User
from headlessly.admin import notification_pages
from headlessly.context import clock
from headlessly.notifications import from_clock, from_log, kinds, letters, telling
from headlessly.notifications.models import Notification
from tests.answered import answered
from tests.conftest import Api
from tests.headlessly.notifications.test_rest import owned
from tests.headlessly.notifications.test_telling import by, given_apart
from tests.headlessly.test_races import at_once

pytestmark = pytest.mark.django_db
BASE = "/~acme/admin"


def unread(client: Client) -> int:
    return client.get(f"{BASE}/notifications/unread/").json()["count"]


def test_the_bell_counts_what_one_has_not_read_and_opening_reads_it(
    bob: Client, cleo: Client, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    found = given_apart(users.cleo, people.bob, 3)
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


BERLIN = ZoneInfo("Europe/Berlin")
#: A Thursday in the summer, at ten in Berlin.
THURSDAY = datetime(2026, 8, 6, 10, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("until", "day", "hour"),
    [
        ("Later today", 6, 13),
        ("Tomorrow", 7, 9),
        ("Monday", 10, 9),
        ("In two weeks", 20, 9),
        ("19.8.", 19, 9),
        ("fri 14:00", 7, 14),
    ],
)
def test_a_reminder_is_put_off_from_its_notification(
    until: str, day: int, hour: int, users: SimpleNamespace, people: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """By each of its buttons, and typed: to the reader's own clock, and never to midnight."""
    monkeypatch.setattr(telling, "FRESH", timedelta(days=10_000))
    users.bob.time_zone, users.bob.language = "Europe/Berlin", "en-gb"
    users.bob.save()
    bob = Client()
    bob.force_login(users.bob)
    with clock.set_clock(THURSDAY, purpose="replay"):
        task = Activity.create(subject="Call", assignee=people.bob, reminder_at=THURSDAY)
        from_clock.tell_what_is_due(THURSDAY)
        page = bob.get(f"{BASE}/notifications/").content.decode()
        assert f'value="Activity.{task.pk}"' in page and 'value="reminder_at"' in page
        buttons = {
            label: text
            for text, label in re.findall(r'name="until" value="([^"]+)">([^<]+)<', page)
        }
        assert list(buttons) == ["Later today", "Tomorrow", "Monday", "In two weeks"]
        sent = {
            "record": f"Activity.{task.pk}", "moment": "reminder_at",
            "until": buttons.get(until, until),
        }  # fmt: skip
        assert bob.post(f"{BASE}/today/later/", sent).status_code == 302
    later = Activity.get(task.pk)
    assert later.reminder_at == datetime(2026, 8, day, hour, tzinfo=BERLIN)
    assert later.due_at is None


def test_late_in_the_evening_a_few_hours_are_not_called_today(users: SimpleNamespace) -> None:
    users.bob.time_zone = "Europe/Berlin"
    users.bob.save()
    for hour, said in ((20, "Later today"), (21, "In 3 hours"), (23, "In 3 hours")):
        moment = THURSDAY.replace(hour=hour)
        with clock.set_clock(moment, purpose="replay"), timezone.override(BERLIN):
            assert notification_pages.later_choices()[0] == ("in 3 hours", said)


def test_one_chooses_of_what_one_is_told_and_where(bob: Client, users: SimpleNamespace) -> None:
    address = f"{BASE}/notifications/choices/"
    assert bob.get(address).status_code == 200
    bob.post(address, {"mentioned_browser": "on", "digest": "7"})
    member = Membership.objects.get(user=users.bob)
    wanted = {
        (kind, channel)
        for kind in (each.name for each in kinds.kinds_of(member))
        for channel in kinds.CHANNELS
        if kinds.wants_kind(member, kind, channel)
    }
    assert wanted == {("mentioned", "browser")}
    assert "webhook" not in bob.get(address).content.decode()
    assert kinds.digest_hour(member) == 7
    assert bob.post(address, {"digest": "77"}).status_code == 422


def test_of_two_who_choose_at_once_neither_loses_what_the_other_chose(
    bob: Client, users: SimpleNamespace
) -> None:
    address = f"{BASE}/notifications/choices/"
    form = bob.get(address).context["form"]
    shown = {
        form.add_initial_prefix(name): f"{value or ''}" for name, value in form.initial.items()
    }
    sent = {name: "on" for name, value in form.initial.items() if value is True}
    first, second = ({**shown, **sent, "digest": ""} for _page in range(2))
    del first["assigned_mail"]
    del second["mentioned_mail"]
    bob.post(address, {**first, "digest": "7"})
    bob.post(address, second)  # of a page that was opened before
    member = Membership.objects.get(user=users.bob)
    assert not kinds.wants_kind(member, "assigned", kinds.MAIL)
    assert not kinds.wants_kind(member, "mentioned", kinds.MAIL)
    assert kinds.wants_kind(member, "reminder", kinds.MAIL)
    assert kinds.digest_hour(member) == 7


@pytest.mark.django_db(transaction=True)
def test_whatever_way_they_choose_all_of_it_is_kept(acme: Any, users: SimpleNamespace) -> None:
    clients = [owned(Api(acme), acme, users.cleo, "write") for _each in range(3)]
    place = Membership.objects.select_related("tenant", "user").get(user=users.cleo)
    names = [kind.name for kind in kinds.kinds_of(place)]

    def by_rest(api: Api, name: str) -> Any:
        said = {"kinds": {name: {"browser": False}}}
        return answered(api.call("PATCH", "/notifications/preferences", said))

    def by_page(name: str) -> Any:
        page = Client()
        page.force_login(users.cleo)
        address = f"{BASE}/notifications/choices/"
        form = page.get(address).context["form"]
        sent = {each: "on" for each, value in form.initial.items() if value is True}
        shown = {
            form.add_initial_prefix(each): f"{form.initial[each] or ''}" for each in form.initial
        }
        del sent[f"{name}_browser"]
        return page.post(address, {**shown, **sent, "digest": ""})

    def by_link(name: str) -> None:
        letters.unsubscribe(Membership.objects.get(user=users.cleo), [name])

    calls: list[Any] = [partial(by_rest, *each) for each in zip(clients, names[:3], strict=True)]
    calls += [partial(by_page, name) for name in names[3:6]]
    calls += [partial(by_link, name) for name in names]
    answers = at_once(*calls)
    assert not [each for each in answers if isinstance(each, Exception)], answers
    member = Membership.objects.get(user=users.cleo)
    assert [name for name in names if not kinds.wants_kind(member, name, kinds.BROWSER)] == names[
        :6
    ]
    assert [name for name in names if kinds.wants_kind(member, name, kinds.MAIL)] == []


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
