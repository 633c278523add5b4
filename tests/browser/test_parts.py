"""Lists and boards go on without loading the page: filters, order, pages, views, Back and Forward."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import cut_off

pytestmark = pytest.mark.browser

#: HTML that takes the place of a list, in bytes.
LARGEST_PART = 40 * 1024


@pytest.fixture
def leads(people: Any) -> list[Any]:
    """One page of a list, and a little more."""
    from crm import Lead

    sources = ("website", "referral")
    return [
        Lead.create(
            name=f"Lead {n:02}",
            score=n,
            source=sources[n % 2],
            owner=people.bob,
            contact=people.ada,
        )
        for n in range(27)
    ]


def stays(desk: Any) -> Any:
    """Mark the page; the answer asserts that it was not loaded anew."""
    desk.evaluate("window.same = true")
    return lambda: desk.evaluate("window.same") is True


def test_a_list_is_narrowed_sorted_and_paged_without_a_load(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    same = stays(desk)
    sizes: list[int] = []
    desk.on("response", lambda r: "x-region" in r.request.headers and sizes.append(len(r.body())))
    rows = desk.locator("table.list tbody tr")
    expect(rows).to_have_count(25)
    desk.get_by_role("link", name="Next").click()
    expect(rows).to_have_count(2)
    assert "p=2" in desk.url
    desk.go_back()
    expect(rows).to_have_count(25)
    desk.get_by_role("link", name="Score").click()
    expect(rows.first).to_contain_text("Lead 26")
    source = desk.get_by_role("combobox", name="Source")
    source.focus()
    source.select_option("referral")
    expect(rows).to_have_count(13)
    expect(rows.first).to_contain_text("Lead 25")
    expect(source).to_be_focused()
    assert "source=referral" in desk.url
    # A row of an answer is as one of a whole page: it has its address, its box and its labels.
    row = rows.filter(has_text="Lead 05")
    href = row.locator("td.name a").get_attribute("href") or ""
    assert f"/lead/{leads[5].pk}/change/?in=view%3Dall%26" in href and "%26at%3D" in href
    expect(row.get_by_role("checkbox", name="Select Lead 05")).to_have_value(leads[5].pk)
    expect(row.locator("td.number")).to_have_attribute("data-label", "Score")
    search = desk.get_by_role("searchbox", name="Search leads")
    search.fill("Lead 05")
    search.press("Enter")
    expect(rows).to_have_count(1)
    expect(search).to_be_focused()
    assert same()
    # The way back, step by step, and on again.
    desk.go_back()
    expect(rows).to_have_count(13)
    expect(search).to_have_value("")
    desk.go_back()
    expect(rows).to_have_count(25)
    expect(source).to_have_value("")
    desk.go_forward()
    expect(rows).to_have_count(13)
    expect(source).to_have_value("referral")
    assert same()
    # An address is the list's own: whoever is given it sees the same.
    desk.goto(desk.url)
    expect(rows).to_have_count(13)
    assert 0 < max(sizes) <= LARGEST_PART


def test_chips_views_columns_and_a_past_day_change_without_a_load(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&source=referral")
    same = stays(desk)
    rows = desk.locator("table.list tbody tr")
    desk.get_by_role("link", name="Remove the filter Source").click()
    expect(rows).to_have_count(25)
    desk.locator(".viewtabs").get_by_role("link", name="Unowned").click()
    expect(desk.get_by_role("heading", name=re.compile("No leads fit this"))).to_be_visible()
    desk.get_by_role("link", name="Drop it").first.click()
    expect(rows).to_have_count(25)
    desk.locator("summary", has_text="Columns").click()
    desk.locator("[data-columns]").get_by_label("Source", exact=True).uncheck()
    desk.get_by_role("button", name="Show these").click()
    expect(desk.get_by_role("columnheader", name="Source")).to_have_count(0)
    # What was selected and edited works as before.
    rows.nth(3).get_by_role("checkbox").check()
    expect(desk.locator("b[data-count]")).to_have_text("1 lead selected")
    rows.nth(3).locator("[data-cell=score]").click()
    desk.locator(".celled input:visible").fill("66")
    desk.keyboard.press("Enter")
    expect(rows.nth(3).locator("[data-cell=score]")).to_contain_text("66")
    assert same()


def test_a_board_is_narrowed_without_a_load_and_its_cards_still_move(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/board/")
    same = stays(desk)
    desk.get_by_role("combobox", name="Source").select_option("referral")
    expect(desk.locator("[data-column=New] [data-count]")).to_have_text("13")
    desk.get_by_role("searchbox", name="Search leads").fill("nobody at all")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-board]")).to_have_count(0)
    desk.go_back()
    card = desk.locator("[data-card]", has_text="Lead 25")
    card.locator(".name").focus()
    for key in (" ", "ArrowRight", " "):
        desk.keyboard.press(key)
    expect(desk.locator("[data-column=Contacted] [data-count]")).to_have_text("1")
    assert same()
    leads[25].refresh_from_db()
    assert leads[25].status == "Contacted"


def test_a_list_and_its_board_take_each_others_place_without_a_load(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&source=referral")
    same = stays(desk)
    switch = desk.get_by_role("navigation", name="Ways to look at them")
    cards, rows = desk.locator("[data-card]"), desk.locator("table.list tbody tr")
    switch.get_by_role("link", name="Board").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-column=New] [data-count]")).to_have_text("13")
    expect(switch.get_by_role("link", name="Board")).to_be_focused()
    expect(desk).to_have_title(re.compile("Leads board"))
    assert "/board/?" in desk.url and "source=referral" in desk.url
    cards.filter(has_text="Lead 25").locator(".name").focus()
    for key in (" ", "ArrowRight", " "):
        desk.keyboard.press(key)
    expect(desk.locator("[data-column=Contacted] [data-count]")).to_have_text("1")
    switch.get_by_role("link", name="List").click()
    expect(rows).to_have_count(13)
    expect(rows.filter(has_text="Lead 25").locator("[data-cell=status]")).to_have_text("Contacted")
    rows.filter(has_text="Lead 23").locator("[data-cell=score]").click()
    desk.locator(".celled input:visible").fill("99")
    desk.keyboard.press("Enter")
    expect(rows.filter(has_text="Lead 23").locator("[data-cell=score]")).to_contain_text("99")
    desk.go_back()
    expect(desk.locator("[data-column=Contacted] [data-card]")).to_contain_text("Lead 25")
    desk.go_back()
    expect(rows).to_have_count(13)
    desk.go_forward()
    expect(desk.locator("[data-column=New] [data-count]")).to_have_text("12")
    assert same()
    # What is not saved is asked about, as on the way to any other page.
    desk.go_back()
    rows.first.locator("[data-cell=score]").click()
    desk.locator(".celled input:visible").fill("1")
    cut_off(desk)
    desk.keyboard.press("Enter")
    expect(desk.locator(".celled")).to_contain_text("No connection.")
    with desk.expect_event("dialog", lambda box: box.dismiss() or box.type == "beforeunload"):
        switch.get_by_role("link", name="Board").click(no_wait_after=True)
    expect(desk.locator(".celled input:visible")).to_have_value("1")
    assert same()
    desk.context.set_offline(False)


def test_a_record_takes_the_place_of_its_list_and_back_where_one_was(desk, site, leads):
    desk.set_viewport_size({"width": 1200, "height": 600})
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=-score")
    same = stays(desk)
    heading, note = desk.get_by_role("heading", level=1), desk.get_by_role("textbox", name="Note")
    link = desk.get_by_role("link", name="Lead 10")
    link.scroll_into_view_if_needed()
    far = desk.evaluate("scrollY")
    assert far > 100
    link.click()
    expect(heading).to_have_text("Lead 10")
    expect(desk).to_have_title(re.compile("Lead 10"))
    assert f"/{leads[10].pk}/change/?in=" in desk.url and desk.evaluate("scrollY") == 0
    expect(desk.locator("#content")).to_be_focused()
    expect(desk.locator("#record .steps .quiet")).to_have_text("17 of 27, 0 done")
    desk.keyboard.press("j")
    expect(heading).to_have_text("Lead 09")
    # What is on its way arrives although one has gone on, and is said there.
    held: list[Any] = []
    desk.route("**/touch/**", lambda route: held.append(route))
    desk.keyboard.press("n")
    desk.keyboard.type("Sent and left")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("form[data-sent]")).to_have_count(1)
    desk.get_by_role("link", name="Next").click()
    expect(heading).to_have_text("Lead 08")
    held[0].continue_()
    expect(desk.get_by_text("Note added.")).to_be_visible()
    expect(heading).to_have_text("Lead 08")
    desk.go_back()
    expect(heading).to_have_text("Lead 09")
    expect(desk.get_by_label("Timeline")).to_contain_text("Sent and left")
    expect(desk.locator("#record .steps .quiet")).to_have_text("18 of 27, 1 done")
    desk.go_back()
    expect(heading).to_have_text("Lead 10")
    # What is typed is asked about, and stays where one stays.
    desk.unroute("**/touch/**")
    desk.keyboard.press("n")
    desk.keyboard.type("Half a thought")
    with desk.expect_event("dialog", lambda box: box.dismiss() or "not saved" in box.message):
        desk.evaluate("history.back()")
    expect(note).to_have_value("Half a thought")
    desk.wait_for_url(f"**/{leads[10].pk}/change/**")
    desk.once("dialog", lambda box: box.accept())
    desk.evaluate("history.back()")
    expect(desk.locator("table.list tbody tr")).to_have_count(25)
    expect(desk.get_by_role("link", name="Lead 10")).to_be_focused()
    assert desk.evaluate("scrollY") == far
    desk.go_forward()
    expect(heading).to_have_text("Lead 10")
    expect(desk.locator("#drafts")).to_contain_text("Half a thought")
    desk.locator("#drafts").get_by_role("button", name="Discard").click()
    desk.locator("#record .trail").get_by_role("link", name="Leads").click()
    expect(desk.get_by_role("link", name="Lead 10")).to_be_focused()
    # From a card of the board too.
    desk.get_by_role("link", name="Board", exact=True).click()
    desk.locator("[data-card]").get_by_role("link", name="Lead 26").click()
    expect(heading).to_have_text("Lead 26")
    desk.go_back()
    expect(desk.locator("[data-card]").get_by_role("link", name="Lead 26")).to_be_focused()
    assert same()


def test_an_answer_that_comes_late_does_not_replace_a_later_one(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    held: list[Any] = []
    desk.route("**/crm/lead/?*source=website*", lambda route: held.append(route))
    source = desk.get_by_role("combobox", name="Source")
    rows = desk.locator("table.list tbody tr")
    source.select_option("website")
    expect(desk.locator("#hly")).to_have_attribute("aria-busy", "true")
    source.select_option("referral")
    expect(rows).to_have_count(13)
    held[0].continue_()
    desk.wait_for_timeout(300)
    expect(desk.locator(".chip", has_text="referral")).to_be_visible()
    expect(rows).to_have_count(13)


def test_a_list_without_a_connection_says_so_and_asks_again(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    same = stays(desk)
    cut_off(desk)
    desk.get_by_role("link", name="Next").click()
    expect(desk.locator("#toasts")).to_contain_text("No connection.")
    desk.context.set_offline(False)
    desk.get_by_role("button", name="Send again").click()
    expect(desk.locator("table.list tbody tr")).to_have_count(2)
    assert same()


def test_the_part_of_a_list_is_small_however_long_names_are(client, bob, people):
    from crm import Contact, Lead, Organization

    tail = " Überlange & verschachtelte Bezeichnung" * 4
    firm = Organization.create(name=f"Firm{tail}")
    ada = Contact.create(name=f"Ada{tail}", organization=firm)
    for n in range(27):
        Lead.create(
            name=f"{n}{tail}"[:120], source="website", owner=people.bob, contact=ada, score=n
        )
    client.force_login(bob)
    place = "/~acme/admin/crm/lead/?view=all&source=website"
    for more in ("", "&columns=status,score,owner,contact,organization,budget,createdAt"):
        assert len(client.get(place + more, headers={"X-Region": "1"}).content) < LARGEST_PART


def test_the_part_of_a_list_asks_no_more_of_the_server_than_its_page(client, bob, leads):
    client.force_login(bob)
    place = "/~acme/admin/crm/lead/?view=all&source=referral"
    counts = []
    for headers in ({}, {"X-Region": "1"}):
        client.get(place, headers=headers)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = client.get(place, headers=headers)
        counts.append((len(asked), len(answer.content)))
    (queries, size), (part_queries, part_size) = counts
    assert part_queries <= queries
    assert part_size < min(size, LARGEST_PART)
