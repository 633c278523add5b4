"""A morning by keyboard: what is due is done or put off, what is nobody's is taken, without a page load."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Activity, Lead
from headlessly.context import clock
from tests.browser.test_parts import stays
from tests.browser.test_rep import open_lead
from tests.browser.test_unsent import sign_in_over, sign_out

pytestmark = pytest.mark.browser


def test_a_morning_by_keyboard(desk, site, lead, people):
    yesterday = datetime.now(UTC) - timedelta(days=1, hours=1)
    due = {"type": "Task", "assignee": people.bob, "due_at": yesterday}
    earlier = {"due_at": yesterday - timedelta(minutes=30)}
    call = Activity.create(subject="Call Ada", lead=lead, **due | earlier)
    first = {"due_at": yesterday - timedelta(minutes=45)}
    Activity.create(subject="Read the brief", **due | first)
    quote = Activity.create(subject="Send a quote", **due)
    free = Lead.create(name="Nobody's lead", source="website")
    desk.goto(f"{site}/~acme/admin/")
    loads: list[str] = []
    desk.on("framenavigated", lambda frame: loads.append(frame.url))
    expect(desk.get_by_role("region", name="Overdue")).to_contain_text("1 d overdue")
    desk.keyboard.press("j")
    desk.keyboard.press("j")
    expect(desk.get_by_role("link", name="Call Ada")).to_be_focused()
    desk.keyboard.press("d")
    ask = desk.get_by_role("region", name="What comes next?")
    expect(ask).to_contain_text("What comes next with Acme Platform Evaluation?")
    expect(ask.get_by_role("textbox").first).to_be_focused()
    desk.keyboard.type("Send the contract")
    desk.keyboard.press("Enter")
    expect(ask).to_have_count(0)
    expect(desk.get_by_text("Task added.")).to_be_visible()
    planned = Activity.find({"subject": "Send the contract"})[0]
    assert (planned.lead_id, planned.all_day) == (lead.pk, True)
    expect(desk.get_by_role("link", name="Send a quote")).to_be_focused()
    desk.keyboard.press("s")
    later = re.compile("Later today|In 3 hours")  # as the clock of whoever runs this says
    expect(desk.get_by_role("button", name=later)).to_be_focused()
    desk.get_by_role("textbox", name="Another day").first.fill("in 5 days")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("region", name="Overdue")).not_to_contain_text("Send a quote")
    quote.refresh_from_db()
    assert quote.all_day
    desk.keyboard.press("Control+z")
    expect(desk.get_by_role("region", name="Overdue")).to_contain_text("Send a quote")
    free_row = desk.locator(f'[data-entry="Lead.{free.pk}"]')
    free_row.get_by_role("link").focus()
    desk.keyboard.press("t")
    expect(desk.get_by_text("Nobody's lead is yours.")).to_be_visible()
    expect(desk.get_by_role("region", name="Waits for a first answer")).to_contain_text(
        "Nobody's lead"
    )
    call.refresh_from_db()
    assert (call.status, call.outcome) == ("Completed", "Done")


def test_a_task_is_done_on_its_record_and_the_next_one_is_asked_for(desk, site, lead, people):
    Activity.create(subject="Call Ada", lead=lead, type="Task", assignee=people.bob)
    open_lead(desk, site)
    desk.locator(".todo summary").click()
    outcome = desk.get_by_role("textbox", name="What came of it?")
    expect(outcome).to_have_value("Done")
    expect(outcome).to_be_focused()
    desk.keyboard.type("Reached her")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("textbox", name="Task")).to_be_focused()
    assert Activity.find({"subject": "Call Ada"})[0].outcome == "Reached her"


def test_done_is_done_once_however_often_it_is_clicked_and_also_when_the_session_ended(
    desk, site, lead, people
):
    yesterday = datetime.now(UTC) - timedelta(days=1, hours=1)
    tasks = [
        Activity.create(
            subject=subject,
            type="Task",
            assignee=people.bob,
            due_at=yesterday + timedelta(minutes=at),
            lead=lead if at == 1 else None,
        )
        for at, subject in enumerate(("Send a quote", "Call Ada", "Write to Ada"))
    ]
    held: list[Any] = []
    desk.goto(f"{site}/~acme/admin/")
    desk.route("**/do/complete/**", lambda route: held.append(route))
    done = desk.locator(f'[data-entry="Activity.{tasks[0].pk}"] [data-does="d"]')
    done.dblclick()
    expect(desk.locator("#today form[data-sent]")).to_have_count(1)
    for route in held:
        route.continue_()
    desk.unroute("**/do/complete/**")
    expect(desk.get_by_role("link", name="Send a quote")).to_have_count(0)
    # The next one stands where it stood, and was not done with it.
    expect(desk.get_by_role("link", name="Call Ada")).to_be_visible()
    assert len(held) == 1
    # To its record and back no page is loaded, and one stands where one was.
    same = stays(desk)
    desk.get_by_role("link", name="Call Ada").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Call Ada")
    desk.go_back()
    expect(desk.get_by_role("link", name="Call Ada")).to_be_focused()
    assert same()
    # The session ends: one signs in over the day, and it is done.
    sign_out(desk)
    desk.get_by_role("link", name="Call Ada").focus()
    desk.keyboard.press("d")
    expect(desk.get_by_role("dialog", name="Sign in")).to_contain_text("Your session has ended")
    expect(desk.get_by_role("link", name="Call Ada")).to_be_attached()
    sign_in_over(desk)
    ask = desk.get_by_role("region", name="What comes next?")
    expect(ask.get_by_role("textbox").first).to_be_focused()
    expect(desk.get_by_role("link", name="Call Ada")).to_have_count(0)
    # Not now: one goes on where one was, and no page is loaded.
    same = stays(desk)
    desk.keyboard.press("Escape")
    expect(ask).to_have_count(0)
    expect(desk.get_by_role("link", name="Write to Ada")).to_be_focused()
    assert same()
    for task in tasks:
        task.refresh_from_db()
    assert [task.status for task in tasks] == ["Completed", "Completed", "Pending"]
    assert [task.version for task in tasks] == [2, 2, 1]


def test_the_day_is_one_list_and_a_reply_is_done_with_one_key(desk, site, lead, people):
    with clock.set_clock(datetime.now(UTC) - timedelta(hours=3), purpose="demo"):
        lead.update(last_activity_at=clock.now())
        Activity.log(subject="Re", type="Email", direction="Inbound", lead=lead)
    Activity.create(
        subject="Late", assignee=people.bob, due_at=datetime.now(UTC) - timedelta(days=1)
    )
    Lead.create(name="Nobody's lead", source="website")
    desk.goto(f"{site}/~acme/admin/")
    replies = desk.get_by_role("region", name="Replies waiting")
    expect(replies).to_contain_text("answered 3 h ago")
    place = desk.locator("#place")
    expect(place).to_have_text("3")
    for at in (1, 2, 3):
        desk.keyboard.press("j")
        expect(place).to_have_text(f"{at} of 3")
    desk.keyboard.press("k")
    desk.keyboard.press("k")
    desk.keyboard.press("d")
    expect(replies).to_have_count(0)
    ask = desk.get_by_role("region", name="What comes next?")
    expect(ask).to_contain_text("What comes next with Acme Platform Evaluation?")
    lead.refresh_from_db()
    assert lead.reply_waiting_since is None
    desk.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(replies).to_contain_text("Acme Platform Evaluation")
