"""Words in, values out; and a phone on which nothing of a list is cut or too small, and focus is in sight."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import open_session

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 700}
LONG = "Brackenridge Scaffolding and Civil Works: replacing five planning tools by one"
#: What of a list is cut, and what of it is smaller than 24 pixels.
CUT = "all => all.filter((each) => each.scrollWidth > each.clientWidth + 1).length"
SMALL = "all => all.filter((each) => each.offsetWidth < 24 || each.offsetHeight < 24).length"
#: Whether what has the focus is what one would touch in its middle.
SEEN = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return one === document.body || Boolean(top && (one.contains(top) || top.contains(one)));
}"""
#: Whether a tap in the middle of it is its own.
TAPPED = """(one) => {
  const box = one.getBoundingClientRect();
  return one.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""


@pytest.fixture(autouse=True)
def admin(bob: Any) -> None:
    from headlessly.access.models import Membership

    Membership.objects.filter(user=bob).update(role="admin")


def test_what_is_suggested_is_typed_in_words_and_sent_as_programs_know_it(
    desk: Any, site: str
) -> None:
    desk.goto(f"{site}/~acme/admin/crm/rule/add/?kind=Automation")
    sent = desk.locator("input[name=events]")
    typed = desk.locator(".several li input").first
    for words, value in (("deal: won", "Deal.Won"), ("Deal.Lost", "Deal.Lost"), ("Else", "Else")):
        typed.fill(words)
        expect(sent).to_have_value(value)
    steps = desk.locator(".input:has(textarea[name=steps])")
    steps.get_by_role("button", name="Add a row").click()
    steps.get_by_label("Notify").fill("Owner")
    steps.get_by_label("Wait").fill("until working day")
    expect(steps.locator("textarea[name=steps]")).to_have_value(
        '[\n  {\n    "notify": "owner",\n    "wait": "until working day"\n  }\n]'
    )


def test_on_a_phone_a_list_is_whole_and_large_enough_and_focus_is_under_no_bar(
    desk: Any, site: str, lead: Any
) -> None:
    lead.update(name=LONG)
    desk.set_viewport_size(PHONE)
    desk.goto(f"{site}/~acme/admin/crm/lead/?owner=me")
    expect(desk.get_by_role("link", name=LONG)).to_be_visible()
    assert not desk.locator(".list .initials").first.is_visible(), "whose they are, the filter says"
    parts = desk.locator(".list :is(td.name a, button[data-cell]:not(.none))")
    assert parts.count() > 2 and parts.evaluate_all(CUT) == 0
    desk.get_by_role("button", name="Filters").click()
    filters = desk.locator(
        "#facets > :is(select:not(.select2-hidden-accessible), .select2-container)"
    )
    widths = filters.evaluate_all("all => all.map(each => Math.round(each.offsetWidth))")
    assert len(widths) > 3 and len(set(widths)) == 1, "as wide as the screen, each of them"
    assert desk.locator(".list :is(td.name a, td.check input)").evaluate_all(SMALL) == 0
    desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    expect(desk.locator("#timeline .composers")).to_be_visible()
    hidden = []
    for _step in range(45):
        desk.keyboard.press("Tab")
        if not desk.evaluate(SEEN):
            hidden.append(desk.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
    assert hidden == []


@pytest.mark.own_context
def test_by_touch_a_value_is_seen_through_its_button_and_a_number_is_called_by_a_tap(
    browser: Any, site: str, bob: Any, people: Any, lead: Any
) -> None:
    people.ada.update(phone="+44 20 7946 950")
    lead.update(authority="Signs herself")
    with browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        open_session(page, site, bob)
        page.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
        value = page.locator("[data-field=authority]", has_text="Signs herself").first
        button = value.locator(".pen")
        expect(button).to_have_css("background-color", "rgba(0, 0, 0, 0)")
        number = page.locator(".people a[href^='tel:']")
        assert number.evaluate(TAPPED), "it is on the first screen, and nothing lies above it"


def test_in_a_narrow_column_the_people_of_a_deal_have_their_names_on_a_line(
    desk: Any, site: str, people: Any, qualified: Any
) -> None:
    from crm import DealContact

    people.cleo.update(name="Bastien Rochambeau")
    deal = qualified.convert().deal
    for role in ("Influencer", "Blocker"):
        DealContact.create(
            deal=deal, contact=people.cleo, role=role, note="Plans it all, and would build it"
        )
    desk.set_viewport_size({"width": 1440, "height": 844})
    desk.goto(f"{site}/~acme/admin/crm/deal/{deal.pk}/change/")
    names = desk.locator(".mini.parts .name")
    assert names.count() > 1
    assert names.evaluate_all("all => all.filter((each) => each.offsetHeight > 30).length") == 0


def test_what_has_ended_takes_no_more_room_than_it_needs(desk: Any, site: str, lead: Any) -> None:
    lead.update(name=LONG)
    type(lead).lose(lead.pk, lost_reason="Timing")
    desk.set_viewport_size(PHONE)
    desk.goto(f"{site}/~acme/admin/crm/lead/board/")
    name = desk.locator(".board-card.ended .name")
    height = "(each) => each.clientHeight / parseFloat(getComputedStyle(each).fontSize)"
    assert name.evaluate("(each) => each.scrollHeight <= each.clientHeight + 1"), "one line"
    assert name.evaluate(height) < 2
    # What is impossible says why on hover alone: without one it is only in the way.
    desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    impossible = desk.locator("header .acts > [aria-disabled]")
    assert impossible.count() and not impossible.first.is_visible()
    desk.set_viewport_size({"width": 1440, "height": 900})
    expect(impossible.first).to_be_visible()


def test_filters_share_one_line_and_the_menu_moves_no_page(
    desk: Any, site: str, people: Any
) -> None:
    desk.set_viewport_size({"width": 1440, "height": 600})
    narrowed = f"stage=Proposal,Negotiation&owner=me&campaign={people.spring.pk}"
    desk.goto(f"{site}/~acme/admin/crm/deal/?{narrowed}")
    chosen = ":is(select:not(.select2-hidden-accessible), input[type=text], .select2-container)"
    controls = desk.locator(f"form.facets .inside > {chosen}, form.facets .more > summary")
    expect(desk.locator(".facets .select2-selection__choice").first).to_be_visible()
    tops = controls.evaluate_all("all => all.map((each) => each.getBoundingClientRect().bottom)")
    assert len(tops) > 6 and max(tops) - min(tops) < 6
    desk.goto(f"{site}/~acme/admin/settings/fields/")
    expect(desk.locator(".frame-places a[aria-current]")).to_be_in_viewport()
    desk.wait_for_function("document.querySelector('.frame-places').scrollTop > 0")
    assert desk.evaluate("scrollY") == 0
