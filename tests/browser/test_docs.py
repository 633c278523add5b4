"""The page that tries the API, as a signed-in browser sees it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.browser.test_everybody import LANDMARKS, RULES

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


#: What is painted behind a page, from 0 to 255.
BRIGHTNESS = """() => {
  const painted = getComputedStyle(document.documentElement).backgroundColor;
  const [red, green, blue, alpha = "1"] = painted.match(/[\\d.]+/g);
  return alpha === "0" ? 255 : Math.max(red, green, blue);
}"""

#: Note what the page reads for an operation: its script is there by then, and the document is not.
READS = """addEventListener("DOMContentLoaded", () => {
  const own = needed;
  window.needed = (...asked) => (window.read = own(...asked));
})"""


def test_it_tries_the_api_as_the_one_who_is_signed_in_with_the_bodies_it_offers(
    desk: Any, site: str, lead: Any
) -> None:
    """In the dark, as the workplace was chosen to be, whatever the browser likes."""
    other = type(lead).create(name="Another", source="fair")
    said: list[str] = []
    desk.on("console", lambda message: message.type == "error" and said.append(message.text))
    desk.add_init_script("localStorage.setItem('adminTheme', '\"dark\"')")
    desk.add_init_script(READS)
    desk.goto(f"{site}/~acme/docs#/Lead/leadLose")
    lose = desk.locator("#operations-Lead-leadLose")
    lose.get_by_role("button", name="Try it out").click()
    expect(desk.locator("html.dark-mode")).to_have_count(1)
    assert desk.evaluate(BRIGHTNESS) < 60
    lose.locator("tr[data-param-name=id] input").fill(lead.pk)
    lose.get_by_role("button", name="Execute").click()
    answer = lose.locator(".live-responses-table .response")
    expect(answer).to_contain_text(re.compile(r'"lostReason": "Price"'))
    lose.locator("tr[data-param-name=id] input").fill(other.pk)
    lose.locator("textarea").fill('{"lostReason": "From the page"}')
    lose.get_by_role("button", name="Execute").click()
    expect(answer).to_contain_text(re.compile(r'"lostReason": "From the page"'))
    assert said == []
    # What it read for that operation is a small part of the document, and lacks nothing.
    part = desk.evaluate("window.read")
    text = json.dumps(part)
    assert [*part["paths"]] == ["/leads/{id}/lose"]
    whole = desk.evaluate("fetch('openapi.json').then((answer) => answer.text())")
    assert len(text) < len(whole) / 10
    for place in set(re.findall(r'"\$ref": "#/components/(.*?)"', text)):
        kind, name = place.split("/")
        assert name in part["components"][kind], place


def test_it_is_as_dark_as_the_browser_and_for_everybody(desk: Any, site: str) -> None:
    """For everybody is what it shows first, with all that it has folded: opened, its parts are many and
    alike. One thing is Swagger UI's own: a button around a link."""

    asked = [RULES, {**LANDMARKS, "nested-interactive": {"enabled": False}}]
    desk.add_init_script(AXE_SCRIPT)
    desk.emulate_media(color_scheme="dark")
    desk.goto(f"{site}/~acme/docs")
    desk.locator(".opblock-tag").first.wait_for()
    for scheme in ("dark", "light"):
        desk.emulate_media(color_scheme=scheme)
        # The page hears of the other scheme by an event of its own.
        expect(desk.locator("html.dark-mode")).to_have_count(int(scheme == "dark"))
        brightness = desk.evaluate(BRIGHTNESS)
        assert brightness < 60 if scheme == "dark" else brightness > 200
        # Its buttons take a third of a second from one scheme to the other.
        expect(desk.locator(".btn.authorize")).to_be_visible()
        desk.wait_for_function("() => !document.getAnimations().length")
        found = desk.evaluate(
            """async ([runOnly, rules]) => (await axe.run("html", { runOnly, rules })).violations
                .map(({ id, nodes }) => [id, nodes.map((node) => node.target.join(" "))])""",
            asked,
        )
        assert found == [], scheme
