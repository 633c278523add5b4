"""Taking back in a real browser: the toast's button and Ctrl-Z, after a verb, a bulk, a cell, a card."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.test_board import board, drag  # noqa: F401  # a fixture
from tests.browser.test_lists import leads, row  # noqa: F401  # a fixture
from tests.browser.test_rep import current, dialog, open_lead

pytestmark = pytest.mark.browser


def toasts(desk: Any) -> Any:
    return desk.locator("#toasts")


def test_keys_take_back_one_request_after_the_other_and_do_it_again(desk, site, qualified):
    from crm import Deal

    open_lead(desk, site)
    desk.keyboard.press("4")
    dialog(desk).get_by_role("button", name="Convert").click()
    desk.wait_for_url("**/crm/deal/**")
    expect(toasts(desk).get_by_role("button", name="Undo")).to_be_visible()
    # The page of the deal goes with it: one is back where it was made.
    desk.keyboard.press("Control+z")
    desk.wait_for_url(f"**/crm/lead/{qualified.pk}/**")
    expect(current(desk)).to_have_text("Qualified")
    desk.keyboard.press("Control+Shift+z")
    expect(current(desk)).to_have_text("Converted")
    desk.goto(f"{site}/~acme/admin/crm/lead/{qualified.pk}/change/")
    expect(current(desk)).to_have_text("Converted")

    # What is on no page any more is taken back all the same.
    desk.keyboard.press("Control+z")
    expect(current(desk)).to_have_text("Qualified")
    expect(toasts(desk)).to_contain_text("Taken back: 3 records.")
    expect(desk.get_by_label("Timeline")).to_contain_text("took something back")
    assert Deal.count() == 0
    desk.keyboard.press("Control+Shift+z")
    expect(current(desk)).to_have_text("Converted")
    assert Deal.count() == 1
    desk.keyboard.press("Control+z")
    expect(current(desk)).to_have_text("Qualified")
    desk.keyboard.press("Control+z")
    expect(current(desk)).to_have_text("Qualified")


def test_keys_in_what_is_written_are_left_alone(desk, site, lead):
    open_lead(desk, site)
    desk.get_by_role("button", name="Move to Contacted").click()
    expect(current(desk)).to_have_text("Contacted")
    desk.keyboard.press("n")
    desk.keyboard.type("Met at the fair")
    desk.keyboard.press("Control+z")
    expect(current(desk)).to_have_text("Contacted")
    desk.keyboard.press("Escape")
    toasts(desk).get_by_role("button", name="Undo").click()
    expect(current(desk)).to_have_text("New")
    toasts(desk).get_by_role("button", name="Redo").click()
    expect(current(desk)).to_have_text("Contacted")


def test_a_bulk_is_taken_back_at_once(desk, site, leads):  # noqa: F811
    desk.goto(f"{site}/~acme/admin/crm/lead/?owner=me")
    for name in ("Lead A", "Lead B", "Lead C"):
        row(desk, name).get_by_role("checkbox").check()
    desk.get_by_role("button", name="Lose…").click()
    dialog(desk).get_by_label("Lost reason").fill("Price")
    dialog(desk).get_by_role("button", name="Lose").click()
    expect(toasts(desk)).to_contain_text("Lose: 3 done.")
    expect(dialog(desk)).to_have_count(0)
    leads[1].refresh_from_db()
    assert leads[1].status == "Lost"
    toasts(desk).get_by_role("button", name="Undo").click()
    expect(toasts(desk)).to_contain_text("Taken back: 3 records.")
    expect(row(desk, "Lead B").locator("[data-cell=status]")).to_contain_text("New")
    for lead in leads:
        lead.refresh_from_db()
    assert [(lead.status, lead.lost_reason) for lead in leads] == [("New", None)] * 3


def test_what_stays_of_a_bulk_is_listed(desk, site, leads):  # noqa: F811
    desk.goto(f"{site}/~acme/admin/crm/lead/?owner=me")
    for name in ("Lead A", "Lead B", "Lead C"):
        row(desk, name).get_by_role("checkbox").check()
    desk.get_by_role("button", name="Move…").click()
    dialog(desk).get_by_label("Status").select_option("Contacted")
    dialog(desk).get_by_role("button", name="Move").click()
    expect(toasts(desk)).to_contain_text("Move: 3 done.")
    leads[1].refresh_from_db()
    leads[1].update(status="Qualified")
    desk.keyboard.press("Control+z")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Not all of it was taken back")
    expect(desk.locator(".outcomes")).to_contain_text(
        re.compile(r"Lead B\s*Status: changed again since")
    )
    desk.get_by_role("link", name="Back", exact=True).click()
    expect(row(desk, "Lead A").locator("[data-cell=status]")).to_contain_text("New")


def test_a_cell_is_taken_back_by_key(desk, site, leads):  # noqa: F811
    desk.goto(f"{site}/~acme/admin/crm/lead/?owner=me")
    cell = row(desk, "Lead B").locator("[data-cell=status]")
    cell.click()
    row(desk, "Lead B").locator(".celled select").select_option("Contacted")
    expect(cell).to_contain_text("Contacted")
    expect(toasts(desk)).to_contain_text("Saved")
    desk.keyboard.press("Control+z")
    expect(cell).to_contain_text("New")


def test_a_moved_card_goes_back(board, lead):  # noqa: F811
    desk = board.desk
    with desk.expect_response("**/admin/watch/"):
        pass
    drag(board, "Contacted")
    expect(board.column("Contacted").locator("[data-card]")).to_have_count(1)
    # The page renews itself, and the toast stays.
    with desk.expect_response(lambda answer: "/lead/board/" in answer.url and answer.ok):
        pass
    expect(desk.locator("#hly[data-running]")).to_have_count(0)
    desk.evaluate("window.same = true")
    desk.get_by_role("button", name="Undo").click()
    expect(board.column("New").locator("[data-card]")).to_have_count(1)
    expect(board.column("Contacted").locator("[data-card]")).to_have_count(0)
    expect(toasts(desk)).to_contain_text("Taken back")
    assert desk.evaluate("window.same") is True


@pytest.fixture
def manager(bob: Any) -> Any:
    """Bob, who may merge, import and approve here."""
    from headlessly.access.models import Membership

    Membership.objects.filter(user=bob).update(role="manager")
    return bob


def test_a_merge_is_taken_back(manager, desk, site, people):
    from crm import Contact

    twin = Contact.create(name="Ada C.", email="ada.c@acme.example")
    desk.goto(f"{site}/~acme/admin/crm/contact/{twin.pk}/do/merge/")
    desk.locator("section.do .select2-selection").click()
    desk.keyboard.type("ada chen")
    desk.locator(".select2-results").get_by_text("Ada Chen").first.click()
    desk.locator("section.do").get_by_role("button", name="Merge").click()
    toasts(desk).get_by_role("button", name="Undo").click()
    expect(toasts(desk)).to_contain_text("Taken back")
    assert Contact.get(twin.pk).name == "Ada C."


def test_an_import_is_taken_back(manager, desk, site, work):
    from crm import Lead

    desk.goto(f"{site}/~acme/admin/imports/?type=Lead")
    desk.locator("#import-file").set_input_files(
        {"name": "fair.csv", "mimeType": "text/csv",
         "buffer": b"name,source\nNorth,fair\nWest,fair\n"}
    )  # fmt: skip
    for button in ("Import these 2 rows", "Undo"):
        desk.get_by_role("progressbar").wait_for()
        work()
        desk.get_by_role("button", name=button).click()
    expect(toasts(desk)).to_contain_text("Taken back: 2 records.")
    assert Lead.count() == 0
    toasts(desk).get_by_role("button", name="Redo").click()
    expect(toasts(desk).get_by_role("button", name="Undo")).to_be_visible()
    assert Lead.count() == 2


def test_what_a_script_did_once_it_was_approved_is_taken_back(manager, desk, site, lead, acme):
    from headlessly.access import actors
    from headlessly.access.models import ApiKey
    from headlessly.scripts import proposals

    key, _secret = ApiKey.issue(acme, "Research agent", "propose")
    with actors.acting(key.actor):
        proposal = proposals.propose(f'Lead.update("{lead.pk}", score=5, status="Contacted")')
    before = lead.score
    desk.goto(f"{site}/~acme/admin/proposals/{proposal.pk}/")
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("Bob approved this")).to_be_visible()
    lead.refresh_from_db()
    assert (lead.score, lead.status) == (5, "Contacted")
    desk.keyboard.press("Control+z")
    expect(toasts(desk)).to_contain_text("Taken back")
    lead.refresh_from_db()
    assert (lead.score, lead.status) == (before, "New")
