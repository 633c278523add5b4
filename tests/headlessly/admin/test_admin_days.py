"""Days on the pages: today is where the reader is, and a task of a whole day is on that day everywhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from crm import Activity, Deal, Lead, Pipeline
from headlessly.context import clock
from headlessly.declaration import days
from marketing import Segment
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.admin.test_admin_editing import form_of

BERLIN, LOS_ANGELES, AUCKLAND = "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"


def reading(user, zone):
    user.time_zone = zone
    user.save()
    return client_of(user)


@pytest.mark.parametrize("zone", [BERLIN, LOS_ANGELES, AUCKLAND, "UTC"])
def test_a_day_that_somebody_picks_is_that_day_for_everybody(users, zone):
    browser = reading(users.bob, zone)
    browser.post(
        "/~acme/admin/crm/activity/add/",
        {"subject": "Christmas", "all_day": "true", "due_at": "2025-12-24T00:00"},
    )
    task = Activity.find().get()
    assert days.whole_day(task, Activity.schema.by_name["due_at"]).isoformat() == "2025-12-24"
    address = f"/~acme/admin/crm/activity/{task.pk}"
    for reader in (BERLIN, LOS_ANGELES, AUCKLAND):
        browser = reading(users.bob, reader)
        lists = "/~acme/admin/crm/activity/"
        for place in (f"{address}/change/", lists, f"{lists}board/"):
            page = browser.get(place).content.decode()
            assert "Dec 24, 2025" in page, (reader, place)
            assert "Dec 23" not in page and "Dec 25" not in page, (reader, place)
        form = form_of(browser, f"{address}/edit/")
        assert form["due_at"] == "2025-12-24"
        browser.post(f"{address}/edit/", form)
    assert Activity.get(task.pk).version == 1, "nobody changed anything"


def test_a_task_of_today_is_not_late_before_the_day_is_over(users):
    browser = reading(users.bob, AUCKLAND)
    with timezone.override(AUCKLAND):
        today = days.today()
    for offset in (-1, 0, 1):
        Activity.create(
            subject=f"Day {offset}", all_day=True, due_at=today + timedelta(days=offset)
        )
    page = browser.get("/~acme/admin/crm/activity/board/").content.decode()
    assert page.count(">overdue<") == 1
    late = browser.get("/~acme/admin/crm/activity/?status=Pending&dueAt__lt=now").content.decode()
    assert "Day -1" in late and "Day 0" not in late
    due = browser.get("/~acme/admin/crm/activity/?dueAt__lt=tomorrow").content.decode()
    assert "Day 0" in due and "Day 1<" not in due


@pytest.mark.parametrize("zone", [BERLIN, LOS_ANGELES, AUCKLAND])
def test_today_in_a_filter_is_the_readers(users, zone):
    with timezone.override(zone):
        today = days.today()
    for offset in (-1, 0, 1):
        Deal.create(
            name=f"Deal of {offset}", value=1, expected_close_date=today + timedelta(days=offset)
        )
    browser = reading(users.bob, zone)
    where = "/~acme/admin/crm/deal/?expectedCloseDate__gte=today&expectedCloseDate__lt=tomorrow"
    page = browser.get(where).content.decode()
    assert "Deal of 0" in page and "Deal of -1" not in page and "Deal of 1" not in page
    late = browser.get("/~acme/admin/crm/deal/?expectedCloseDate__lt=today").content.decode()
    assert "Deal of -1" in late and "Deal of 0" not in late


def test_a_verb_without_effect_says_so(cleo):
    segment = Segment.create(name="S", criteria={"type": "Deal", "filter": {}}, is_dynamic=False)
    page = cleo.post(f"/~acme/admin/marketing/segment/{segment.pk}/do/refresh/", follow=True)
    assert "It is as it was." in page.content.decode()
    segment.update(is_dynamic=True)
    page = cleo.post(f"/~acme/admin/marketing/segment/{segment.pk}/do/refresh/", follow=True)
    assert "It is as it was." not in page.content.decode()


def test_pages_ask_when_somebody_shall_be_reminded(bob):
    task = Activity.create(subject="T")
    for place in ("add/", f"{task.pk}/edit/"):
        page = bob.get(f"/~acme/admin/crm/activity/{place}").content.decode()
        assert 'name="reminder_at"' in page


def test_what_is_going_cold_is_what_the_board_calls_stale(bob, people):
    with clock.set_clock(clock.now() - timedelta(days=16), purpose="replay"):
        Lead.create(name="Sleeping", source="x", owner=people.bob)
    going_cold = "/~acme/admin/crm/lead/?status=New,Contacted,Qualified&owner=me&is=stale"

    def seen() -> tuple[bool, bool]:
        board = bob.get("/~acme/admin/crm/lead/board/").content.decode()
        return "Sleeping" in bob.get(going_cold).content.decode(), ">stale<" in board

    assert "is=stale" in bob.get("/~acme/admin/crm/lead/?view=all").content.decode()
    assert seen() == (True, True)
    Pipeline.create(name="Ours", is_default=True, deal_rotting=21)
    assert seen() == (False, False)


def test_a_day_is_written_as_its_reader_writes_it_and_read_as_anybody_does(users):
    users.bob.language = "de"
    browser = reading(users.bob, BERLIN)
    task = Activity.create(subject="Messe", all_day=True, due_at="2026-11-01")
    call = Activity.create(subject="Anruf", due_at="2026-11-01T08:30:00Z")
    deal = Deal.create(name="Holm", value=10, expected_close_date="2026-03-04")
    shown = {
        ("activity", task, "due_at"): "01.11.2026",
        ("activity", call, "due_at"): "01.11.2026 09:30",
        ("deal", deal, "expected_close_date"): "04.03.2026",
    }
    for (noun, record, name), text in shown.items():
        address = f"/~acme/admin/crm/{noun}/{record.pk}/edit/"
        form = form_of(browser, address)
        assert form[name] == text
        browser.post(address, form)
        assert type(record).get(record.pk).version == 1, "what nobody touched stays"
    address = f"/~acme/admin/crm/deal/{deal.pk}/edit/"
    for typed in ("2026-11-05", "5.11.2026", "5.11.26", "5. November 2026"):
        deal = Deal.get(deal.pk)
        deal.update(expected_close_date="2026-03-04")
        form = form_of(browser, address)
        browser.post(address, form | {"expected_close_date": typed})
        assert str(Deal.get(deal.pk).expected_close_date) == "2026-11-05", typed
