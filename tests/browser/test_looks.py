"""What is seen: menus that are no larger than they need be, names that are written from the right, and rows
whose words are people's."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import open_session
from tests.browser.test_everybody import user

pytestmark = pytest.mark.browser


@pytest.fixture
def admin(page: Any, site: str, acme: Any) -> Any:
    open_session(page, site, user("ann", (acme, "admin")))
    return page


def test_the_menu_of_the_settings_is_one_line_on_a_phone(admin: Any, site: str) -> None:
    admin.set_viewport_size({"width": 390, "height": 844})
    admin.goto(f"{site}/~acme/admin/settings/members/")
    menu = admin.get_by_role("navigation", name="Settings")
    assert menu.bounding_box()["height"] < 60
    menu.get_by_text("People: Members").click()
    menu.get_by_role("link", name="Who did what").click()
    expect(menu.get_by_text("Data: Who did what")).to_be_visible()
    admin.set_viewport_size({"width": 1440, "height": 900})
    expect(menu.get_by_role("link", name="Webhooks")).to_be_visible()


def test_a_name_that_is_written_from_the_right_turns_nothing_round(admin: Any, site: str) -> None:
    from crm import Lead

    lead = Lead.create(name="\u05e9\u05dc\u05d5\u05dd (2)", source="web")
    admin.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    name = admin.locator("td.name a").first
    kept = "(each) => getComputedStyle(each).unicodeBidi"
    assert name.evaluate(kept) == "plaintext"
    admin.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    assert admin.locator("h1 bdi").evaluate("(each) => getComputedStyle(each).direction") == "rtl"


def test_what_a_step_is_given_is_said_in_words_and_kept_by_name(admin: Any, site: str) -> None:
    from crm import Rule

    step = {"do": "Activity.create", "with": {"subject": "Call {{name}}", "priority": "High"}}
    rule = Rule.create(
        name="Call", kind="Automation", is_active=False, events=["Lead.Created"], steps=[step],
        condition={"type": "Lead", "filter": {"source": "website"}},
    )  # fmt: skip
    admin.goto(f"{site}/~acme/admin/crm/rule/{rule.pk}/edit/")
    given = admin.locator(".rows li .pairs textarea")
    expect(given).to_have_value("Subject: Call {{name}}\nPriority: High")
    given.fill("Subject: Ring {{name}}\ntype: Call\npriority: Low")
    text = admin.locator("textarea[name=steps]")
    assert json.loads(text.input_value())[0]["with"] == {
        "subject": "Ring {{name}}", "type": "Call", "priority": "Low",
    }  # fmt: skip


def test_a_question_about_a_choice_has_its_options(admin: Any, site: str) -> None:
    from headlessly.shaping import custom_fields

    options = [{"value": "n", "label": "North"}, {"value": "s", "label": "South"}]
    region: dict[str, Any] = {"noun": "Lead", "label": "Region", "type": "choice"}
    custom_fields.create_field(region | {"options": options})
    admin.goto(f"{site}/~acme/admin/marketing/form/add/")
    admin.get_by_role("button", name="Add a row").click()
    row = admin.locator(".rows li").last
    row.locator(".worded input").fill("Lead: Region")
    row.locator(".worded input").press("Tab")
    expect(row.locator("select")).to_have_value("select")
    expect(row.locator(".list textarea")).to_have_value("North\nSouth")


def test_a_picker_asks_for_what_the_new_record_cannot_do_without(
    desk: Any, site: str, people: Any
) -> None:
    from crm import Deal

    desk.goto(f"{site}/~acme/admin/crm/activity/add/")
    desk.locator("summary", has_text="More").last.click()
    desk.locator("#id_deal + .select2-container").click()
    desk.keyboard.type("Holm 500")
    desk.get_by_role("option", name="Create “Holm 500”").click()
    dialog = desk.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value("Holm 500")
    dialog.get_by_label("Value").fill("40k")
    dialog.get_by_role("button", name="Create").click()
    expect(desk.locator("#id_deal + .select2-container")).to_contain_text("Holm 500")
    assert Deal.objects.get().value == 40_000


def test_what_one_chooses_from_has_an_edge_as_strong_as_what_one_types_into(
    admin: Any, site: str
) -> None:
    edge = """(each) => {
      for (let at = each; at; at = at.parentElement) {
        const { borderTopWidth: width, borderTopColor: colour } = getComputedStyle(at);
        if (width !== "0px") return colour;
      }
    }"""
    for scheme in ("light", "dark"):
        admin.emulate_media(color_scheme=scheme)
        admin.goto(f"{site}/~acme/admin/crm/activity/add/")
        typed = admin.locator("#id_subject").evaluate(edge)
        assert (
            admin.locator("#id_lead + .select2-container .select2-selection").evaluate(edge)
            == typed
        )


#: A word that comes into the heading of a page, and goes.
CHANGES = """() => {
  const settle = () => document.body.offsetWidth;
  settle();
  performance.mark("changes");
  const word = document.querySelector("#hly h1").appendChild(document.createElement("span"));
  settle();
  word.remove();
  settle();
}"""


def test_what_comes_to_a_page_leaves_the_styles_of_the_rest_as_they_are(
    admin: Any, site: str, browser: Any, people: Any, qualified: Any
) -> None:
    from crm import Lead

    for number in range(20):
        Lead.create(name=f"Lead {number}", source="web")
    start = f"{site}/~acme/admin/crm/lead/"
    for address in ("?view=all", "board/", f"{qualified.pk}/change/"):
        admin.goto(start + address, wait_until="networkidle")
        browser.start_tracing(categories=["devtools.timeline", "blink.user_timing"])
        admin.evaluate(CHANGES)
        traced = json.loads(browser.stop_tracing())["traceEvents"]
        begun = next(each["ts"] for each in traced if each["name"] == "changes")
        styled = [
            each["args"]["elementCount"]
            for each in traced
            if each["name"] == "UpdateLayoutTree" and each["ts"] > begun
        ]
        assert sum(styled) < admin.locator("*").count() / 5, address


def test_the_word_beside_a_value_makes_no_page_wider_wherever_the_value_ends(
    admin: Any, site: str, qualified: Any
) -> None:
    admin.goto(f"{site}/~acme/admin/crm/lead/{qualified.pk}/change/")
    for width in range(360, 430, 2):
        admin.set_viewport_size({"width": width, "height": 844})
        assert admin.evaluate("document.documentElement.scrollWidth") <= width
