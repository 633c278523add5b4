"""What comes out of a printer: a record, a list and the dashboard on two pages at the most."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
MARGIN = dict.fromkeys(("top", "right", "bottom", "left"), "1cm")
#: What is between the margins of A4.
PAPER = {"width": 718, "height": 1047}
CUT = """
() => [...document.querySelectorAll(".hly :is(table.list, .bars .label, .bars .figure)")]
  .filter((each) => each.checkVisibility() && (
    (!each.matches("table") && each.scrollWidth > each.clientWidth + 1)
    || each.getBoundingClientRect().right > document.documentElement.clientWidth + 1))
  .map((each) => each.innerText)
"""

#: Days below a line that run into each other, and what is told of what is not there.
MUDDLED = """
() => {
  const shown = [...document.querySelectorAll(".hly .lines .day, .hly .missing")]
    .filter((each) => each.checkVisibility());
  const over = (a, b) => b.matches(".day") && a.parentElement === b.parentElement
    && a.getBoundingClientRect().right > b.getBoundingClientRect().left;
  return shown.filter((each, at) => each.matches(".missing") || (shown[at + 1] && over(each, shown[at + 1])))
    .map((each) => each.textContent);
}
"""


@pytest.fixture
def much(acme: Any, people: Any, lead: Any) -> None:
    """More than a page of everything: long names, many sources, a lead that much happened to."""
    from crm import Activity, Lead
    from headlessly.access import actors

    somebody = actors.Actor("user_ofsomebody1", "Somebody", actors.ADMIN, people.bob.pk)
    lead.update(owner=people.bob, need="Replace five tools. " * 20, authority="CFO", budget=40_000)
    for number in range(30):
        with actors.acting(somebody):
            Activity.log(
                type="Note",
                subject="Note",
                lead=lead,
                description=f"Talk {number}. " + "Much was said. " * 8,
            )
        made = Lead.create(
            name=f"A lead with a name that takes more than a line of a list, number {number}",
            source=f"a channel called {number}", owner=people.bob, contact=people.ada, score=number,
            campaign=people.spring,
        )  # fmt: skip
        if number % 3 == 0:
            made.lose(lost_reason=f"reason {number}")


def count_pages(page: Any) -> int:
    return len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4", margin=MARGIN)))


def test_a_record_a_list_and_the_dashboard_fit_two_pages(
    desk: Any, site: str, lead: Any, much: None
) -> None:
    """They say what matters there, whole, and show nothing that one would press."""
    places = {
        f"crm/lead/{lead.pk}/change/": (
            [lead.name, "Qualified", "40,000", "Talk 29."],
            ["Lose…", "+ Note", "+ Add"],
        ),
        "crm/lead/?view=all": (["number 29", "Bob Stone", "Spring launch"], ["Columns ▾", "Next"]),
        "dashboard/": (
            ["Conversion by source", "a channel called", "Lost reasons"],
            ["As a table", "Show"],
        ),
    }
    for place, (shown, hidden) in places.items():
        desk.goto(f"{site}/~acme/admin/{place}")
        assert count_pages(desk) <= 2, place
        desk.emulate_media(media="print")
        for text in shown:
            expect(desk.get_by_text(text).filter(visible=True).first).to_be_visible()
        for text in hidden:
            expect(desk.get_by_text(text, exact=True).filter(visible=True)).to_have_count(0)
        # All of a table is on the paper, which has a margin beside this width, and labels are whole.
        desk.set_viewport_size(PAPER)
        assert desk.evaluate(CUT) == []
        assert desk.evaluate(MUDDLED) == []
        desk.set_viewport_size({"width": 1280, "height": 720})
        desk.emulate_media(media="null")  # what is printed is what paper gets again
