"""Several addresses of a person, and several people of a deal, in a real browser."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_addresses_are_added_and_removed_one_by_one(desk, site, people, acme):
    from crm import Contact

    Contact.update(people.ada.pk, other_emails=["ada@home.example", "ada@old.example"])
    desk.goto(f"{site}/~acme/admin/crm/contact/{people.ada.pk}/edit/")
    inputs = desk.get_by_label("Email", exact=True)
    expect(inputs).to_have_count(3)  # the first, and two others
    desk.get_by_role("button", name="Remove").first.click()
    expect(inputs).to_have_count(2)
    desk.get_by_role("button", name="Add another").first.click()
    inputs.last.fill("ada@new.example")
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator("[data-field=other_emails]").first).to_contain_text("ada@new.example")
    assert Contact.get(people.ada.pk).other_emails == ["ada@old.example", "ada@new.example"]


def test_a_person_is_added_to_a_deal_and_made_primary(desk, site, people, acme):
    from crm import Deal, DealContact

    deal = Deal.create(name="Fleet", value=1, contact=people.ada, owner=people.bob)
    desk.goto(f"{site}/~acme/admin/crm/deal/{deal.pk}/change/")
    card = desk.get_by_label("Deal contacts", exact=True)
    desk.get_by_role("link", name="Deal contacts: Add").click()
    dialog = desk.locator("dialog.quick")
    expect(dialog).to_contain_text("Fleet")
    expect(dialog.locator("nav.switch")).to_have_count(0)
    dialog.locator(".select2-selection").first.click()
    desk.locator(".select2-search__field").fill("cleo")
    desk.get_by_role("option", name="Cleo Marsh").first.click()
    dialog.get_by_label("Role").select_option("Champion")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(card).to_contain_text("Cleo Marsh")
    card.locator("details.menu > summary").first.click()
    card.get_by_role("button", name="Make primary").click()
    expect(card.locator(".tag")).to_have_text("primary")
    assert Deal.get(deal.pk).contact_id == people.cleo.pk
    assert DealContact.count() == 2  # Ada stays in it
    card.locator("details.menu > summary").first.click()
    card.get_by_label("Role").first.select_option("Blocker")
    card.get_by_role("button", name="Save").first.click()
    expect(card.locator("li").first).to_contain_text("Blocker")
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
