"""The board in a real browser: cards moved by mouse, by touch and by keyboard."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
NAME = "Acme Platform Evaluation"


@pytest.fixture
def board(desk: Any, site: str, lead: Any) -> SimpleNamespace:
    """Bob at the board of leads, with the ways to point at it."""
    desk.goto(f"{site}/~acme/admin/crm/lead/board/")
    return SimpleNamespace(
        desk=desk,
        column=lambda state: desk.locator(f'[data-column="{state}"]'),
        card=desk.locator("[data-card]", has_text=NAME),
        count=lambda state: desk.locator(f'[data-column="{state}"] [data-count]'),
        told=desk.locator("[data-announce]"),
    )


def drag(board: SimpleNamespace, state: str, *, drop: bool = True) -> None:
    start, end = board.card.bounding_box(), board.column(state).bounding_box()
    mouse = board.desk.mouse
    mouse.move(start["x"] + 60, start["y"] + 60)
    mouse.down()
    mouse.move(end["x"] + end["width"] / 2, end["y"] + 120, steps=6)
    if drop:
        mouse.up()


def test_moves_a_lead_by_dragging_its_card(board, lead):
    drag(board, "Contacted", drop=False)
    expect(board.column("Lost")).to_have_class("column ended possible")
    expect(board.column("Converted")).to_have_class("column ended forbidden")
    board.desk.mouse.up()
    expect(board.column("Contacted").locator("[data-card]")).to_contain_text(NAME)
    expect(board.count("Contacted")).to_have_text("1")
    expect(board.count("New")).to_have_text("0")
    expect(board.desk.get_by_text(f"{NAME} is Contacted now.")).to_have_count(2)
    lead.refresh_from_db()
    assert lead.status == "Contacted"


def test_a_card_dropped_where_it_cannot_go_springs_back_and_says_why(board, lead):
    drag(board, "Qualified")
    expect(board.column("New").locator(".refusal")).to_have_text(
        "From New a lead goes to Contacted or Lost."
    )
    lead.refresh_from_db()
    assert lead.status == "New"


def test_a_move_that_a_hook_refuses_springs_back_with_what_to_do(board, qualified):
    from crm import Lead

    Lead.update(qualified.pk, contact=None)
    board.desk.reload()
    drag(board, "Converted")
    board.desk.locator("dialog[open]").get_by_role("button", name="Convert").click()
    refusal = board.column("Qualified").locator(".refusal")
    expect(refusal).to_contain_text("Lead must have a contact before conversion")
    expect(refusal.get_by_role("link", name="Add contact")).to_be_visible()
    expect(board.count("Qualified")).to_have_text("1")


def test_a_card_that_was_moved_meanwhile_goes_where_it_is(board, lead):
    # The board has not heard of it yet.
    board.desk.route("**/admin/watch/**", lambda route: route.abort())
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    drag(board, "Contacted")
    expect(board.column("Qualified").locator(".refusal")).to_contain_text(
        "System moved this meanwhile: it is Qualified now."
    )


def test_moves_a_lead_with_the_keyboard_alone(board, lead):
    keys = board.desk.keyboard
    keys.press("j")
    expect(board.card.locator(".name")).to_be_focused()
    keys.press("Space")
    expect(board.told).to_contain_text(f"{NAME} picked up, New.")
    keys.press("ArrowRight")
    expect(board.told).to_have_text("Over Contacted.")
    keys.press("ArrowRight")
    expect(board.told).to_have_text("Over Qualified. Not possible.")
    keys.press("Escape")
    expect(board.told).to_have_text(f"{NAME} put back, New.")
    keys.press("Space")
    keys.press("ArrowRight")
    keys.press("Space")
    expect(board.column("Contacted").locator(".name")).to_be_focused()
    expect(board.told).to_have_text(f"{NAME} is Contacted now.")
    keys.press("Enter")
    board.desk.wait_for_url("**/change/")
    lead.refresh_from_db()
    assert lead.status == "Contacted"


def test_the_menu_asks_for_the_reason_and_can_be_left(board, lead):
    menu = board.card.locator("summary")
    menu.click()
    board.card.get_by_role("button", name="Lost…").click()
    dialog = board.desk.locator("dialog[open]")
    expect(dialog.get_by_label("Lost reason")).to_be_focused()
    board.desk.keyboard.press("Escape")
    expect(board.column("New").locator("[data-card]")).to_have_count(1)
    expect(board.card.locator(".name")).to_be_focused()
    menu.click()
    board.card.get_by_role("button", name="Lost…").click()
    dialog.get_by_role("button", name="Lose").click()
    expect(dialog.get_by_role("alert")).to_have_text("This is required.")
    dialog.get_by_label("Lost reason").fill("No budget")
    dialog.get_by_role("button", name="Lose").click()
    expect(board.count("Lost")).to_have_text("1")
    expect(board.column("Lost").locator("[data-card]")).to_contain_text(NAME)
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("Lost", "No budget")


#: The answers that renew the board wait until they are let go of.
LATE = """() => {
  const soon = window.fetch;
  window.late = [];
  window.fetch = async (url, options) => {
    const answer = await soon(url, options);
    const reads = options?.headers?.["X-Region"] && options.method !== "POST";
    if (reads) await new Promise((go) => window.late.push(go));
    return answer;
  };
}"""
COME = """() => {
  for (const go of window.late.splice(0)) go();
  return new Promise((shown) => setTimeout(shown, 50));
}"""


def test_a_card_is_lost_for_the_reason_that_it_is_dropped_on(board, lead):
    reason = board.column("Lost").locator("[data-offer]", has_text="Timing")
    expect(reason).to_be_hidden()
    # What others do renews the board while the card is on its way.
    board.desk.evaluate(LATE)
    lead.update(score=7)
    board.desk.wait_for_function("() => window.late.length")
    drag(board, "Contacted", drop=False)
    box = reason.bounding_box()
    board.desk.mouse.move(box["x"] + 20, box["y"] + 10, steps=3)
    expect(reason).to_have_class("aimed")
    board.desk.evaluate(COME)
    expect(reason).to_have_class("aimed")
    expect(board.desk.locator(".board-ghost")).to_be_visible()
    board.desk.evaluate("() => window.late.push = (go) => go()")
    board.desk.mouse.up()
    expect(board.desk.locator("#toasts")).to_contain_text(f"{NAME} is Lost now.")
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("Lost", "Timing")
    board.desk.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(board.count("New")).to_have_text("1")

    # The same by keyboard; and beside the reasons one is asked for it.
    keys = board.desk.keyboard
    board.card.locator(".name").focus()
    for key in ("Space", *["ArrowRight"] * 4, "ArrowDown", "ArrowDown"):
        keys.press(key)
    expect(board.told).to_have_text("Timing")
    keys.press("ArrowUp")
    expect(board.told).to_have_text("Price")
    keys.press("Space")
    expect(board.count("Lost")).to_have_text("1")
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("Lost", "Price")
    board.desk.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(board.count("New")).to_have_text("1")
    board.card.locator(".name").focus()
    for key in ("Space", *["ArrowRight"] * 4, "Space"):
        keys.press(key)
    expect(board.desk.locator("dialog[open]").get_by_label("Lost reason")).to_be_focused()


def test_a_finger_that_rests_lifts_a_card(board, lead):
    board.desk.set_viewport_size({"width": 390, "height": 844})
    assert board.desk.evaluate("document.documentElement.scrollWidth") <= 390
    board.card.scroll_into_view_if_needed()
    box, finger = board.card.bounding_box(), board.desk.context.new_cdp_session(board.desk)

    def touch(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = box["x"] + 60, box["y"] + 20
    touch("touchStart", x, y)
    expect(board.desk.locator(".board-ghost")).to_be_visible()
    touch("touchMove", 380, y + 40)
    expect(board.column("Contacted")).to_have_class("column possible over")
    touch("touchEnd", 380, y)
    expect(board.column("Contacted").locator("[data-card]")).to_contain_text(NAME)


def test_a_board_is_narrowed_saved_as_a_view_and_opened_by_it(desk, site, lead, people):
    from crm import Lead

    Lead.create(name="From the fair", source="fair", owner=people.bob)
    desk.goto(f"{site}/~acme/admin/crm/lead/board/?source=fair")
    expect(desk.locator("[data-card]")).to_have_count(1)
    desk.get_by_role("button", name="Save view…").click()
    desk.get_by_label("Name", exact=True).fill("Fairs")
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.locator(".viewtabs [aria-current]")).to_have_text("Fairs")
    assert "/board/" in desk.url
    desk.locator(".viewtabs").get_by_role("link", name="All").click()
    expect(desk.locator("[data-card]")).to_have_count(2)
    desk.locator(".viewtabs").get_by_role("link", name="Fairs").click()
    expect(desk.locator("[data-card]")).to_have_count(1)
    desk.get_by_role("link", name="List", exact=True).click()
    expect(desk.locator("table.list tbody tr")).to_have_count(1)
    expect(desk.locator(".viewtabs [aria-current]")).to_have_text("Fairs")
