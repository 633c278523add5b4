"""A conversion in a real browser: contact, organization and deal, each new, there or none."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Contact, Lead, Organization
from tests.browser.test_ahead import slow_to_answer
from tests.browser.test_rep import WIDTHS, dialog, open_lead

pytestmark = pytest.mark.browser


def open_dialog(desk: Any, site: str) -> Any:
    open_lead(desk, site)
    desk.get_by_role("button", name="Convert…").click()
    expect(dialog(desk)).to_contain_text("What will happen")
    return dialog(desk)


@WIDTHS
def test_all_three_are_new(desk, site, qualified, width):
    desk.set_viewport_size({"width": width, "height": 900})
    asked = open_dialog(desk, site)
    expect(asked.get_by_role("radio", name="New deal")).to_be_checked()
    expect(asked.get_by_role("radio", name="Existing contact")).to_be_checked()
    expect(asked.get_by_role("radio", name="Existing organization")).to_be_checked()
    expect(asked.get_by_role("radio", name="No contact")).to_have_count(0)
    asked.get_by_role("radio", name="New contact").check()
    inputs = asked.locator("[name=contact-name], [name=contact-email], [name=organization-name]")
    expect(inputs.first).to_be_visible()
    expect(asked.locator("[name=organization-name]")).to_be_hidden()
    # What is foretold is of what stands there now, though an answer to what stood there before came later.
    slow_to_answer(desk, "/do/convert/", 800, 0)
    inputs.nth(0).fill("Grace")
    desk.wait_for_timeout(350)
    inputs.nth(0).fill("Grace Hopper")
    expect(asked.locator("[data-will]")).to_contain_text("Grace Hopper becomes Qualified")
    desk.wait_for_timeout(800)
    expect(asked.locator("[data-will]")).to_contain_text("Grace Hopper becomes Qualified")
    inputs.nth(1).fill("grace@navy.example")
    asked.get_by_role("radio", name="New organization").check()
    inputs.nth(2).fill("Navy")
    expect(asked).to_contain_text("Grace Hopper becomes Qualified")
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
    asked.get_by_role("button", name="Convert").click()
    desk.wait_for_url("**/crm/deal/**")
    lead = Lead.get(qualified.pk, include=["contact", "organization", "deal"])
    assert (lead.contact.name, lead.organization.name) == ("Grace Hopper", "Navy")
    assert lead.contact.organization_id == lead.organization_id == lead.deal.organization_id


def test_another_contact_no_organization_and_no_deal(desk, site, qualified, people):
    Contact.create(name="Grace Hopper", organization=Organization.create(name="Navy"))
    asked = open_dialog(desk, site)
    asked.get_by_role("radio", name="No deal").check()
    asked.get_by_role("radio", name="No organization").check()
    expect(asked.locator("[name=deal-name]")).to_be_hidden()
    asked.locator(".input", has=desk.locator("#convert_contact")).locator(
        ".select2-selection"
    ).click()
    expect(desk.locator(".select2-results__option").first).to_contain_text("Ada Chen")
    desk.keyboard.type("grace")
    desk.get_by_role("option", name="Grace Hopper").click()
    expect(asked.get_by_role("alert")).to_contain_text("Navy")
    asked.get_by_role("button", name="Convert").click()
    expect(dialog(desk)).to_have_count(0)
    lead = Lead.get(qualified.pk, include=["contact"])
    assert (lead.status, lead.contact.name) == ("Converted", "Grace Hopper")
    assert (lead.organization_id, lead.deal_id) == (None, None)


def test_accepted_as_it_is_by_keyboard(desk, site, qualified, people):
    open_dialog(desk, site)
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/crm/deal/**")
    lead = Lead.get(qualified.pk, include=["deal"])
    assert (lead.deal.contact_id, lead.deal.organization_id) == (people.ada.pk, people.corp.pk)
