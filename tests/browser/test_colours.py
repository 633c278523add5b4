"""The colours that a tenant gave its values: on lists, boards, records and charts, in light and dark."""

from __future__ import annotations

import os
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from crm import Lead
from headlessly.declaration.colors import TONES
from headlessly.shaping import custom_fields, value_lists
from tests.browser.test_everybody import COLOURS, LOOKS

pytestmark = pytest.mark.browser

LIST = "/~acme/admin/crm/lead/"
COLUMNS = "columns=tier,kinds,source"
#: Of many values in one colour on one ground a page shows one to axe.
CONTRAST = """async () => {
  const rules = { runOnly: { type: "rule", values: ["color-contrast"] }, resultTypes: ["violations"] };
  looks.begin("");
  const found = await axe.run("html", { ...rules, preload: false });
  return found.violations.flatMap((each) => each.nodes.map((node) => node.html));
}"""


@pytest.fixture
def lead(acme: Any, people: Any) -> Any:
    """One lead for each colour, and three values of it in colour."""
    colors = [{"value": tone.title(), "color": color} for color, tone in TONES.items()]
    for name, type in (("tier", "choice"), ("kinds", "choices")):
        field = {"noun": "Lead", "name": name, "type": type, "options": colors, "group": "Trade"}
        custom_fields.create_field(field)
    values = [{"value": each["value"], "color": each["color"]} for each in colors]
    value_lists.change_list("Lead.source", {"values": values})
    every = [each["value"] for each in colors]
    made = [
        Lead.create(name=f"{each} lead", source=each, tier=each, kinds=every, owner=people.bob)
        for each in every
    ]
    return made[0]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_each_colour_is_legible_wherever_its_value_is_shown(
    scheme: str, width: int, desk: Any, site: str, lead: Any
) -> None:
    page = desk
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    places = {
        "list": (f"{LIST}?{COLUMNS}", ".state.tone-teal"),
        "groups": (f"{LIST}?{COLUMNS}&group=source", ".group .state.tone-grey"),
        "board": (f"{LIST}board/?{COLUMNS}", ".board-card .state.tone-blue"),
        "record": (f"{LIST}{lead.pk}/change/", ".state.tone-red"),
        "report": ("/~acme/admin/reports/leads/?groupBy=tier&as=bars", "rect.tone-violet"),
    }
    page.set_viewport_size({"width": width, "height": 900})
    for name, (address, shown) in places.items():
        page.goto(site + address)
        expect(page.locator(shown).first).to_be_visible()
        page.evaluate(AXE_SCRIPT + COLOURS + LOOKS)
        assert page.evaluate(CONTRAST) == [], (name, width, scheme)
        if folder := os.environ.get("PICTURES_OF_COLOURS"):
            page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
