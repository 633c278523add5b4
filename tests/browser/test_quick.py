"""A lead with a new person and a new company, from any page, in one dialog: counted."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from headlessly.log.events import Event

pytestmark = pytest.mark.browser


def test_it_makes_a_lead_with_its_people_by_twelve_keys_and_no_page(
    desk: Any, site: str, people: Any
) -> None:
    from crm import Lead

    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    loads: list[str] = []
    desk.on("domcontentloaded", lambda page: loads.append(page.url))
    keys = ["c", "Tab", "Tab", "Tab", "Enter"]
    assert len(keys) <= 12
    dialog = desk.get_by_role("dialog", name="New lead")
    desk.keyboard.press(keys[0])
    expect(dialog.get_by_label("Contact")).to_be_focused()
    desk.keyboard.type("Mia Holm")
    desk.keyboard.press(keys[1])
    desk.keyboard.type("mia@holm.example")
    desk.keyboard.press(keys[2])
    # Whom it would be about is beside it while one types.
    desk.keyboard.type("acme corp")
    told = dialog.locator("[data-told]")
    expect(told.locator("li.taken")).to_contain_text("Acme Corp")
    dialog.get_by_label("Organization").fill("Holm AS")
    expect(told.locator("li")).to_have_count(0)
    desk.keyboard.press(keys[3])
    desk.keyboard.type("referral")
    desk.keyboard.press(keys[4])
    expect(dialog).not_to_be_visible()
    expect(desk.locator("#toasts")).to_contain_text("Created: Mia Holm.")
    leads_there = desk.locator("#toasts").get_by_role("link", name="Mia Holm")
    expect(leads_there).to_have_attribute("href", re.compile(r"/crm/lead/lead_\w+/change/$"))
    # The list that one is on shows it; nothing was left for that.
    expect(desk.locator("table")).to_contain_text("Mia Holm")
    assert loads == []
    lead = Lead.find({"name": "Mia Holm"}, include=["contact", "organization", "owner"]).get()
    assert (lead.contact.email, lead.organization.name) == ("mia@holm.example", "Holm AS")
    assert Event.log.filter(name="Lead.Created", target=lead.pk).count() == 1

    # Another one, refused beside the input; then what was typed is given back after Escape.
    desk.locator(".quick-opener").click()
    # A name with a comma is no line.
    dialog.get_by_label("Contact").fill("Holm, Mia")
    desk.keyboard.press("Tab")
    expect(dialog.get_by_label("Contact")).to_have_value("Holm, Mia")
    dialog.get_by_label("Contact").fill("Ada")
    dialog.get_by_label("Email").fill("no address")
    dialog.get_by_label("Source").fill("fair")
    dialog.get_by_role("button", name="Create and open").click()
    expect(dialog.locator(".input.bad")).to_contain_text("Email")
    desk.keyboard.press("Escape")
    desk.keyboard.press("c")
    expect(dialog.get_by_label("Email")).to_have_value("no address")
    told.get_by_role("button", name="Take Ada Chen").click()
    expect(dialog.get_by_label("Email")).to_have_value("ada@acme.example")
    expect(told.locator("li.taken")).to_contain_text("Ada Chen")
    dialog.get_by_role("button", name="Create and open").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Ada Chen")
    found = Lead.find({"source": "fair"}).get()
    assert found.contact_id == people.ada.pk
    assert len(loads) == 1


def test_it_asks_for_no_sign_in_page_while_one_types(desk: Any, site: str, people: Any) -> None:
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.keyboard.press("c")
    dialog = desk.get_by_role("dialog", name="New lead")
    dialog.get_by_label("Organization").fill("acme corp")
    told = dialog.locator("[data-told]")
    expect(told.locator("li.taken")).to_contain_text("Acme Corp")
    desk.context.clear_cookies(name="sessionid")
    with desk.expect_response(lambda answer: answer.request.method == "POST") as answered:
        dialog.get_by_label("Organization").fill("acme")
    assert answered.value.status == 401
    expect(told.locator("li.taken")).to_contain_text("Acme Corp")


def test_a_picker_makes_what_is_not_there_and_brings_what_belongs_to_it(
    desk: Any, site: str, people: Any
) -> None:
    from crm import Lead

    desk.goto(f"{site}/~acme/admin/crm/lead/add/")
    loads: list[str] = []
    desk.on("domcontentloaded", lambda page: loads.append(page.url))

    def pick(label: str, text: str, option: str) -> None:
        desk.get_by_role("combobox", name=label).click()
        desk.locator(".select2-search__field").fill(text)
        desk.locator(".select2-results__option", has_text=option).click()

    # A person who is there brings their company; owners are members, whoever asks first.
    pick("Contact", "ada", "Ada Chen")
    expect(desk.get_by_role("combobox", name="Organization")).to_contain_text("Acme Corp")
    desk.get_by_role("combobox", name="Owner").click()
    owners = desk.locator(".select2-results__option")
    expect(owners.first).to_contain_text("(me)")
    expect(desk.locator(".select2-results")).not_to_contain_text("Ada Chen")
    desk.keyboard.press("Escape")
    pick("Organization", "Holm AS", "Create “Holm AS”")
    expect(desk.get_by_role("combobox", name="Organization")).to_contain_text("Holm AS")
    desk.locator("#id_name").fill("Pilot")
    desk.locator("#id_source").fill("fair")
    assert loads == []
    desk.get_by_role("button", name="Create", exact=True).click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Pilot")
    lead = Lead.find({"name": "Pilot"}, include=["organization"]).get()
    assert (lead.contact_id, lead.organization.name) == (people.ada.pk, "Holm AS")
