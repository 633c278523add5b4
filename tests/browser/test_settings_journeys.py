"""Two journeys through what a company makes its own: an admin shapes what is kept of a lead, a manager writes
the rules by which leads are given away and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import open_session
from tests.browser.test_everybody import user

pytestmark = pytest.mark.browser


class Hands:
    """Somebody at a page: what is clicked, chosen and typed is counted, and no address is typed at all."""

    #: Seconds that a person takes to find and click something, and to type one character.
    CLICK, CHARACTER = 2.5, 0.25

    def __init__(self, page: Any) -> None:
        self.page, self.clicks, self.characters = page, 0, 0

    @property
    def seconds(self) -> float:
        return self.clicks * self.CLICK + self.characters * self.CHARACTER

    def click(self, place: Any) -> None:
        place.click()
        self.clicks += 1

    def link(self, name: str, **more: Any) -> None:
        self.click(self.page.get_by_role("link", name=name, **more).first)

    def button(self, name: str, **more: Any) -> None:
        self.click(self.page.get_by_role("button", name=name, **more).first)

    def type(self, place: Any, text: str) -> None:
        place.fill(text)
        self.clicks += 1
        self.characters += len(text)

    def choose(self, place: Any, label: str) -> None:
        place.select_option(label=label)
        self.clicks += 2


@pytest.fixture
def ann(page: Any, site: str, acme: Any) -> Iterator[Hands]:
    """The admin, on the page that signing in leads to."""
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    open_session(page, site, user("ann", (acme, "admin")))
    page.goto(f"{site}/~acme/admin/")
    yield Hands(page)
    assert failed == []


def look(page: Any, name: str) -> None:
    """A picture of where one is, for whoever asks for them."""
    if folder := os.environ.get("JOURNEY_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_an_admin_makes_the_company_its_own(ann: Hands, lead: Any) -> None:
    page = ann.page
    main = page.get_by_role("main")

    # A field of leads: one of a list, with colours.
    ann.link("Settings", exact=True)
    ann.link("Fields", exact=True)
    form = page.get_by_role("form", name="New field")
    ann.type(form.get_by_label("Name", exact=True), "Region")
    ann.choose(form.get_by_label("Kind"), "One of a list")
    ann.click(form.get_by_text("Options of a list"))
    for number, (name, color) in enumerate([("North", "green"), ("South", "orange")], 1):
        ann.type(form.get_by_label(f"Option {number}", exact=True), name)
        ann.choose(form.get_by_label(f"Colour of option {number}"), color)
    ann.button("Add the field")
    expect(main).to_contain_text("“Region” is there now, on every page of Leads.")
    look(page, "a1")

    # A stage of the pipeline.
    ann.link("Pipelines", exact=True)
    ann.link("Add pipeline")
    ann.type(main.get_by_label("Name", exact=True).first, "Standard")
    ann.click(main.get_by_label("Default"))
    look(page, "a2")
    ann.click(main.locator(".rows").first.get_by_role("button", name="Add a row"))
    ann.type(main.locator(".rows").first.locator("li").last.get_by_label("Name"), "Trial")
    ann.button("Create")
    expect(page.get_by_role("heading", level=1)).to_have_text("Standard")
    look(page, "a3")
