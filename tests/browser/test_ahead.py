"""Whoever types faster than the line is: their keys arrive where they were meant to."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, cut_off
from tests.browser.test_rep import current, dialog, open_lead
from tests.browser.test_unsent import sign_in_over, sign_out

pytestmark = pytest.mark.browser


def slow_to_answer(desk: Any, part: str, *after: int) -> None:
    """Whatever is asked for at an address with ``part`` in it is sent later, while keys are pressed on: after
    so many milliseconds, by turns."""
    script = """([part, after]) => {
      const soon = window.fetch;
      let nth = 0;
      window.fetch = async (url, options) => {
        const wait = String(url).includes(part) ? after[nth++ % after.length] : 0;
        if (wait) await new Promise((done) => setTimeout(done, wait));
        return soon(url, options);
      };
    }"""
    desk.evaluate(script, [part, after or [600]])


def test_cells_take_what_is_typed_before_their_inputs_are_there(desk: Any, site: str) -> None:
    from crm import Lead

    first, second, third = (
        Lead.create(name=f"Lead {n}", source="fair", score=90 - n) for n in range(3)
    )
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=-score")
    desk.wait_for_load_state()
    slow_to_answer(desk, "/cell/")
    cells = desk.locator("[data-cell=score]")
    cells.nth(0).click()
    # "c" would begin a new lead, were it not typed into the cell.
    desk.keyboard.type("c98")
    desk.keyboard.press("Backspace")
    desk.keyboard.press("Backspace")
    desk.keyboard.press("Backspace")
    desk.keyboard.type("97")
    cells.nth(1).click()
    desk.keyboard.type("31")
    desk.keyboard.press("Enter")
    expect(desk.locator("table.list tr", has_text="Lead 0")).to_contain_text("97")
    expect(desk.locator("table.list tr", has_text="Lead 1")).to_contain_text("31")
    cells.nth(2).click()
    desk.keyboard.type("5")
    desk.keyboard.press("Escape")
    desk.keyboard.press("Escape")
    expect(dialog(desk)).to_have_count(0)
    scores = [Lead.get(each.pk).score for each in (first, second, third)]
    assert scores == [97, 31, 88]


def test_a_day_is_typed_before_its_input_is_there(desk: Any, site: str) -> None:
    from crm import Deal

    deal = Deal.create(name="Deal 1", value=1, expected_close_date="2027-05-01")
    desk.goto(f"{site}/~acme/admin/crm/deal/?view=all")
    desk.wait_for_load_state()
    slow_to_answer(desk, "/cell/")
    desk.locator("[data-cell=expected_close_date]").click()
    desk.keyboard.type("2027-12-03")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-cell=expected_close_date]")).to_contain_text("Dec 3, 2027")
    assert str(Deal.get(deal.pk).expected_close_date) == "2027-12-03"


def test_a_column_is_typed_through(desk: Any, site: str) -> None:
    from crm import Lead

    leads = [Lead.create(name=f"Lead {n}", source="fair", score=90 - n) for n in range(6)]
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=name")
    desk.wait_for_load_state()
    slow_to_answer(desk, "/cell/", 0, 10, 60, 20, 120)
    cells = desk.locator("[data-cell=score]")
    for n in range(6):
        cells.nth(n).click()
        desk.keyboard.type(f"{n}7")
    desk.keyboard.press("Enter")
    for n in range(6):
        row = desk.locator("table.list tr", has_text=f"Lead {n}")
        expect(row.locator("[data-cell=score]")).to_have_text(f"{n}7" if n else "7")
    assert [Lead.get(each.pk).score for each in leads] == [7, 17, 27, 37, 47, 57]


def test_a_cell_takes_what_is_typed_though_another_came_while_it_was_pressed(
    desk: Any, site: str
) -> None:
    from crm import Lead

    leads = [Lead.create(name=f"Lead {n}", source="fair", score=90 - n) for n in range(2)]
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=name")
    desk.wait_for_load_state()
    slow_to_answer(desk, "/cell/")
    first, second = (desk.locator("[data-cell=score]").nth(n) for n in range(2))
    first.click()
    desk.keyboard.type("17")
    second.hover()
    desk.mouse.down()
    expect(desk.locator(".celled")).to_be_visible()
    desk.mouse.up()
    desk.keyboard.type("27")
    desk.keyboard.press("Enter")
    expect(first).to_have_text("17")
    expect(second).to_have_text("27")
    assert [Lead.get(each.pk).score for each in leads] == [17, 27]


def test_a_dialog_takes_what_is_typed_before_it_is_there(desk: Any, site: str, lead: Any) -> None:
    open_lead(desk, site)
    slow_to_answer(desk, "/lose/")
    desk.keyboard.press("5")
    desk.keyboard.press("5")  # nothing was to be seen yet
    expect(dialog(desk).get_by_label("Lost reason")).to_have_value("")
    desk.keyboard.press("Escape")
    expect(dialog(desk)).to_have_count(0)
    desk.keyboard.press("5")
    desk.keyboard.type("Timing")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Shift+Tab")
    desk.keyboard.press("Enter")
    expect(current(desk)).to_have_text("Lost")
    assert type(lead).get(lead.pk).lost_reason == "Timing"


def test_signing_in_over_the_page_is_answered_first(desk: Any, site: str, lead: Any) -> None:
    open_lead(desk, site)
    sign_out(desk)
    slow_to_answer(desk, "/lose/", 300)
    desk.keyboard.press("5")
    desk.keyboard.type("Pri")
    over = desk.get_by_role("dialog", name="Sign in")
    expect(over.get_by_label("Email")).to_be_focused()
    desk.keyboard.type("bob@sign.example")
    desk.keyboard.press("Tab")
    desk.keyboard.type(PASSWORD)
    desk.keyboard.press("Enter")
    expect(over).to_have_count(0)
    expect(dialog(desk).get_by_label("Lost reason")).to_have_value("Pri")


def test_who_presses_something_else_types_there(desk: Any, site: str, lead: Any) -> None:
    open_lead(desk, site)
    written = desk.locator(".composer[open] textarea")
    # Before the next key, and not when the browser gets to telling of it: a space would shut it again.
    opens = """() => {
      document.querySelector(".composer > summary").click();
      return document.activeElement.matches(".composer[open] textarea");
    }"""
    assert desk.evaluate(opens)
    desk.keyboard.press("Escape")
    for asks in ("/lose/", "only=name"):
        slow_to_answer(desk, asks, 300)
        if asks == "/lose/":
            desk.keyboard.press("5")
        else:
            desk.locator("[data-edits=name]").click()
        desk.locator("summary", has_text="Note").first.click()
        desk.keyboard.type("Not lost")
        # What was asked for before comes meanwhile, and takes the focus from nobody.
        desk.wait_for_timeout(600)
        desk.keyboard.type(" yet")
        expect(written).to_have_value("Not lost yet")
        expect(dialog(desk)).to_have_count(0)
        written.fill("")
        desk.keyboard.press("Escape")


def test_keys_are_for_the_record_that_is_on_its_way(desk: Any, site: str) -> None:
    from crm import Activity, Lead

    _first, second = (Lead.create(name=f"Lead {n}", source="fair", score=90 - n) for n in range(2))
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=-score")
    desk.get_by_role("link", name="Lead 0").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Lead 0")
    expect(desk.locator(".steps [rel=next]")).to_be_visible()
    slow_to_answer(desk, f"/{second.pk}/change/")
    desk.keyboard.press("j")
    desk.keyboard.press("c")
    desk.keyboard.type("Call me in June")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Lead 1")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_label("Timeline")).to_contain_text("Call me in June")
    assert Activity.objects.get().lead_id == second.pk


def test_a_choice_is_of_what_was_typed_and_not_of_what_was_there_before(
    desk: Any, site: str, acme: Any, people: Any
) -> None:
    from crm import Contact
    from headlessly.access.models import Membership, User

    cleo = User.objects.create_user("cleo@sign.example", PASSWORD)
    Membership.objects.create(user=cleo, tenant=acme, role="rep", contact_id=people.cleo.pk)
    Contact.create(name="Zoe Adams")
    Contact.create(name="Mia Holm")  # the latest: offered first before anything is typed
    desk.goto(f"{site}/~acme/admin/crm/deal/add/")
    desk.wait_for_load_state()
    desk.get_by_role("combobox", name="Contact").click()
    desk.get_by_role("option", name="Mia Holm").wait_for()
    slow_to_answer(desk, "/autocomplete/")
    desk.keyboard.type("Zoe")
    desk.keyboard.press("Enter")
    desk.keyboard.press("Tab")  # meant for what comes after the choice
    # By Tab one comes to the next choice, and types at once.
    desk.keyboard.type("cleo")
    desk.keyboard.press("Enter")
    chosen = desk.get_by_role("combobox", name="Contact")
    expect(chosen).to_contain_text("Zoe Adams")
    expect(desk.get_by_role("combobox", name="Owner")).to_contain_text("Cleo Marsh")
    expect(desk.locator(".select2-container--open")).to_have_count(0)
    # Tab takes what is typed and goes on, before the list is there and after.
    for mia in (True, False):
        desk.get_by_role("combobox", name="Contact").focus()
        desk.keyboard.type("Mia" if mia else "Zoe")
        if not mia:
            desk.get_by_role("option", name="Create “Zoe”").wait_for()
        desk.keyboard.press("Tab")
        expect(chosen).to_contain_text("Mia Holm" if mia else "Zoe Adams")
        expect(desk.get_by_role("combobox", name="Owner")).to_be_focused()
    # Without an answer one is asked for again, and whoever is signed out signs in first.
    cut_off(desk)
    desk.get_by_role("combobox", name="Organization").click()
    desk.keyboard.type("Corp")
    expect(desk.get_by_role("option", name="could not be loaded")).to_be_visible()
    desk.keyboard.press("Enter")
    sign_out(desk)
    desk.context.set_offline(False)
    sign_in_over(desk)
    expect(desk.get_by_role("combobox", name="Organization")).to_contain_text("Corp")


def test_what_a_choice_makes_is_sent_with_its_form(desk: Any, site: str, acme: Any) -> None:
    from crm import Deal

    desk.goto(f"{site}/~acme/admin/crm/deal/add/")
    desk.wait_for_load_state()
    desk.get_by_label("Name").first.fill("A pilot")
    slow_to_answer(desk, "/autocomplete/")
    # Nobody is called so: the form is not sent without them, and says by whom it waits.
    desk.get_by_role("combobox", name="Owner").focus()
    desk.keyboard.type("Nobody at all")
    desk.keyboard.press("Enter")
    desk.locator("#id_value").click()
    desk.keyboard.type("500")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("searchbox", name="Owner")).to_have_value("Nobody at all")
    desk.keyboard.press("Escape")
    slow_to_answer(desk, "/quick/")
    desk.get_by_role("combobox", name="Organization").focus()
    desk.keyboard.type("Brook Mill")
    desk.keyboard.press("Enter")
    desk.locator("#id_value").click()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", level=1)).to_have_text("A pilot")
    assert str(Deal.find({"name": "A pilot"})[0].organization) == "Brook Mill"


def test_a_condition_keeps_what_was_typed_while_its_rows_came(
    desk: Any, site: str, bob: Any
) -> None:
    from headlessly.access.models import Membership
    from marketing import Segment

    Membership.objects.filter(user=bob).update(role="manager")
    desk.goto(f"{site}/~acme/admin/marketing/segment/add/")
    desk.wait_for_load_state()
    desk.get_by_label("Name").first.fill("Hot")
    desk.locator("[name='f.0.0']").select_option("score")
    value = desk.locator("[name='v.0.0']")
    expect(value).to_be_visible()
    slow_to_answer(desk, "/filter/")
    with desk.expect_response("**/filter/**"):
        desk.locator("[name='o.0.0']").select_option(label="is not")
        value.focus()
        desk.keyboard.type("8")
    # The rows have come, and one is still where one types.
    expect(desk.locator("[name='o.0.0'] option[selected]")).to_have_text("is not")
    expect(value).to_be_focused()
    desk.keyboard.type("0")
    # What no input says that it changed is written too.
    value.evaluate("(input) => (input.value += '\\n81')")
    desk.get_by_role("button", name="Create").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Hot")
    said = str(Segment.find({"name": "Hot"})[0].criteria)
    assert "80" in said and "81" in said


def test_a_mention_is_of_whoever_was_typed(desk: Any, site: str, lead: Any) -> None:
    from crm import Contact
    from headlessly.access.models import Membership, User

    for name in ("Zack Moss", "Zoe Adams"):
        user = User.objects.create_user(f"{name[:3]}@sign.example", PASSWORD)
        person = Contact.create(name=name)
        Membership.objects.create(user=user, tenant=lead.tenant, role="rep", contact_id=person.pk)
    open_lead(desk, site)
    desk.keyboard.press("c")
    desk.keyboard.type("Ask @z")
    names = desk.get_by_role("listbox", name="Members").get_by_role("option")
    expect(names).to_have_text(["Zack Moss", "Zoe Adams"])
    slow_to_answer(desk, "/mentions/")
    desk.keyboard.type("oe")
    desk.keyboard.press("Enter")
    expect(desk.locator("textarea[data-mentions]:focus")).to_have_value("Ask @Zoe Adams ")
