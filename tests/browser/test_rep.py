"""A rep's work on leads, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
CONVERT = re.compile(r"/convert\b")
WIDTHS = pytest.mark.parametrize("width", [1440, 390])


def open_lead(desk: Any, site: str, name: str = "Acme Platform Evaluation") -> None:
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.get_by_role("link", name=name).click()
    expect(desk.get_by_role("heading", level=1)).to_have_text(name)
    desk.wait_for_load_state()  # its scripts come after its text, and know its keys


def dialog(desk: Any) -> Any:
    return desk.locator("dialog[open]")


def current(desk: Any) -> Any:
    """The step that the status path marks."""
    return desk.locator("[aria-current=step]")


@WIDTHS
def test_takes_a_lead_from_the_list_to_a_deal(desk, site, lead, width):
    desk.set_viewport_size({"width": width, "height": 900})
    open_lead(desk, site)
    expect(current(desk)).to_have_text("New")
    convert = desk.get_by_role("button", name="Convert")
    if width == 390:
        expect(convert).to_have_count(0)  # what is not possible yet takes no room on a phone
    else:
        expect(convert).to_be_disabled()
    desk.get_by_role("button", name="Move to Contacted").click()
    expect(current(desk)).to_have_text("Contacted")
    desk.get_by_role("button", name="Move to Qualified").click()
    expect(current(desk)).to_have_text("Qualified")
    desk.get_by_role("button", name="Convert…").click()
    dialog(desk).get_by_label("Value").fill("75,000")
    dialog(desk).get_by_role("button", name="Convert").click()
    desk.wait_for_url("**/crm/deal/**")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Acme Platform Evaluation")
    expect(desk.get_by_text("$75,000")).to_be_visible()
    lead.refresh_from_db()
    assert (lead.status, lead.deal.value) == ("Converted", 75_000)


def test_losing_asks_for_the_reason_and_reopening_takes_it_back(desk, site, lead):
    open_lead(desk, site)
    desk.get_by_role("button", name="Lose…").click()
    dialog(desk).get_by_role("button", name="Lose").click()
    expect(dialog(desk).get_by_role("alert")).to_have_text("This is required.")
    lead.refresh_from_db()
    assert lead.status == "New"
    dialog(desk).get_by_label("Lost reason").fill("No budget")
    dialog(desk).get_by_role("button", name="Lose").click()
    expect(current(desk)).to_have_text("Lost")
    desk.get_by_role("button", name="Reopen").click()
    expect(current(desk)).to_have_text("New")
    expect(desk.get_by_label("Timeline")).to_contain_text("Bob reopened it")


def test_a_dialog_can_be_left_without_doing_anything(desk, site, qualified):
    open_lead(desk, site)
    for leave in ("Cancel", None):
        desk.get_by_role("button", name="Convert…").click()
        if leave:
            dialog(desk).get_by_role("link", name=leave).click()
        else:
            desk.keyboard.press("Escape")
        expect(dialog(desk)).to_have_count(0)
    qualified.refresh_from_db()
    assert qualified.status == "Qualified"


def test_a_dialog_that_is_still_coming_is_called_back(desk, site, qualified):
    open_lead(desk, site)

    held = []
    desk.route(CONVERT, lambda route: held.append(route))
    with desk.expect_request(CONVERT):
        desk.get_by_role("button", name="Convert…").click()
    desk.keyboard.press("Escape")
    with desk.expect_response(CONVERT):
        held[0].continue_()
    desk.get_by_role("button", name="Lose…").click()
    expect(dialog(desk).get_by_role("heading")).to_have_text("Lose")
    expect(dialog(desk)).to_have_count(1)


def test_chooses_a_record_by_searching_for_it(desk, site, lead, people):
    from crm import Contact

    Contact.create(name="Grace Hopper", email="grace@navy.example")
    open_lead(desk, site)
    desk.get_by_role("link", name="Edit", exact=True).click()
    desk.locator(".input", has=desk.locator("#id_contact")).locator(".select2-selection").click()
    desk.keyboard.type("grace")
    desk.get_by_text("Grace Hopper · grace@navy.example").click()
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_label("Timeline")).to_contain_text("contact: Ada Chen → Grace Hopper")
    lead.refresh_from_db()
    assert lead.contact.name == "Grace Hopper"


def test_a_missing_answer_leads_to_its_input(desk, site, lead):
    open_lead(desk, site)
    desk.get_by_label("BANT").get_by_role("link", name="+ add").first.click()
    expect(desk.locator("#id_authority")).to_be_focused()
    desk.keyboard.type("CTO")
    desk.keyboard.press("Enter")
    expect(desk.get_by_label("BANT")).to_contain_text("2 of 4")


@WIDTHS
def test_narrows_the_list(desk, site, lead, people, width):
    from crm import Lead

    Lead.create(name="Somebody else's", source="event", owner=people.cleo)
    desk.set_viewport_size({"width": width, "height": 900})
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    rows = desk.locator("table.list tbody tr")
    expect(rows).to_have_count(2)
    if width < 768:
        desk.get_by_role("button", name="Filters").click()
        assert desk.evaluate("document.documentElement.scrollWidth") <= width
    desk.get_by_role("combobox", name="Source").select_option("event")
    expect(rows).to_have_count(1)
    assert "source=event" in desk.url
    desk.get_by_role("link", name="Remove the filter Source").click()
    expect(rows).to_have_count(2)


def test_signs_out(desk, site):
    desk.goto(f"{site}/~acme/admin/")
    desk.get_by_text("bob@sign.example").click()
    desk.get_by_role("button", name="Sign out").click()
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()
    desk.goto(f"{site}/~acme/admin/")
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()
