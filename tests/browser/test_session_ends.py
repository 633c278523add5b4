"""The session ends in the middle, on any page: one signs in over it, and what was typed is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Activity, Contact, Deal, Lead
from headlessly.access.models import Membership
from tests.browser.test_rep import current, dialog, open_lead
from tests.browser.test_unsent import sign_in_over, sign_out

pytestmark = pytest.mark.browser


def ends(desk: Any, typed: Callable[[], None], sends: Callable[[], None]) -> None:
    """Type with a session, send without one, and sign in over the page, which loads no other."""
    typed()
    sign_out(desk)
    sends()
    sign_in_over(desk)


def test_on_the_page_of_a_record(desk: Any, site: str, qualified: Any) -> None:
    open_lead(desk, site)
    desk.evaluate("window.same = true")
    keys, toasts = desk.keyboard, desk.locator("#toasts")

    def write(key: str, text: str) -> None:
        keys.press(key)
        keys.type(text)

    ends(desk, lambda: write("c", "Wants a pilot"), lambda: keys.press("Control+Enter"))
    expect(toasts).to_contain_text("Call added.")
    ends(desk, lambda: write("t", "Send the offer tomorrow"), lambda: keys.press("Enter"))
    expect(toasts).to_contain_text("Task added.")

    def edit() -> None:
        desk.locator("[data-edits=budget]").click()
        desk.locator("[name=budget]").fill("70000")

    ends(desk, edit, lambda: keys.press("Enter"))
    expect(desk.get_by_label("BANT")).to_contain_text("$70,000")

    def lose() -> None:
        desk.get_by_role("button", name="Lose…").click()
        dialog(desk).get_by_label("Lost reason").fill("No budget")

    ends(desk, lose, lambda: keys.press("Enter"))
    expect(current(desk)).to_have_text("Lost")
    desk.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(current(desk)).to_have_text("Qualified")

    def convert() -> None:
        desk.get_by_role("button", name="Convert…").click()
        dialog(desk).locator("[name=deal-name]").fill("Acme pilot")

    ends(desk, convert, lambda: dialog(desk).get_by_role("button", name="Convert").click())
    expect(desk.get_by_role("heading", level=1)).to_have_text("Acme pilot")
    assert desk.evaluate("window.same")
    assert {(a.type, a.outcome or a.subject) for a in Activity.find()} >= {
        ("Call", "Wants a pilot"), ("Task", "Send the offer"),
    }  # fmt: skip
    assert Deal.find({"name": "Acme pilot"})[0].value == 70_000


def test_in_a_dialog_on_any_page_and_where_a_file_is_sent(
    desk: Any, site: str, work: Any, people: Any, bob: Any
) -> None:
    Membership.objects.filter(user=bob).update(role="manager")
    keys = desk.keyboard
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    desk.wait_for_load_state()

    def create() -> None:
        keys.press("c")
        dialog(desk).get_by_label("Contact").fill("Mia Holm")
        dialog(desk).get_by_label("Source").fill("referral")

    ends(desk, create, lambda: keys.press("Enter"))
    expect(desk.locator("#toasts")).to_contain_text("Created: Mia Holm.")
    assert Lead.find({"name": "Mia Holm"})[0].source == "referral"

    double = Contact.create(name="Ada C.", email="ada@old.example")
    desk.goto(f"{site}/~acme/admin/crm/contact/{double.pk}/change/")
    desk.wait_for_load_state()

    def merge() -> None:
        desk.locator("header.head details.menu > summary").click()
        desk.get_by_role("button", name="Merge…").click()
        dialog(desk).locator(".select2-selection").first.click()
        keys.type("ada chen")
        desk.get_by_role("option", name="Ada Chen").first.click()

    ends(desk, merge, lambda: dialog(desk).get_by_role("button", name="Merge").click())
    expect(desk.get_by_role("heading", level=1)).to_have_text("Ada Chen")
    assert Contact.with_deleted.get(pk=double.pk).deleted_at is not None

    desk.goto(f"{site}/~acme/admin/imports/?type=Lead")
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"name,source\nMill,fair\n"}
    ends(desk, lambda: None, lambda: desk.set_input_files("#import-file", file))
    # A page that goes on asking asks for it too, and is the same afterwards.
    desk.get_by_role("progressbar").wait_for()
    desk.evaluate("window.same = true")
    sign_out(desk)
    sign_in_over(desk)
    work()
    desk.get_by_role("button", name="Import this row").wait_for()
    assert desk.evaluate("window.same")
