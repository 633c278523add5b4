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


def test_it_tries_the_api_as_the_one_who_is_signed_in_with_the_bodies_it_offers(
    desk: Any, site: str
) -> None:
    said: list[str] = []
    desk.on("console", lambda message: message.type == "error" and said.append(message.text))
    desk.goto(f"{site}/~acme/docs#/Lead/leadCreate")
    create = desk.locator("#operations-Lead-leadCreate")
    create.get_by_role("button", name="Try it out").click()
    create.get_by_role("button", name="Execute").click()
    answer = create.locator(".live-responses-table .response")
    expect(answer).to_contain_text(re.compile(r"201"))
    made = re.search(r"lead_\w{8,}", answer.inner_text())
    assert made
    create.locator("textarea").fill('{"name": "From the page", "source": "docs"}')
    create.get_by_role("button", name="Execute").click()
    expect(answer).to_contain_text("From the page")
    expect(answer).to_contain_text(re.compile(r"201"))
    desk.evaluate(
        "() => { const own = needed; window.needed = (...asked) => (window.read = own(...asked)); }"
    )
    lose = desk.locator("#operations-Lead-leadLose")
    lose.locator(".opblock-summary-control").click()
    lose.get_by_role("button", name="Try it out").click()
    lose.locator("tr[data-param-name=id] input").fill(made[0])
    lose.get_by_role("button", name="Execute").click()
    answer = lose.locator(".live-responses-table .response")
    expect(answer).to_contain_text(re.compile(r'"lostReason": "Price"'))
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


def test_it_is_as_dark_as_the_browser_or_the_workplace_says_and_for_everybody(
    desk: Any, site: str
) -> None:
    """For everybody is what it shows first, with all that it has folded: opened, its parts are many and
    alike. One thing is Swagger UI's own: a button around a link."""

    def brightness() -> int:
        painted = desk.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        red, green, blue, *alpha = re.findall(r"[\d.]+", painted)
        return 255 if alpha == ["0"] else max(int(red), int(green), int(blue))

    asked = [RULES, {**LANDMARKS, "nested-interactive": {"enabled": False}}]
    desk.add_init_script(AXE_SCRIPT)
    desk.emulate_media(color_scheme="dark")
    desk.goto(f"{site}/~acme/docs")
    desk.locator(".opblock-tag").first.wait_for()
    for scheme in ("dark", "light"):
        desk.emulate_media(color_scheme=scheme)
        # The page hears of the other scheme by an event of its own.
        expect(desk.locator("html.dark-mode")).to_have_count(int(scheme == "dark"))
        assert brightness() < 60 if scheme == "dark" else brightness() > 200
        # Its buttons take a third of a second from one scheme to the other.
        expect(desk.locator(".btn.authorize")).to_be_visible()
        desk.wait_for_function("() => !document.getAnimations().length")
        found = desk.evaluate(
            """async ([runOnly, rules]) => (await axe.run("html", { runOnly, rules })).violations
                .map(({ id, nodes }) => [id, nodes.map((node) => node.target.join(" "))])""",
            asked,
        )
        assert found == [], scheme
    desk.evaluate("localStorage.setItem('adminTheme', '\"dark\"')")
    desk.reload()
    expect(desk.locator("html.dark-mode")).to_have_count(1)
    assert brightness() < 60
