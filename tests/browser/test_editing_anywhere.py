"""Values, titles and stages are changed where they stand; lists are worked with ranges and a look beside."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.test_lists import row
from tests.browser.test_rep import current, open_lead

pytestmark = pytest.mark.browser


@pytest.fixture
def leads(people: Any) -> list[Any]:
    from crm import Lead

    return [
        Lead.create(name=f"Lead {name}", source="web", owner=people.bob, score=score)
        for name, score in zip("ABCDE", (90, 80, 70, 60, 50), strict=True)
    ]


SIZE = "each => getComputedStyle(each).fontSize"


def test_a_value_a_title_and_a_stage_are_clicked_to_change_them(desk, site, lead):
    open_lead(desk, site)
    desk.locator("[data-field=score] dd").click(position={"x": 4, "y": 4})
    desk.locator("[name=score]").fill("44")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-field=score]")).to_contain_text("44")
    desk.locator("h1").click()
    desk.locator("[name=name]").fill("Another name")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Another name")
    step = desk.locator(".path").get_by_role("button", name="Contacted")
    step.focus()
    step.press("Enter")
    expect(current(desk)).to_have_text("Contacted")
    lead.refresh_from_db()
    assert (lead.score, lead.name, lead.status) == (44, "Another name", "Contacted")


def test_every_column_of_a_list_is_edited_in_place(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?columns=source,budget,timeline&o=-score")
    for cell, typed, shown in (("source", "fair", "fair"), ("budget", "40k", "40,000")):
        place = row(desk, "Lead A").locator(f"[data-cell={cell}]")
        place.focus()
        place.press("Enter")
        row(desk, "Lead A").locator(".celled input:visible").fill(typed)
        desk.keyboard.press("Enter")
        expect(place).to_contain_text(shown)
        size = [row(desk, name).evaluate(SIZE) for name in ("Lead A", "Lead B")]
        assert size[0] == size[1], "what was just saved is as large as before"
        expect(place).to_be_focused()
    leads[0].refresh_from_db()
    assert (leads[0].source, leads[0].budget) == ("fair", 40_000)


def test_who_goes_on_from_a_choice_to_the_next_cell_stays_there(desk, site, leads):
    # A choice that closes says so a moment later: by then one types elsewhere.
    desk.add_init_script(
        "{ const wait = setTimeout; setTimeout = (what, ms) => wait(what, ms === 50 ? 600 : ms); }"
    )
    desk.goto(
        f"{site}/~acme/admin/crm/lead/?columns=status,source,campaign,budget,timeline,score,owner"
    )
    row(desk, "Lead A").locator("[data-cell=owner]").click()
    expect(desk.locator(".select2-dropdown .select2-search__field")).to_be_focused()
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert desk.evaluate(width) == 0  # also where the cell is the last of its row
    row(desk, "Lead B").locator("[data-cell=score]").click()
    score = row(desk, "Lead B").locator(".celled input:visible")
    expect(score).to_be_focused()
    desk.wait_for_timeout(700)
    score.fill("77")
    desk.keyboard.press("Enter")
    expect(row(desk, "Lead B").locator("[data-cell=score]")).to_have_text("77")


def test_every_cell_and_the_name_are_reached_and_changed_by_keyboard_alone(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?columns=status,score,owner,source,createdAt&o=-score")
    keys = desk.keyboard
    keys.press("j")
    expect(row(desk, "Lead A").locator(".name a")).to_be_focused()
    for column in ("status", "score", "owner", "source"):
        keys.press("ArrowRight")
        expect(row(desk, "Lead A").locator(f"[data-cell={column}]")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("ArrowLeft")
    keys.press("ArrowLeft")
    expect(row(desk, "Lead B").locator("[data-cell=score]")).to_be_focused()
    keys.press("e")
    desk.locator(".celled input:visible").fill("81")
    keys.press("Enter")
    expect(row(desk, "Lead B").locator("[data-cell=score]")).to_be_focused()
    for _step in range(2):
        keys.press("ArrowLeft")
    keys.press("e")
    name = desk.locator(".celled input:visible")
    expect(name).to_have_value("Lead B")
    name.fill("")
    keys.press("Enter")
    expect(desk.locator(".celled").get_by_role("alert")).to_be_visible()
    name.fill("Bakery")
    keys.press("Enter")
    expect(row(desk, "Bakery").locator(".name > a")).to_be_focused()
    keys.press("e")
    expect(name).to_have_value("Bakery")
    keys.press("Escape")
    expect(row(desk, "Bakery").locator(".name > a")).to_be_focused()
    leads[1].refresh_from_db()
    assert (leads[1].name, leads[1].score) == ("Bakery", 81)


def test_shift_selects_a_range_and_space_looks_at_a_record_beside(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=-score")
    boxes = desk.locator(".list td.check input")
    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(desk.locator("b[data-count]")).to_have_text("4 leads selected")
    boxes.nth(3).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(desk.locator("b[data-count]")).to_have_text("2 leads selected")
    # What is done with them has a button for each: no key presses the first of them.
    sent: list[str] = []
    desk.on("request", lambda request: sent.append(request.method))
    for key in ("Enter", "Control+Enter"):
        boxes.nth(2).press(key)
    desk.wait_for_timeout(300)
    assert "POST" not in sent
    link = row(desk, "Lead B").locator(".name a")
    link.focus()
    desk.keyboard.press(" ")
    look = desk.locator("#peek")
    expect(look.locator(".h1")).to_contain_text("Lead B")
    expect(look.get_by_role("button", name="Lose…")).to_have_count(0)
    # It stands beside the list, in which one goes on.
    expect(link).to_be_focused()
    desk.keyboard.press("ArrowDown")
    expect(look.locator(".h1")).to_contain_text("Lead C")
    expect(desk.get_by_role("complementary", name="Lead C")).to_be_visible()
    link = row(desk, "Lead C").locator(".name a")
    expect(link).to_be_focused()
    desk.keyboard.press("Escape")
    expect(look).to_have_count(0)
    expect(link).to_be_focused()
    for there in (1, 0):
        desk.keyboard.press(" ")
        expect(look).to_have_count(there)
