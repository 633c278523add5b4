"""Lists that are longer or wider than the screen: their heads and the records' names stay, and one sees that
there is more."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

WIDE = (
    "status,score,owner,source,campaign,budget,authority,timeline,firstTouchAt,lastActivityAt,"
    "lostReason"
)
#: Whether what stands there is the element itself: nothing lies over it, and it is on the screen.
ON_TOP = """(each) => {
  const { left, top, width, height } = each.getBoundingClientRect();
  const there = document.elementFromPoint(left + Math.min(width / 2, 40), top + height / 2);
  return Boolean(there) && (each === there || each.contains(there));
}"""
SHEET = ".sheet:has(> table.list)"


@pytest.fixture
def many(people: Any, acme: Any) -> None:
    from crm import Lead

    for number in range(25):
        Lead.create(name=f"Lead {number:02}", source="web", need="One tool for all of it", score=5)


def tells_of_a_change(response: Any) -> bool:
    return response.url.endswith("/admin/watch/") and bool(response.json()["changed"])


def head(page: Any, wire: str) -> Any:
    return page.locator(f"table.list thead th[data-wire={wire}]")


def fades(page: Any) -> bool:
    return page.locator(SHEET).evaluate("(each) => getComputedStyle(each).maskImage !== 'none'")


def test_a_long_list_keeps_its_heads_where_they_are_read(desk, site, many):
    desk.set_viewport_size({"width": 1440, "height": 600})
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&columns=status,score")
    last = desk.locator("table.list tbody tr").last
    assert not last.locator("td.name").evaluate(ON_TOP)
    last.scroll_into_view_if_needed()
    assert last.locator("td.name").evaluate(ON_TOP)
    for wire in ("name", "status", "score"):
        assert head(desk, wire).evaluate(ON_TOP), wire
    # It is the page that scrolls, and nothing is hidden at a side.
    assert desk.locator(SHEET).evaluate("(each) => each.scrollTop") == 0
    assert not fades(desk)


def test_a_wide_list_scrolls_under_its_names_and_says_that_there_is_more(desk, site, many):
    desk.set_viewport_size({"width": 1100, "height": 600})
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&columns={WIDE}")
    sheet, lost = desk.locator(SHEET), head(desk, "lostReason")
    expect(desk.locator(f"{SHEET}.fits")).to_have_count(0)
    assert not lost.evaluate(ON_TOP)
    assert fades(desk)
    sheet.evaluate("(each) => each.scrollTo(9999, 9999)")
    expect(lost).to_be_in_viewport()
    name = desk.locator("table.list tbody tr").last.locator("td.name")
    sheet.evaluate("(each) => each.scrollIntoView()")
    for each in (lost, head(desk, "name"), name):
        assert each.evaluate(ON_TOP)
    assert name.bounding_box()["x"] == head(desk, "name").bounding_box()["x"]
    # It stays where it is scrolled to when it is renewed because a colleague changed something.
    place = "(each) => [each.scrollLeft, each.scrollTop]"
    was = sheet.evaluate(place)
    desk.evaluate("window.hly.visit(location.href, { pushes: false, quiet: true })")
    assert sheet.evaluate(place) == was
    desk.wait_for_function(
        f"getComputedStyle(document.querySelector('{SHEET}')).maskImage === 'none'"
    )


def test_a_column_is_widened_and_moved_in_a_list_that_scrolls(desk, site, many):
    from crm import Lead

    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&columns=status,score")
    expect(desk.locator(f"{SHEET}.fits")).to_have_count(1)
    edge = head(desk, "score").locator(".edge").bounding_box()
    desk.mouse.move(edge["x"] + 3, edge["y"] + 5)
    desk.mouse.down()
    desk.mouse.move(edge["x"] + 453, edge["y"] + 5)
    # What a colleague does meanwhile is shown when the hand is off it.
    with desk.expect_response(tells_of_a_change):
        Lead.find({"name": "Lead 03"}).get().update(score=77)
    with desk.expect_response(tells_of_a_change):  # which is asked for again until it is shown
        pass
    assert head(desk, "score").bounding_box()["width"] > 450
    desk.mouse.move(edge["x"] + 903, edge["y"] + 5)
    desk.mouse.up()
    assert head(desk, "score").bounding_box()["width"] > 700
    expect(desk.locator("tr", has_text="Lead 03").locator("[data-cell=score]")).to_contain_text(
        "77"
    )
    # There is no room for it any more: the sheet scrolls from now on.
    expect(desk.locator(f"{SHEET}.fits")).to_have_count(0)
    head(desk, "score").drag_to(head(desk, "status"), target_position={"x": 3, "y": 10})
    expect(desk.locator("table.list thead th[data-wire]").nth(1)).to_have_attribute(
        "data-wire", "score"
    )
    assert "columns=score,status" in desk.url
