"""A rep who reads German: chooses it, works a lead, loses it, and looks at the numbers."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.headlessly.languages.english import left

pytestmark = pytest.mark.browser

#: The texts that can be seen, and the names of what has no text.
SEEN = """() => {
  const seen = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const place = node.parentElement;
    if (place.closest("script, style, code, pre, .material-symbols-outlined, table.inner")) continue;
    if (place.checkVisibility() || place.closest("option, .visually-hidden")) seen.push(node.textContent);
  }
  for (const each of document.querySelectorAll("[title], [aria-label], [placeholder]"))
    seen.push(each.title, each.ariaLabel, each.placeholder);
  return seen.filter(Boolean).map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""


def read(desk: Any, width: int) -> None:
    """Nothing on the page is English, and nothing sticks out of it."""
    assert desk.evaluate("document.documentElement.lang") == "de"
    assert left(desk.evaluate(SEEN)) == []
    assert desk.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [1440, 390])
def test_a_rep_sets_german_and_works_a_lead_in_it(desk, site, lead, people, width):
    from crm import Deal

    Deal.create(name="Groß", value=48_300, currency="EUR", owner=people.bob, contact=people.ada,
                expected_close_date="2026-12-31")  # fmt: skip
    desk.set_viewport_size({"width": width, "height": 900})
    desk.goto(f"{site}/~acme/admin/preferences/")
    desk.get_by_label("Language").select_option("de")
    desk.get_by_label("Time zone").select_option("Europe/Berlin")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Sprache und Zeit")
    read(desk, width)

    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Leads")
    read(desk, width)
    desk.get_by_role("link", name="Acme Platform Evaluation").click()
    expect(desk.locator("[aria-current=step]")).to_have_text("Neu")
    read(desk, width)

    # A number as Germans type it, in place.
    budget = desk.locator("[data-field=budget]")
    budget.get_by_role("link", name="Budget ändern").click()
    budget.get_by_role("textbox").fill("50.000,5")
    desk.keyboard.press("Enter")
    expect(budget).to_contain_text("50.000,50")
    lead.refresh_from_db()
    assert float(lead.budget) == 50_000.5

    desk.get_by_role("button", name="Als verloren markieren…").click()
    dialog = desk.locator("dialog[open]")
    read(desk, width)
    dialog.get_by_role("button", name="Als verloren markieren").click()
    expect(dialog.get_by_role("alert").first).to_have_text("Das ist erforderlich.")
    dialog.get_by_role("button", name="Kein Budget").click()
    dialog.get_by_role("button", name="Als verloren markieren").click()
    expect(desk.locator("[aria-current=step]")).to_have_text("Verloren")
    expect(desk.get_by_text("Bob hat diesen Lead verloren")).to_have_count(0)
    expect(desk.get_by_label("Verlauf")).to_contain_text("als verloren markiert")
    read(desk, width)
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("Lost", "Kein Budget")

    desk.goto(f"{site}/~acme/admin/dashboard/")
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Übersicht")
    expect(desk.get_by_text("48.300 €").first).to_be_visible()
    read(desk, width)
    desk.keyboard.press("Control+k")
    expect(desk.get_by_role("option", name="Lead anlegen")).to_be_visible()
    read(desk, width)


def test_the_browser_says_its_time_zone(browser, site, acme, lead, bob):
    """Before anything was chosen, times are those of the browser, from the first page after signing in."""
    lead.update(last_activity_at="2026-01-31T23:30:00Z")
    context = browser.new_context(locale="de-AT", timezone_id="Europe/Vienna")
    page = context.new_page()
    page.goto(site)
    page.get_by_label("E-Mail").fill("bob@sign.example")
    page.get_by_label("Passwort").fill("right-horse-battery")
    page.get_by_role("button", name="Anmelden").click()
    page.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    expect(page.locator('time[title="01.02.2026, 00:30 CET"]')).to_be_visible()
    context.close()


def test_a_filter_takes_numbers_as_they_are_typed(desk, site, lead):
    desk.context.add_cookies([{"name": "django_language", "value": "de", "url": site}])
    desk.goto(f"{site}/~acme/admin/crm/lead/?status=New")
    desk.get_by_text("Weitere Filter").click()
    desk.get_by_label("Budget von").fill("49.999,5")
    desk.get_by_role("button", name="Filtern").click()
    expect(desk.get_by_text("Budget: 49.999,50 oder mehr")).to_be_visible()
    expect(desk.get_by_role("link", name="Acme Platform Evaluation")).to_be_visible()
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.get_by_role("searchbox", name=re.compile("durchsuchen")).fill("Acme")
    desk.keyboard.press("Enter")
    desk.wait_for_url("**q=Acme*")
    assert "typed" not in desk.url, "only where a number was typed"
