"""What a rep and a manager do all day, each task counted as docs/effort.md has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.effort import ABOVE, BELOW, Effort, read_table
from tests.browser.test_rep import current, dialog

pytestmark = pytest.mark.browser


def test_the_table_says_how_each_task_compares() -> None:
    compared = {name: task for name, task in read_table().items() if task.verdict}
    assert len(compared) == 18
    assert {name: task.stands for name, task in compared.items()} == {
        name: task.verdict for name, task in compared.items()
    }
    verdicts = [task.verdict for task in compared.values()]
    assert verdicts.count(BELOW) * 3 >= len(verdicts) * 2
    assert verdicts.count(ABOVE) == 0


@pytest.fixture
def leads(people: Any, bob: Any) -> list[Any]:
    """Four leads of Bob, who manages; the most urgent has a call that is overdue."""
    from crm import Activity, Deal, Lead
    from headlessly.access.models import Membership

    Membership.objects.filter(user=bob).update(role="manager")
    made = [
        Lead.create(
            name=f"Lead {n}", source="fair", owner=people.bob, contact=people.ada, score=90 - n,
            organization=people.corp, budget=50_000, campaign=people.spring,
        )
        for n in range(4)
    ]  # fmt: skip
    overdue = datetime.now(UTC) - timedelta(days=1, hours=1)
    Activity.create(
        subject="Call Ada", type="Call", lead=made[0], assignee=people.bob, due_at=overdue
    )
    Deal.create(
        name="Acme fleet", value=9, contact=people.ada, organization=people.corp, owner=people.bob
    )
    return made


def test_a_reps_tasks(desk: Any, site: str, leads: list[Any]) -> None:
    from crm import Activity, Deal, Lead

    desk.goto(f"{site}/~acme/admin/")
    desk.wait_for_load_state()
    effort, timeline = Effort(desk), desk.get_by_label("Timeline")
    title = desk.get_by_role("heading", level=1)

    def find_urgent() -> None:
        effort.click(desk.get_by_role("region", name="Overdue").locator("a.name").first)
        expect(title).to_have_text("Call Ada")

    effort.count("find what is urgent and open it", find_urgent)
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=-score")
    desk.get_by_role("link", name="Lead 0").click()
    expect(title).to_have_text("Lead 0")

    def log_a_call(text: str = "Wants a pilot") -> None:
        effort.press("c")
        effort.type(text)
        effort.press("Control+Enter")
        expect(timeline).to_contain_text(text)

    def follow_up(text: str = "Send the offer", day: str = "tomorrow 9") -> None:
        effort.press("t")
        effort.type(f"{text} {day}")
        effort.press("Enter")
        planned = desk.get_by_role("region", name="Next").first
        expect(planned).to_contain_text(text)
        expect(planned).not_to_contain_text(day)

    def work_one() -> None:
        log_a_call("Call me in spring")
        follow_up("Call again", "in 2 weeks")
        effort.press("j")
        expect(title).to_have_text("Lead 1")

    effort.count("log a call", log_a_call)
    effort.count("a follow-up with a day", follow_up)
    effort.count("log and follow up and go to the next", work_one)

    def lose() -> None:
        effort.press("5")
        expect(dialog(desk).get_by_label("Lost reason")).to_be_focused()
        effort.type("Price")
        effort.press("Enter")
        expect(current(desk)).to_have_text("Lost")

    def reopen() -> None:
        effort.press("1")
        expect(current(desk)).to_have_text("New")

    effort.count("lose with a reason on the page of a lead", lose)
    effort.count("reopen", reopen)
    for key, state in (("2", "Contacted"), ("3", "Qualified")):
        desk.keyboard.press(key)
        expect(current(desk)).to_have_text(state)

    def convert() -> None:
        effort.press("4")
        expect(dialog(desk).locator("[name=deal-value]")).to_be_focused()
        effort.type("64000")
        effort.press("Enter")
        expect(desk.get_by_text("$64,000").first).to_be_visible()

    effort.count("convert with another value", convert)
    assert Lead.get(leads[1].pk).deal.value == 64_000
    offer = Activity.find({"subject": "Send the offer"})[0]
    assert (offer.all_day, offer.due_at.date()) == (
        False,
        (datetime.now(UTC) + timedelta(days=1)).date(),
    )

    # Into a deal that is there.
    other = leads[2].update(status="Contacted").update(status="Qualified")
    desk.goto(f"{site}/~acme/admin/crm/lead/{other.pk}/change/")
    desk.wait_for_load_state()

    def convert_into() -> None:
        effort.press("4")
        effort.click(dialog(desk).get_by_role("button", name="Acme fleet"))
        expect(title).to_have_text("Acme fleet")

    effort.count("convert into a deal that is there", convert_into)
    assert Deal.find({"name": "Acme fleet"})[0].pk == Lead.get(other.pk).deal_id
    effort.compare()


def test_a_lead_is_lost_with_its_reason_by_one_drag(desk: Any, site: str, leads: list[Any]) -> None:
    desk.goto(f"{site}/~acme/admin/crm/lead/board/")
    desk.wait_for_load_state()
    effort = Effort(desk)

    def lose() -> None:
        card = desk.locator("[data-card]", has_text="Lead 3").bounding_box()
        desk.mouse.move(card["x"] + 60, card["y"] + 20)
        desk.mouse.down()
        desk.mouse.move(card["x"] + 120, card["y"] + 40, steps=3)
        reason = desk.locator("[data-column=Lost] [data-offer]", has_text="Price").bounding_box()
        desk.mouse.move(reason["x"] + 20, reason["y"] + 10, steps=3)
        desk.mouse.up()
        effort.clicks += 1
        expect(desk.locator("#toasts")).to_contain_text("Lead 3 is Lost now.")

    effort.count("lose with a reason", lose)
    assert leads[3].get(leads[3].pk).lost_reason == "Price"
    effort.compare()


def test_a_managers_lists(desk: Any, site: str, leads: list[Any], people: Any) -> None:
    from crm import Lead

    Lead.create(name="Elsewhere", source="web", owner=people.cleo)
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=-score")
    desk.wait_for_load_state()
    effort, rows = Effort(desk), desk.locator("table.list tbody tr[data-row]")
    toasts = desk.locator("#toasts")

    def edit() -> None:
        effort.click(desk.locator("[data-cell=score]").first)
        expect(desk.locator(".celled input:visible")).to_be_focused()
        effort.type("97")

    effort.count("edit a field", edit)
    # It is saved as one goes on, to another cell or to anything else.
    desk.locator("[data-cell=score]").nth(1).click()
    expect(rows.nth(1).locator(".celled input:visible")).to_be_focused()
    desk.keyboard.type("98")
    desk.get_by_role("heading", level=1).click()
    expect(rows.first).to_contain_text("97")
    expect(rows.nth(1)).to_contain_text("98")

    def create() -> None:
        effort.press("c")
        expect(dialog(desk).get_by_label("Contact")).to_be_focused()
        effort.type("Mia Holm, mia@holm.example, Holm AS, referral")
        effort.press("Enter")
        expect(toasts).to_contain_text("Created: Mia Holm.")

    effort.count("a new lead with a new person and a new company", create)
    mia = Lead.find({"name": "Mia Holm"}, include=["contact", "organization"]).get()
    assert (mia.contact.email, mia.organization.name, mia.source) == (
        "mia@holm.example", "Holm AS", "referral",
    )  # fmt: skip

    def narrow() -> None:
        effort.press("/")
        effort.type("status:new owner:me source:fair campaign:spring")
        effort.press("Enter")
        expect(rows).to_have_count(4)
        expect(desk.locator(".chips .chip")).to_have_count(4)

    def save() -> None:
        effort.click(desk.get_by_role("button", name="Save view…"))
        expect(desk.get_by_label("Name", exact=True)).to_be_focused()
        effort.type("From the fair")
        effort.click(desk.get_by_role("button", name="Save for the team"))
        expect(desk.locator(".viewtabs [aria-current]")).to_have_text("From the fair")

    def reassign() -> None:
        boxes = desk.locator(".list td.check input")
        effort.click(boxes.nth(1))
        effort.click(boxes.nth(3), modifiers=["Shift"])
        effort.click(desk.get_by_role("button", name="Assign…"))
        effort.click(dialog(desk).get_by_role("button", name="Bob Stone"))
        expect(toasts).to_contain_text("Assign: 3 done.")
        expect(toasts.get_by_role("button", name="Undo")).to_be_visible()

    def as_of() -> None:
        effort.click(desk.get_by_label("More", exact=True).first)
        effort.click(desk.get_by_label("As it was at the end of"))
        effort.type(f"{datetime.now(UTC) - timedelta(days=1):%m/%d}")
        effort.press("Enter")
        expect(desk.get_by_role("main")).to_contain_text("As it was")

    effort.count("filter by four things", narrow)
    effort.count("save a view and share it", save)
    effort.count("give three to somebody else", reassign)
    expect(dialog(desk)).to_have_count(0)
    expect(desk.locator(".list td.check input:checked")).to_have_count(0)
    effort.count("as of a past day", as_of)
    effort.compare()
