"""Two people at once: each sees what the other does where it stands, and nothing that is typed is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, open_session
from tests.browser.test_rep import current, open_lead

pytestmark = pytest.mark.browser

#: How often, in milliseconds, a page that is looked at asks what others did.
SOON = 3_000


@pytest.fixture
def cleo(acme: Any, people: Any) -> Any:
    from headlessly.access.models import Membership, User

    user = User.objects.create_user("cleo@sign.example", PASSWORD, first_name="Cleo")
    Membership.objects.create(user=user, tenant=acme, role="manager", contact_id=people.cleo.pk)
    return user


@pytest.fixture
def other_desk(browser: Any, site: str, cleo: Any) -> Iterator[Any]:
    """Cleo's browser, signed in."""
    context = browser.new_context()
    page = context.new_page()
    open_session(page, site, cleo)
    yield page
    context.close()


def test_two_people_on_one_record_see_each_other_and_what_the_other_did(
    desk, site, lead, other_desk
):
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("Half a thought")
    desk.get_by_label("BANT").get_by_role("link", name="+ add").first.click()
    desk.get_by_label("BANT").get_by_label("Authority").fill("The board")
    other_desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    expect(desk.locator("#here")).to_have_text(re.compile("Cleo.* is here"))
    expect(other_desk.locator("#here")).to_have_text(re.compile("Bob.* is writing"))
    other_desk.get_by_role("button", name="Move to Contacted").click()
    expect(current(other_desk)).to_have_text("Contacted")
    expect(current(desk)).to_have_text("Contacted")
    expect(desk.get_by_role("textbox", name="Note")).to_have_value("Half a thought")
    expect(desk.get_by_label("BANT").get_by_label("Authority")).to_have_value("The board")
    expect(desk.get_by_label("BANT").get_by_label("Authority")).to_be_focused()
    # The same field at the same time: whoever is second is told by whom and what.
    other_desk.get_by_label("BANT").get_by_role("link", name="+ add").first.click()
    other_desk.get_by_label("BANT").get_by_label("Authority").fill("The CFO")
    other_desk.get_by_label("BANT").get_by_label("Authority").press("Control+Enter")
    expect(other_desk.get_by_label("BANT")).to_contain_text("The CFO")
    desk.get_by_label("BANT").get_by_label("Authority").press("Control+Enter")
    expect(desk.get_by_role("alert")).to_contain_text(re.compile("Cleo.* made this The CFO"))
    expect(desk.get_by_label("BANT").get_by_label("Authority")).to_have_value("The board")


def test_a_list_and_a_board_show_what_a_colleague_changes(desk, site, lead, people, acme):
    from crm import Lead

    # Also of what was done before a page asked for the first time.
    late: list[Any] = []
    desk.context.route("**/admin/watch/token/", lambda route: late.append(route))
    with desk.expect_request("**/admin/watch/token/"):
        desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.locator(".list td.check input").first.check()
    search = desk.get_by_role("searchbox", name="Search leads")
    search.fill("half a wo")
    board = desk.context.new_page()
    with board.expect_request("**/admin/watch/token/"):
        board.goto(f"{site}/~acme/admin/crm/lead/board/")
    lead.update(status="Contacted", score=12)
    for asked in late:
        asked.continue_()
    desk.context.unroute("**/admin/watch/token/")
    row = desk.locator("table.list tbody tr", has_text=lead.name)
    expect(row.locator("[data-cell=score]")).to_contain_text("12")
    expect(board.locator("[data-column=Contacted] [data-count]")).to_have_text("1")
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(search).to_have_value("half a wo")
    expect(search).to_be_focused()
    Lead.create(name="Fresh from the form", source="web", owner=people.bob)
    expect(desk.locator("table.list tbody")).to_contain_text("Fresh from")


@pytest.mark.own_context
def test_a_page_that_is_looked_at_asks_as_often_as_one_would_notice(desk, site, lead):
    """By the page's own clock, which here runs as far as it is told to."""
    desk.clock.install()
    open_lead(desk, site)
    desk.clock.pause_at(datetime.now() + timedelta(hours=1))
    answered: list[Any] = []
    desk.on("response", lambda response: answered.append(response.url.endswith("/admin/watch/")))
    for times in (1, 2):
        # A page plans its next question when it has read the last answer, however long that takes: what ran
        # meanwhile did not count, and runs again.
        for _ in range(5):
            desk.clock.run_for(SOON)
            desk.wait_for_timeout(200)
            if answered.count(True) >= times:
                break
        assert answered.count(True) >= times


def test_a_dialog_that_is_opened_while_the_list_renews_itself_stays_as_it_is(desk, site, lead):
    held: list[Any] = []
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.locator(".list td.check input").first.check()
    with desk.expect_response("**/admin/watch/"):
        pass
    desk.route("**/crm/lead/?view=all", lambda route: held.append(route))
    with desk.expect_request("**/crm/lead/?view=all"):
        lead.update(score=12)
    desk.get_by_role("button", name="Lose…").click()
    reason = desk.locator("dialog[open]").get_by_label("Lost reason")
    expect(reason).to_be_focused()
    desk.keyboard.type("Ti")
    with desk.expect_response("**/crm/lead/?view=all"):
        held[0].continue_()
    desk.unroute("**/crm/lead/?view=all")
    expect(reason).to_be_focused()
    expect(reason).to_have_value("Ti")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Escape")
    expect(desk.locator("table.list tbody [data-cell=score]")).to_contain_text("12")


def watch(tenant: str, **asked: str) -> Any:
    return Client().post(f"/~{tenant}/admin/watch/", asked)


def token_of(user: Any) -> str:
    client = Client()
    client.force_login(user)
    return client.get("/~acme/admin/watch/token/").json()["token"]


def test_who_watches_is_told_of_no_other_record_and_of_no_other_tenant(
    bob, lead, theirs, rival, django_assert_num_queries
):
    from crm import Lead

    token = token_of(bob)
    at = watch("acme", token=token).json()["at"]
    other = Lead.create(name="Another", source="web")
    told = watch("acme", token=token, since=at, noun="Lead", of=f"{lead.pk},{theirs.lead.pk}")
    # Within the second it says what it knew, else what happened: in any case nothing of others.
    assert other.pk not in told.content.decode() and theirs.lead.pk not in told.json()["changed"]
    assert watch("rival", token=token).status_code == 401
    assert watch("acme", token=token[:-2]).status_code == 401
    assert watch("acme", token=token, since="nonsense").status_code == 401
    # Nobody waits, and the database is not asked each time.
    watch("acme", token=token, noun="Lead", of=lead.pk)
    with django_assert_num_queries(0):
        for _time in range(20):
            watch("acme", token=token, since=at, noun="Lead", of=lead.pk)


def test_a_token_to_watch_is_for_those_who_are_signed_in(client, acme):
    assert client.get("/~acme/admin/watch/token/").status_code == 302


def test_a_list_that_others_fill_says_so_at_once_and_shows_it_to_who_asks(desk, site, lead, people):
    from crm import Lead

    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    with desk.expect_response("**/admin/watch/"):
        pass
    said = desk.locator("#others")
    rows = desk.locator("table.list tbody")
    for number in range(6):
        # Each is in the list or said to be there by the second question at the latest.
        Lead.create(name=f"Fresh {number}", source="web", owner=people.bob)
        expect(rows.get_by_text(f"Fresh {number}").or_(said).first).to_be_visible()
        if said.is_visible():
            break
    expect(said).to_contain_text("new or changed elsewhere")
    said.get_by_role("button", name="Show").click()
    expect(rows).to_contain_text(f"Fresh {number}")
    expect(said).to_have_count(0)
