"""Notifications by mail: received by a real server of mail, read as a person and as a program would."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import Activity, Lead
from headlessly.access.models import Membership
from headlessly.notifications import from_clock, from_log, kinds, letters
from headlessly.notifications.models import Notification
from tests.headlessly.notifications.mailbox import Mailbox, mailbox
from tests.headlessly.notifications.mailbox import html as html_of
from tests.headlessly.notifications.mailbox import plain as text_of
from tests.headlessly.notifications.test_telling import by

__all__ = ["mailbox"]

pytestmark = pytest.mark.django_db


def chosen(user: Any, **wanted: Any) -> Membership:
    member = Membership.objects.get(user=user)
    for kind, channel in wanted.items():
        kinds.choose_kind(member, kind, kinds.MAIL, channel)
    member.save()
    return member


def test_many_become_one_letter_that_reads_well_and_can_be_stopped(
    mailbox: Mailbox, users: SimpleNamespace, people: SimpleNamespace, lead: Any, work: Any
) -> None:
    with by(users.cleo):
        Lead.create(name="<b>Grün & Söhne</b>\nGmbH", owner=people.bob, source="event")
        Activity.log(
            subject="Call", lead=lead, type="Call", description="@Bob Stone <script>1</script>"
        )
    from_log.read_log()
    assert "notifications.mail" in work(later=True)
    (letter,) = mailbox.letters
    assert letter["To"] == "bob@sign.example"
    assert letter["Subject"] == "2 new leads for you, and 1 more"
    plain, html = text_of(letter), html_of(letter)
    assert "You get this from Acme because:" in plain
    assert "Cleo mentioned you in Call" in plain and "@Bob Stone <script>" in plain
    assert "&lt;b&gt;Grün &amp; Söhne" in html and "<script>" not in html
    links = re.findall(r"https?://\S+", plain)
    assert any(f"/~acme/admin/crm/lead/{lead.pk}/change/" in each for each in links)
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    work(later=True)
    letters.mail_notifications(user=users.bob.pk)
    assert len(mailbox.letters) == 1  # each once

    # A link for each kind in it: asked first, and done by a click.
    stops = dict(re.findall(r"^(.+): No more of these by mail: https?://[^/]+(\S+)$", plain, re.M))
    assert list(stops) == ["I am given a record", "Somebody mentions me"]
    assert len(re.findall(r'<a href="[^"]+/unsubscribe/', html)) == 2
    browser = Client(enforce_csrf_checks=True)
    asked = browser.get(stops["Somebody mentions me"]).content.decode()
    assert "No more mail when: Somebody mentions me?" in asked and "given" not in asked
    assert wants_by_mail(users.bob) >= {"mentioned", "assigned"}
    assert browser.post(stops["Somebody mentions me"]).status_code == 200
    assert "mentioned" not in (wanted := wants_by_mail(users.bob)) and "assigned" in wanted
    assert kinds.wants_kind(Membership.objects.get(user=users.bob), "mentioned", kinds.BROWSER)

    # The link of the header is of the whole letter, and a mail program sends it without a cookie: all kinds
    # in it, and none that is not.
    path = re.search(r"<https?://[^/]+(/unsubscribe/\S+)>", letter["List-Unsubscribe"])[1]
    assert Client().post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert "assigned" not in (wanted := wants_by_mail(users.bob)) and "reminder" in wanted
    assert Client().get(path[:-1]).status_code == 404
    assert Client().post("/unsubscribe/x:y:z").status_code == 404


def wants_by_mail(user: Any) -> set[str]:
    member = Membership.objects.get(user=user)
    return {kind for kind in kinds.KINDS if kinds.wants_kind(member, kind, kinds.MAIL)}


def test_a_link_of_an_older_letter_that_names_no_kind_stops_all(users: SimpleNamespace) -> None:
    member = Membership.objects.get(user=users.bob)
    assert Client().post(letters.unsubscribe_path(member)).status_code == 200
    assert wants_by_mail(users.bob) == set()


def test_it_is_in_the_readers_language_and_of_one_kind_may_be_stopped_alone(
    mailbox: Mailbox, users: SimpleNamespace, people: SimpleNamespace, work: Any
) -> None:
    users.bob.language = "de"
    users.bob.save()
    Activity.create(subject="Anruf", assignee=people.bob, reminder_at=timezone.now())
    Notification.objects.all().delete()
    from_clock.tell_what_is_due(timezone.now() + timedelta(seconds=5))
    work(later=True)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "Erinnerung: Anruf"
    path = re.search(r"<https?://[^/]+(/unsubscribe/\S+)>", letter["List-Unsubscribe"])[1]
    Client().post(path, {"List-Unsubscribe": "One-Click"})
    member = Membership.objects.get(user=users.bob)
    assert not kinds.wants_kind(member, "reminder", kinds.MAIL)
    assert kinds.wants_kind(member, "mentioned", kinds.MAIL)


def test_what_one_does_not_want_or_has_read_is_not_mailed(
    mailbox: Mailbox, users: SimpleNamespace, people: SimpleNamespace, work: Any
) -> None:
    chosen(users.bob, assigned=False)
    with by(users.ann):
        Lead.create(name="One", owner=people.bob, source="event")
        Lead.create(name="Two", owner=people.cleo, source="event")
    from_log.read_log()
    Notification.objects.filter(user=users.cleo).update(read_at=timezone.now())
    work(later=True)
    assert mailbox.letters == []


def test_a_server_that_is_down_loses_nothing(
    mailbox: Mailbox, users: SimpleNamespace, people: SimpleNamespace
) -> None:
    with by(users.ann):
        Lead.create(name="One", owner=people.bob, source="event")
    from_log.read_log()
    mailbox.broken = 2
    for _try in range(2):
        with pytest.raises(OSError):
            letters.mail_notifications(user=users.bob.pk)
    letters.mail_notifications(user=users.bob.pk)
    letters.mail_notifications(user=users.bob.pk)
    assert [letter["Subject"] for letter in mailbox.letters] == ["Ann gave you One"]


def test_a_letter_of_the_day_comes_at_the_hour_of_its_reader(
    mailbox: Mailbox, users: SimpleNamespace, people: SimpleNamespace, work: Any
) -> None:
    users.bob.time_zone = "Asia/Tokyo"
    users.bob.save()
    member = Membership.objects.get(user=users.bob)
    kinds.choose_digest(member, 8)
    member.save()
    with by(users.ann):
        for name in ("One", "Two"):
            Lead.create(name=name, owner=people.bob, source="event")
    from_log.read_log()
    work(later=True)
    assert mailbox.letters == []
    letters.defer_digests(datetime(2027, 3, 1, 8, tzinfo=UTC))
    work()
    assert mailbox.letters == []
    letters.defer_digests(datetime(2027, 2, 28, 23, tzinfo=UTC))
    work()
    assert [letter["Subject"] for letter in mailbox.letters] == ["2 new leads for you"]
