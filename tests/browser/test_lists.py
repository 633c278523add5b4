"""A rep's morning in the list: narrow it, keep it, change cells, work on several at once."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def leads(people: Any, acme: Any) -> list[Any]:
    """Three of Bob's, best first, and one of Cleo's, who is a member too."""
    from crm import Lead
    from headlessly.access.models import Membership, User

    user = User.objects.create_user("cleo@sign.example")
    Membership.objects.create(user=user, tenant=acme, role="manager", contact_id=people.cleo.pk)
    made = [
        Lead.create(name=f"Lead {name}", source="web", owner=people.bob, score=score)
        for name, score in (("A", 90), ("B", 80), ("C", 70))
    ]
    Lead.create(name="Lead Z", source="web", owner=people.cleo, score=10)
    return made


def row(desk: Any, name: str) -> Any:
    return desk.locator("table.list tbody tr").filter(has_text=name)


def test_narrows_saves_edits_and_loses(desk, site, leads):
    place = f"{site}/~acme/admin/crm/lead/"
    desk.goto(f"{place}?view=all")
    rows = desk.locator("table.list tbody tr")
    expect(rows).to_have_count(4)

    # From the search one comes to what it found.
    desk.keyboard.press("/")
    expect(desk.get_by_label("Search leads")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(rows.first.locator(".name a")).to_be_focused()

    # A view of one's own, to start with.
    desk.keyboard.press("x")
    desk.keyboard.press("b")
    expect(desk.get_by_role("toolbar").get_by_role("button").first).to_be_focused()
    desk.keyboard.press("Escape")
    expect(rows.first.locator(".name a")).to_be_focused()
    desk.keyboard.press("x")
    desk.keyboard.press("f")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("dialog").get_by_label("What the condition is about")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.locator("summary", has_text="More filters")).to_be_focused()
    desk.keyboard.press("Enter")
    # Wherever the row ends, what opens is in the window.
    more, sheet = desk.locator(".facets .more"), desk.locator(".facets .more > div")
    more.evaluate("(each) => each.open = false")
    desk.locator(".facets .inside").evaluate("(row) => row.style.justifyContent = 'flex-end'")
    desk.keyboard.press("Enter")
    expect(sheet).to_be_visible()
    expect(more).to_have_class("menu more from-the-right")
    box = sheet.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= desk.viewport_size["width"]
    desk.get_by_label("Score from").fill("50")
    desk.get_by_role("button", name="Filter", exact=True).click()
    expect(rows).to_have_count(3)
    desk.get_by_role("link", name="Score").last.click()
    expect(rows.first).to_contain_text("Lead A")
    desk.get_by_role("button", name="Save view…").click()
    desk.get_by_label("Name").fill("Warm")
    desk.get_by_label("Start with this view").check()
    desk.locator("#save-view").get_by_role("button", name="Save").click()
    expect(desk.locator(".viewtabs [aria-current]")).to_have_text("Warm")
    desk.goto(place)
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Lead A")

    # A cell, by mouse and by keyboard, without loading the page anew.
    desk.evaluate("window.same = true")
    row(desk, "Lead B").locator("[data-cell=status]").click()
    row(desk, "Lead B").locator(".celled select").select_option("Contacted")
    expect(row(desk, "Lead B").locator("[data-cell=status]")).to_contain_text("Contacted")
    expect(row(desk, "Lead B").locator("[data-cell=status]")).to_be_focused()
    score = row(desk, "Lead C").locator("[data-cell=score]")
    score.press("Enter")
    expect(row(desk, "Lead C").locator(".celled input:visible")).to_be_focused()
    desk.keyboard.type("900")
    desk.keyboard.press("Enter")
    expect(row(desk, "Lead C").get_by_role("alert")).to_have_text("Use a number from 0 to 100.")
    desk.keyboard.type("75")
    desk.keyboard.press("Enter")
    expect(score).to_contain_text("75")
    row(desk, "Lead C").locator("[data-cell=owner]").click()
    expect(desk.locator(".select2-dropdown .select2-search__field")).to_be_focused()
    desk.keyboard.type("cleo")
    desk.get_by_text("Cleo Marsh · cleo@seller.example").click()
    expect(row(desk, "Lead C").locator("[data-cell=owner]")).to_contain_text("Cleo Marsh")

    # Several at once: what is refused says why and stays selected.
    leads[2].lose(lost_reason="Elsewhere")
    for name in ("Lead A", "Lead C"):
        row(desk, name).get_by_role("checkbox").check()
    expect(desk.locator("b[data-count]")).to_have_text("2 leads selected")
    desk.get_by_role("button", name="Lose…").click()
    dialog = desk.locator("dialog[open]")
    expect(dialog.get_by_label("Lost reason")).to_be_focused()
    desk.keyboard.type("No budget")
    desk.keyboard.press("Enter")
    expect(dialog.get_by_role("heading")).to_have_text("Lose: 1 done, 1 not")
    expect(dialog).to_contain_text("This Lead is already Lost.")
    dialog.get_by_role("link", name="Back to the list").click()
    expect(row(desk, "Lead A").locator("[data-cell=status]")).to_contain_text("Lost")
    expect(row(desk, "Lead C").get_by_role("checkbox")).to_be_checked()
    expect(row(desk, "Lead A").get_by_role("checkbox")).not_to_be_checked()
    assert desk.evaluate("window.same") is True
    for lead in leads:
        lead.refresh_from_db()
    assert [lead.status for lead in leads] == ["Lost", "Contacted", "Lost"]
    assert [lead.score for lead in leads] == [90, 80, 75]


def test_back_shows_the_filters_that_the_list_has(desk, site, lead):
    desk.goto(f"{site}/~acme/admin/crm/lead/?status=New")
    status = desk.get_by_role("combobox", name="Status")
    desk.get_by_role("link", name=lead.name).click()
    expect(desk.get_by_role("heading", level=1)).to_have_text(lead.name)
    desk.go_back()
    expect(status).to_have_value("New")
    expect(desk.locator("table.list")).to_contain_text(lead.name)
    status.select_option("Lost")
    desk.wait_for_url("**status=Lost**")
    desk.go_back()
    assert "status=New" in desk.url
    expect(status).to_have_value("New")
    expect(desk.locator("table.list")).to_contain_text(lead.name)


def test_on_a_phone_the_first_record_is_near_the_top_and_the_rest_is_behind_buttons(
    desk: Any, site: str, leads: Any
) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=mine")
    first = desk.locator("table.list tbody tr").first.bounding_box()
    assert first["y"] < 844 / 3, "a third of the screen at the most is above it"
    expect(desk.get_by_role("link", name="Add lead")).to_be_visible()
    menus = desk.locator("summary", has_text="Columns")
    expect(menus).to_be_hidden()
    desk.get_by_role("button", name="What the view shows").click()
    menus.click()
    expect(desk.get_by_role("button", name="Show these")).to_be_visible()


@pytest.mark.own_context
def test_without_a_script_a_phone_shows_what_its_buttons_would_open(
    browser: Any, site: str, bob: Any, leads: Any
) -> None:
    from tests.browser.conftest import open_session

    phone = {"width": 390, "height": 844}
    with browser.new_context(viewport=phone, java_script_enabled=False) as context:
        page = context.new_page()
        open_session(page, site, bob)
        page.goto(f"{site}/~acme/admin/crm/lead/?view=all")
        expect(page.locator("summary", has_text="Columns")).to_be_visible()
        expect(page.locator("select[name=status]")).to_be_visible()
        assert page.locator(".viewtabs").bounding_box()["width"] > 300
        expect(page.get_by_role("button", name="Filters")).to_be_hidden()


def test_a_day_of_a_filter_is_typed_as_people_say_it(desk: Any, site: str, leads: Any) -> None:
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.locator(".facets .more > summary").click()
    created = desk.locator("fieldset.range", has_text="Created")
    created.locator("select").select_option("between")
    first = created.get_by_label("Created from")
    first.fill("yesterday")
    first.press("Tab")
    expect(created.locator(".understood")).not_to_be_empty()
    desk.get_by_role("button", name="Filter", exact=True).click()
    expect(desk.locator(".chip")).to_contain_text("Created")
    expect(desk.locator("table.list tbody tr")).to_have_count(4)


def test_what_is_selected_is_said_in_a_sentence(desk: Any, site: str, people: Any) -> None:
    from crm import Lead

    for number in range(26):
        Lead.create(name=f"Lead {number:02}", source="web", owner=people.bob)
    desk.goto(f"{site}/~acme/admin/crm/lead/?source=web")
    boxes, said = desk.locator(".list td.check input"), desk.locator("b[data-count]")
    boxes.first.check()
    expect(said).to_have_text("1 lead selected")
    desk.locator("[data-check-page]").check()
    expect(said).to_have_text("25 leads selected")
    desk.get_by_label("All 26 leads that fit the filters").check()
    expect(said).to_have_text("All 26 leads selected")
    boxes.first.uncheck()
    expect(said).to_have_text("24 leads selected")
