"""What is typed and not saved is offered again; what is pressed often or over a bad line is done once."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, cut_off, sign_in
from tests.browser.test_everybody import user
from tests.browser.test_rep import current, dialog, open_lead
from tests.browser.test_unsent import sign_in_over, sign_out, touches

pytestmark = pytest.mark.browser


def wait_until_kept(desk: Any, *texts: str) -> None:
    """Until the browser keeps what was typed: it does so a moment after the last key."""
    kept = "texts => texts.every((text) => Object.values(localStorage).some((each) => each.includes(text)))"
    desk.wait_for_function(kept, arg=list(texts))


def test_what_was_typed_is_offered_again_after_a_crash(desk, site, lead):
    open_lead(desk, site)
    desk.get_by_label("BANT").get_by_role("link", name="+ add").first.click()
    desk.get_by_label("BANT").get_by_label("Authority").fill("The board")
    desk.keyboard.press("Tab")
    desk.locator("summary", has_text="+ Note").click()
    desk.get_by_role("textbox", name="Note").fill("Half a thought")
    wait_until_kept(desk, "The board", "Half a thought")
    place, other = desk.url, desk.context.new_page()
    # As after a crash: nothing of the page is left, and nobody was asked.
    desk.goto("about:blank")
    other.goto(place)
    offered = other.locator("#drafts")
    expect(offered).to_contain_text("Half a thought")
    expect(offered).to_contain_text("The board")
    other.get_by_role("button", name="Go on: Note").click()
    expect(other.get_by_role("textbox", name="Note")).to_have_value("Half a thought")
    expect(offered).not_to_contain_text("Half a thought")
    other.get_by_role("textbox", name="Note").press("Control+Enter")
    expect(other.get_by_text("Note added.")).to_be_visible()
    other.get_by_role("button", name="Go on: Authority").click()
    expect(other.get_by_label("BANT").get_by_label("Authority")).to_have_value("The board")
    other.get_by_label("BANT").get_by_label("Authority").press("Control+Enter")
    expect(other.get_by_label("BANT")).to_contain_text("The board")
    other.reload()
    expect(other.locator("#record")).to_be_visible()
    expect(offered).to_have_count(0)
    assert [each.description for each in touches()] == ["Half a thought"]


def test_a_draft_is_of_its_record_and_is_discarded_when_asked_to(desk, site, lead, people):
    from crm import Lead

    other = Lead.create(name="Another", source="web", owner=people.bob)
    place = f"{site}/~acme/admin/crm/lead/"
    desk.goto(f"{place}{lead.pk}/edit/")
    desk.get_by_label("Source detail").fill("/trial")
    wait_until_kept(desk, "/trial")
    desk.on("dialog", lambda box: box.accept())
    desk.goto(f"{place}{other.pk}/edit/")
    expect(desk.locator("#drafts")).to_have_count(0)
    desk.goto(f"{place}{lead.pk}/edit/")
    desk.get_by_role("button", name="Go on").click()
    expect(desk.get_by_label("Source detail")).to_have_value("/trial")
    desk.reload()
    desk.get_by_role("button", name="Discard").click()
    expect(desk.locator("#drafts")).to_have_count(0)
    desk.reload()
    expect(desk.get_by_label("Source detail")).to_have_value("/pricing")
    expect(desk.locator("#drafts")).to_have_count(0)


def test_what_was_sent_but_not_heard_of_is_done_once(desk, site, lead):
    """The line breaks after the server has done it: the same is sent again, and told once."""
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("Met her at the fair")
    lost: list[str] = []

    def lose(route: Any) -> None:
        if lost:
            return route.continue_()
        lost.append(route.fetch(max_redirects=0).headers["location"])
        return route.abort("connectionreset")

    desk.route("**/touch/**", lose)
    # Else the page finds out by itself that the line is back, and sends it again before anybody can.
    desk.route("**/admin/session/", lambda route: route.abort())
    # And sees on its timeline what was done, which is no draft any more then.
    desk.route("**/watch/**", lambda route: route.abort())
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("alert")).to_contain_text("No connection.")
    desk.get_by_role("button", name="Send again").click()
    expect(desk.get_by_text("Note added.")).to_be_visible()
    assert [each.description for each in touches()] == ["Met her at the fair"]


def test_what_runs_is_seen_at_once_and_focus_stays_where_it_was(desk, site, lead):
    open_lead(desk, site)
    held: list[Any] = []
    desk.route("**/move/**", lambda route: held.append(route))
    move = desk.get_by_role("button", name="Move to Contacted")
    move.focus()
    seen = desk.evaluate(
        """async () => {
          document.activeElement.click();
          await new Promise(requestAnimationFrame);
          const line = getComputedStyle(document.getElementById("hly"), "::before");
          return [line.content, line.position];
        }"""
    )
    assert seen == ['""', "fixed"]
    while not held:
        desk.wait_for_timeout(20)
    held[0].continue_()
    expect(current(desk)).to_have_text("Contacted")
    assert desk.evaluate("document.activeElement.closest('header.head') !== null")
    # A field in place: back to what opened it.
    pen = desk.locator("[data-edits=budget]")
    pen.focus()
    pen.press("Enter")
    desk.locator("[name=budget]").fill("70000")
    desk.keyboard.press("Enter")
    expect(pen).to_be_focused()


def test_a_card_that_was_moved_without_a_connection_is_moved_when_it_is_back(desk, site, lead):
    desk.goto(f"{site}/~acme/admin/crm/lead/board/")
    cut_off(desk)
    desk.locator("[data-card] .name").focus()
    for key in (" ", "ArrowRight", " "):
        desk.keyboard.press(key)
    expect(desk.locator("[data-column=New] [data-card]")).to_contain_text("as soon as")
    desk.context.set_offline(False)
    expect(desk.locator("[data-column=Contacted] [data-count]")).to_have_text("1")
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("Contacted", 2)


def test_an_ended_session_is_begun_over_a_list_and_a_board(desk, site, lead):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.locator(".list td.check input").first.check()
    desk.get_by_role("button", name="Lose…").click()
    bulk = desk.locator("dialog#bulk")
    bulk.get_by_label("Lost reason").fill("No budget")
    sign_out(desk)
    bulk.get_by_role("button", name="Lose").click()
    sign_in_over(desk)
    expect(desk.locator("#toasts")).to_contain_text("Lose: 1 done.")
    lead.refresh_from_db()
    assert lead.lost_reason == "No budget"
    lead = lead.create(name="Another", source="web", owner=lead.owner)
    desk.goto(f"{site}/~acme/admin/crm/lead/board/")
    sign_out(desk)
    desk.locator("[data-card] summary").first.click()
    desk.locator('button[name="move"]', has_text="Contacted").first.click()
    sign_in_over(desk)
    expect(desk.locator("[data-column=Contacted] [data-count]")).to_have_text("1")


def test_a_slow_verb_that_is_refused_says_why_and_leaves_the_state(desk, site, lead):
    open_lead(desk, site)
    lead.lose(lost_reason="Elsewhere")
    desk.route("**/move/**", lambda route: (time.sleep(0.3), route.continue_()))
    desk.keyboard.press("2")
    expect(desk.get_by_role("alert")).to_be_visible()
    expect(current(desk)).to_have_text("Lost")
    expect(dialog(desk)).to_have_count(0)


def test_what_was_typed_waits_while_the_password_is_asked_for(page, site, acme, settings):
    user("ann", (acme, "admin"))
    sign_in(page, site, "ann@sign.example")
    page.goto(f"{site}/~acme/admin/settings/members/")
    page.get_by_label("Email").fill("nora@sign.example")
    page.get_by_label("First name").fill("Nora")
    settings.CONFIRMED_FOR = timedelta(0)
    page.get_by_role("button", name="Invite").click()
    page.get_by_label("Password").fill(PASSWORD)
    settings.CONFIRMED_FOR = timedelta(minutes=15)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Go on: Invite somebody").click()
    expect(page.get_by_label("First name")).to_have_value("Nora")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_label("Members")).to_contain_text("nora@sign.example")
    expect(page.locator("#drafts")).to_have_count(0)
