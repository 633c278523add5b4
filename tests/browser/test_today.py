"""A morning by keyboard: what is due is done or put off, what is nobody's is taken, without a page load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Activity, Lead
from tests.browser.test_rep import open_lead

pytestmark = pytest.mark.browser


def test_a_morning_by_keyboard(desk, site, lead, people):
    yesterday = datetime.now(UTC) - timedelta(days=1, hours=1)
    due = {"type": "Task", "assignee": people.bob, "due_at": yesterday}
    earlier = {"due_at": yesterday - timedelta(minutes=30)}
    call = Activity.create(subject="Call Ada", lead=lead, **due | earlier)
    quote = Activity.create(subject="Send a quote", **due)
    free = Lead.create(name="Nobody's lead", source="website")
    desk.goto(f"{site}/~acme/admin/")
    loads: list[str] = []
    desk.on("framenavigated", lambda frame: loads.append(frame.url))
    expect(desk.get_by_role("region", name="Overdue")).to_contain_text("1 d overdue")
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
    expect(desk.get_by_role("button", name="Later today")).to_be_focused()
    desk.get_by_role("textbox", name="Another day").first.fill("in 5 days")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("region", name="Overdue")).to_have_count(0)
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
    expect(desk.get_by_role("textbox", name="What came of it?")).to_have_value("Done")
    desk.keyboard.type("Reached her")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("textbox", name="Task")).to_be_focused()
    assert Activity.find({"subject": "Call Ada"})[0].outcome == "Reached her"
