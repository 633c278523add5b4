"""The bell and its page: what comes while one looks stands there without a reload; and names behind an @."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Lead
from headlessly.access.models import Membership, User
from headlessly.notifications import from_log
from tests.browser.conftest import PASSWORD
from tests.browser.test_rep import open_lead
from tests.headlessly.notifications.test_telling import by

pytestmark = pytest.mark.browser


@pytest.fixture
def cleo(acme: Any, people: Any) -> Any:
    user = User.objects.create_user("cleo@sign.example", PASSWORD, first_name="Cleo")
    Membership.objects.create(user=user, tenant=acme, role="manager", contact_id=people.cleo.pk)
    return user


def give(user: Any, people: Any, name: str) -> None:
    with by(user):
        Lead.create(name=name, owner=people.bob, source="event")
    from_log.read_log()


def come_back(desk: Any) -> None:
    """Who comes back to the tab is told before its own time has come."""
    desk.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_open_page_of_the_bell_has_what_comes_and_keeps_what_is_open(
    desk: Any, site: str, cleo: Any, people: Any
) -> None:
    # What comes before the page first asks is not missed.
    held: list[Any] = []
    desk.route("**/notifications/unread/**", lambda route: held.append(route))
    with desk.expect_request("**/notifications/unread/**"):
        desk.goto(f"{site}/~acme/admin/notifications/")
    expect(desk.get_by_role("heading", name="Nothing yet")).to_be_visible()
    desk.evaluate("window.stayed = true")
    give(cleo, people, "First")
    held[0].continue_()
    desk.unroute("**/notifications/unread/**")
    row = desk.locator(".notices > ul > li")
    expect(row).to_have_text(re.compile("Cleo gave you First"))
    expect(desk.locator(".bell-count")).to_have_text("1")
    give(cleo, people, "Second")
    come_back(desk)
    expect(row).to_have_text(re.compile("2 new leads for you"))
    expect(row).to_have_count(1)
    desk.locator(".several > summary").click()
    expect(desk.get_by_role("link", name=re.compile("Cleo gave you Second"))).to_be_visible()
    give(cleo, people, "Third")
    come_back(desk)
    expect(desk.locator(".several > summary")).to_contain_text("3 new leads for you")
    expect(desk.get_by_role("link", name=re.compile("Cleo gave you Third"))).to_be_visible()
    assert desk.evaluate("window.stayed"), "the page was not loaded again"
    desk.get_by_role("button", name=re.compile("^Read ?: 3 new leads")).click()
    expect(desk.locator(".notices li.unread")).to_have_count(0)
    expect(desk.locator(".bell-count")).to_have_count(0)
    desk.reload()
    desk.locator(".several > summary").click()
    desk.get_by_role("link", name=re.compile("Cleo gave you Second")).click()
    expect(desk.get_by_role("heading", name="Second", exact=True)).to_be_visible()


def test_behind_an_at_sign_members_are_chosen_by_the_keyboard(
    desk: Any, site: str, cleo: Any, lead: Any
) -> None:
    open_lead(desk, site)
    desk.keyboard.press("n")
    note = desk.get_by_role("textbox", name="Note")
    expect(note).to_be_focused()
    desk.keyboard.type("Ask @cl")
    names = desk.get_by_role("listbox", name="Members").get_by_role("option")
    expect(names).to_have_text(["Cleo Marsh"])
    expect(names.first).to_have_attribute("aria-selected", "true")
    desk.keyboard.press("Escape")
    expect(names).to_have_count(0)
    expect(note).to_have_value("Ask @cl")
    desk.keyboard.type("e")
    expect(names).to_have_text(["Cleo Marsh"])
    desk.keyboard.press("ArrowDown")  # of one it is the same again
    desk.keyboard.press("Enter")
    expect(note).to_have_value("Ask @Cleo Marsh ")
    expect(note).to_be_focused()
    # An address of mail names nobody, and Tab chooses as Enter does.
    desk.keyboard.type("or bob@cl")
    desk.wait_for_timeout(500)
    expect(names).to_have_count(0)
    desk.keyboard.type(" @mar")
    expect(names).to_have_text(["Cleo Marsh"])
    desk.keyboard.press("Tab")
    expect(note).to_have_value("Ask @Cleo Marsh or bob@cl @Cleo Marsh ")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#record")).to_contain_text("Ask @Cleo Marsh or bob@cl")
