"""Ctrl-K in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
NAME = "Acme Platform Evaluation"


def test_opens_a_record_by_its_words_and_remembers_it(desk: Any, site: str, lead: Any) -> None:
    desk.goto(f"{site}/~acme/admin/")
    desk.keyboard.press("Control+k")
    words = desk.get_by_role("combobox", name="Find anything")
    expect(words).to_be_focused()
    desk.keyboard.type("platform")
    chosen = desk.locator("[role=option][aria-selected=true]")
    expect(chosen).to_contain_text(NAME)
    expect(words).to_have_attribute("aria-activedescendant", "palette-0")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/crm/lead/{lead.pk}/change/")
    desk.goto(f"{site}/~acme/admin/")
    desk.keyboard.press("Control+k")
    expect(chosen).to_contain_text(NAME)
    stored = desk.evaluate("JSON.stringify(localStorage)")
    assert lead.pk in stored
    assert NAME not in stored


def test_does_what_the_open_record_allows(desk: Any, site: str, lead: Any) -> None:
    desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("lose")
    expect(desk.locator("[role=option][aria-selected=true]")).to_contain_text("Lose…")
    desk.keyboard.press("Enter")
    expect(desk.locator("dialog[open]").get_by_label("Lost reason")).to_be_visible()


def test_opens_from_the_header_of_a_phone_and_gives_the_focus_back(desk: Any, site: str) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.goto(f"{site}/~acme/admin/")
    opener = desk.get_by_role("button", name="Find anything")
    opener.click()
    desk.keyboard.type("leads bo")
    expect(desk.get_by_role("option")).to_have_count(1)
    assert desk.evaluate("document.documentElement.scrollWidth") <= 390
    desk.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.click()
    desk.keyboard.type("leads board")
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/crm/lead/board/")


def test_changes_the_light_and_leaves(desk: Any, site: str) -> None:
    desk.goto(f"{site}/~acme/admin/")
    for words, theme in (("dark", "dark"), ("light th", "light")):
        desk.keyboard.press("Control+k")
        desk.keyboard.type(words)
        desk.keyboard.press("Enter")
        expect(desk.locator(f"html.{theme}")).to_have_count(1)
    desk.keyboard.press("Control+k")
    desk.keyboard.type("export")
    expect(desk.get_by_text("Nothing found.", exact=True).first).to_be_visible()
    desk.keyboard.press("Escape")
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("export")
    with desk.expect_download() as download:
        desk.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".csv")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("sign out")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()
