"""The calendar in a real browser: records carried to another day by mouse and by keyboard."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Activity, Deal
from headlessly.access import actors
from headlessly.access.models import Membership, User
from tests.browser.conftest import cut_off

pytestmark = pytest.mark.browser
FIRST = date(2027, 3, 1)  # a month to come, so that nothing is overdue
NAME = "Call Ada about the pilot"


@pytest.fixture
def call(people: Any) -> Any:
    return Activity.create(
        subject=NAME,
        type="Call",
        contact=people.ada,
        assignee=people.bob,
        due_at="2027-03-10T09:30:00Z",
    )


@pytest.fixture
def month(desk: Any, site: str, call: Any) -> SimpleNamespace:
    """Bob at the calendar of March, with the ways to point at it."""
    desk.goto(f"{site}/~acme/admin/crm/activity/calendar/month/{FIRST}/")
    desk.evaluate("window.same = true")
    return SimpleNamespace(
        desk=desk,
        day=lambda n: desk.locator(f'[data-day="{FIRST + timedelta(days=n - 1)}"]'),
        entry=desk.locator(".calendar .slot .name", has_text=NAME),
        told=desk.locator("[data-announce]"),
        title=desk.locator("#calendar-title"),
    )


def day_of(call: Any) -> str:
    return f"{Activity.get(call.pk).due_at:%m-%d %H:%M}"


def test_a_call_is_dragged_to_another_day_and_taken_back(month, call):
    month.entry.drag_to(month.day(12))
    expect(month.day(12)).to_contain_text(NAME)
    expect(month.day(10)).not_to_contain_text(NAME)
    expect(month.desk.locator("#toasts")).to_contain_text(f"{NAME} is on Mar 12, 2027 now.")
    assert day_of(call) == "03-12 09:30"
    month.desk.get_by_role("button", name="Undo").click()
    expect(month.day(10)).to_contain_text(NAME)
    assert day_of(call) == "03-10 09:30"
    assert month.desk.evaluate("window.same") is True


def test_a_call_is_carried_by_keyboard(month, call):
    month.entry.focus()
    month.desk.keyboard.press("Space")
    expect(month.told).to_contain_text(f"{NAME} picked up, Wednesday, Mar 10")
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        month.desk.keyboard.press(key)
    expect(month.told).to_have_text("Friday, Mar 19")
    expect(month.day(19)).to_have_class("day free over")
    month.desk.keyboard.press("Enter")
    expect(month.day(19)).to_contain_text(NAME)
    expect(month.entry).to_be_focused()
    assert day_of(call) == "03-19 09:30"
    # Escape puts it back, and nothing is sent.
    month.desk.keyboard.press("Space")
    month.desk.keyboard.press("ArrowUp")
    month.desk.keyboard.press("Escape")
    expect(month.told).to_have_text(f"{NAME} put back, Friday, Mar 19.")
    assert Activity.get(call.pk).version == call.version + 1


def test_keys_lead_from_entry_to_entry_and_to_other_days(month, call, people):
    Activity.create(subject="Write to Ada", due_at="2027-03-10T12:00:00Z")
    Activity.create(subject="Visit Ada", due_at="2027-03-11T12:00:00Z")
    month.desk.reload()
    month.desk.evaluate("window.same = true")
    focused = month.desk.locator(".calendar :focus .subject")
    for key, subject in {"j": NAME, "ArrowDown": "Write to Ada", "ArrowRight": "Visit Ada",
                         "ArrowLeft": NAME}.items():  # fmt: skip
        month.desk.keyboard.press(key)
        expect(focused).to_have_text(subject)
    month.desk.keyboard.press("n")
    expect(month.title).to_have_text("April 2027")
    month.desk.keyboard.press("p")
    expect(month.title).to_have_text("March 2027")
    month.desk.get_by_role("link", name="Week", exact=True).click()
    expect(month.title).to_contain_text("Mar 1 – Mar 7, 2027")
    month.desk.go_back()
    expect(month.entry).to_be_visible()
    assert month.desk.evaluate("window.same") is True
    month.desk.keyboard.press("?")
    expect(month.desk.get_by_role("dialog", name="Keys")).to_contain_text("Next entry")


def test_what_a_colleague_moved_is_refused_with_their_name_and_shown(month, call, acme, people):
    cleo = User.objects.create_user("cleo@sign.example", "x", first_name="Cleo", last_name="Marsh")
    member = Membership.objects.create(user=cleo, tenant=acme, role="manager")
    # As long as somebody drags, the page does not renew itself.
    month.desk.evaluate("document.querySelector('.calendar').classList.add('dragging')")
    with actors.acting(member.actor):
        Activity.update(call.pk, due_at="2027-03-17T09:30:00Z")
    month.entry.drag_to(month.day(12))
    expect(month.desk.get_by_role("alert")).to_contain_text("Cleo Marsh moved this meanwhile.")
    expect(month.day(17)).to_contain_text(NAME)
    assert day_of(call) == "03-17 09:30"


def test_what_others_plan_appears_in_place(month, people):
    with month.desk.expect_response("**/admin/watch/"):
        pass
    Activity.create(subject="Visit Ada", assignee=people.bob, due_at="2027-03-18T12:00:00Z")
    expect(month.day(18)).to_contain_text("Visit Ada")
    assert month.desk.evaluate("window.same") is True


def test_without_a_connection_it_goes_back_and_can_be_sent_again(month, call):
    cut_off(month.desk)
    month.entry.drag_to(month.day(12))
    expect(month.desk.locator("#toasts")).to_contain_text("No connection.")
    expect(month.day(10)).to_contain_text(NAME)
    month.desk.context.set_offline(False)
    month.desk.get_by_role("button", name="Send again").click()
    expect(month.desk.locator("#toasts")).to_contain_text(f"{NAME} is on Mar 12, 2027 now.")
    expect(month.day(12)).to_contain_text(NAME)
    assert day_of(call) == "03-12 09:30"


def test_a_day_is_added_to_and_a_phone_shows_the_days_with_something(month, site, call):
    desk = month.desk
    month.day(11).hover()
    month.day(11).get_by_role("link", name="Add activity, Thursday, Mar 11").click()
    asked = desk.get_by_role("dialog", name="New activity")
    asked.get_by_label("Subject").fill("Send the offer")
    asked.get_by_role("button", name="Create", exact=True).click()
    expect(month.day(11)).to_contain_text("Send the offer")
    (made,) = Activity.find({"subject": "Send the offer"})
    assert made.all_day
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.goto(f"{site}/~acme/admin/crm/activity/calendar/month/{FIRST}/")
    expect(month.day(11)).to_contain_text("Send the offer")
    expect(month.day(10)).to_be_visible()
    expect(month.day(12)).to_be_hidden()
    assert desk.evaluate("document.documentElement.scrollWidth") == 390


def test_the_calendar_of_deals(desk, site, people):
    Deal.create(name="Acme pilot", value=100, owner=people.bob, expected_close_date="2027-03-10")
    desk.goto(f"{site}/~acme/admin/crm/deal/")
    desk.get_by_role("link", name="Calendar", exact=True).click()
    desk.goto(f"{site}/~acme/admin/crm/deal/calendar/month/{FIRST}/")
    expect(desk.locator('[data-day="2027-03-10"]')).to_contain_text("Acme pilot")
    desk.locator(".slot .name").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Acme pilot")
