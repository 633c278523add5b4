"""The page of a record in a real browser: its dialog, its undo, its keys, editing in place."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.test_rep import current, dialog, open_lead

pytestmark = pytest.mark.browser


def test_a_dialog_says_what_will_happen_and_follows_what_is_typed(desk, site, qualified):
    open_lead(desk, site)
    desk.get_by_role("button", name="Convert…").click()
    expect(dialog(desk)).to_contain_text("Ada Chen becomes Qualified")
    dialog(desk).get_by_label("Value").fill("75,000")
    expect(dialog(desk)).to_contain_text("value $75,000")
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("button", name="Convert…")).to_be_focused()


def test_a_suggested_reason_a_note_and_undo(desk, site, lead):
    open_lead(desk, site)
    desk.keyboard.press("5")
    dialog(desk).get_by_role("button", name="Price").click()
    dialog(desk).get_by_label("Note").fill("Too dear for them")
    dialog(desk).get_by_role("button", name="Lose").click()
    expect(current(desk)).to_have_text("Lost")
    expect(desk.get_by_label("Timeline")).to_contain_text("Too dear for them")
    desk.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(current(desk)).to_have_text("New")
    lead.refresh_from_db()
    assert (lead.status, lead.lost_reason) == ("New", None)


def test_keys_write_move_and_walk(desk, site, lead):
    from crm import Lead

    Lead.create(name="Another lead", source="website", score=1)
    open_lead(desk, site)
    desk.keyboard.press("t")
    expect(desk.get_by_label("Due")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.get_by_label("Due")).to_be_hidden()
    desk.keyboard.press("n")
    desk.keyboard.type("Met at the fair? 2 of them")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_label("Timeline")).to_contain_text("Met at the fair")
    desk.keyboard.press("2")
    expect(current(desk)).to_have_text("Contacted")
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog", name="Keys")).to_contain_text("Previous")
    desk.keyboard.press("Escape")
    expect(dialog(desk)).to_have_count(0)
    desk.keyboard.press("k")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Another lead")


def test_who_calls_has_the_call_to_note_when_they_come_back(desk, site, lead, people):
    people.ada.update(phone="+44 20 7946 950")
    open_lead(desk, site)
    # There is nothing here that calls.
    desk.evaluate("document.addEventListener('click', (event) => event.preventDefault())")
    desk.get_by_role("link", name="+44 20 7946 950").click()
    call = desk.get_by_role("group").filter(has=desk.locator("[data-key=c]"))
    expect(call.get_by_label("Call", exact=True)).to_be_visible()
    call.get_by_label("Call", exact=True).fill("Wants a pilot")
    # What is written already stays where it is.
    desk.get_by_role("link", name="ada@acme.example").click()
    expect(call.get_by_label("Call", exact=True)).to_have_value("Wants a pilot")
    expect(call.get_by_label("Call", exact=True)).to_be_visible()


def test_a_key_to_where_no_step_leads_says_where_they_lead(desk, site, lead):
    open_lead(desk, site)
    said, keys = desk.locator("#toasts"), desk.keyboard
    keys.press("3")
    expect(said).to_have_text("From New a lead goes to Contacted or Lost.")
    keys.press("2")
    expect(current(desk)).to_have_text("Contacted")
    keys.press("2")
    expect(said).to_contain_text("From Contacted a lead goes to ")
    keys.press("9")  # no state has this number
    keys.press("3")
    expect(current(desk)).to_have_text("Qualified")


def test_edits_in_place_and_says_so(desk, site, lead):
    open_lead(desk, site)
    bant = desk.get_by_label("BANT")
    bant.get_by_role("link", name="+ add").first.click()
    expect(bant.get_by_label("Authority")).to_be_focused()
    desk.keyboard.type("CTO")
    lead.update(authority="The board")
    desk.keyboard.press("Enter")
    expect(bant.get_by_role("alert")).to_contain_text("made this The board meanwhile")
    bant.get_by_role("button", name="Save").click()
    expect(bant.get_by_text("Saved")).to_be_visible()
    expect(bant).to_contain_text("2 of 4")
    lead.refresh_from_db()
    assert lead.authority == "CTO"
    # All four at once, by keyboard: what is open already is gone on with.
    desk.keyboard.press("q")
    expect(bant.get_by_label("Budget", exact=True)).to_be_focused()
    bant.get_by_label("Need", exact=True).fill("Replace five tools")
    bant.get_by_role("link", name="Answer").click()
    expect(bant.get_by_label("Need", exact=True)).to_have_value("Replace five tools")
    bant.get_by_label("Timeline", exact=True).fill("Q1")
    desk.keyboard.press("Enter")
    expect(bant).to_contain_text("4 of 4")
    expect(bant.get_by_role("link", name="Answer")).to_be_focused()


def test_a_list_is_filled_in_row_by_row_and_a_word_without_end_breaks(desk, site, bob, acme):
    from headlessly.access.models import Membership
    from marketing import Form

    Membership.objects.filter(user=bob).update(role="manager")
    desk.goto(f"{site}/~acme/admin/marketing/form/add/")
    desk.locator("#id_name").fill("W" * 255)
    rows = desk.locator(".rows li")
    rows.last.get_by_role("button", name="Remove row 4").click()
    desk.get_by_role("button", name="Add a row").click()
    for label, text in (("Name", "size"), ("Label", '"><b>')):
        rows.last.get_by_label(label).fill(text)
    # Options are asked for where it is one of a list.
    expect(rows.last.get_by_label("Options")).to_be_hidden()
    rows.last.get_by_label("Type").select_option("select")
    rows.last.get_by_label("Options").fill("1\n2 to 1,000")
    rows.last.get_by_label("Required").check()
    rows.last.get_by_role("button", name="Move row 4 up").click()
    desk.get_by_role("button", name="Create").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("W" * 255)
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fields = Form.objects.get().fields
    assert [field["name"] for field in fields] == ["name", "email", "size", "topic"]
    assert fields[2] == {
        "name": "size",
        "type": "select",
        "label": '"><b>',
        "options": ["1", "2 to 1,000"],
        "required": True,
    }


def test_behind_an_at_colleagues_are_suggested(desk, site, lead, acme, people):
    from headlessly.access.models import Membership, User

    for name in ("Ana Ferreira", "Anton Berg", "Dora Ana"):
        first, last = name.split()
        someone = User.objects.create_user(
            f"{last}@sign.example".lower(), first_name=first, last_name=last
        )
        Membership.objects.create(user=someone, tenant=acme, role="rep")
    open_lead(desk, site)
    keys = desk.keyboard
    keys.press("n")
    keys.type("Write to an@example.com, says @an")
    names = desk.get_by_role("listbox", name="Members").get_by_role("option")
    expect(names).to_have_text(["Ana Ferreira", "Anton Berg", "Dora Ana"])
    keys.press("ArrowDown")
    expect(names.nth(1)).to_have_attribute("aria-selected", "true")
    keys.press("Enter")
    expect(names).to_have_count(0)
    keys.type("and @ana f")
    expect(names).to_have_text(["Ana Ferreira"])
    names.first.click()
    desk.set_viewport_size({"width": 390, "height": 700})
    keys.type("and @do")
    expect(names.first).to_be_in_viewport(ratio=1)
    expect(names).to_have_text(["Dora Ana"])
    keys.press("Escape")
    expect(names).to_have_count(0)
    keys.press("Control+Enter")
    expect(desk.get_by_text("Note added.")).to_be_visible()
    said = "Write to an@example.com, says @Anton Berg and @Ana Ferreira and @do"
    expect(desk.locator(".timeline")).to_contain_text(said)


def test_a_step_that_misses_something_asks_for_it_where_one_is(desk, site, people):
    from crm import Deal, Gate, Lead

    Gate.create(type="Lead", state="Contacted", requires=[{"field": "budget"}])
    Gate.create(type="Deal", state="Qualification", requires=[{"field": "nextStep"}])
    lead = Lead.create(name="L", source="web", owner=people.bob)
    deal = Deal.create(name="D", value=1, stage="Prospecting", owner=people.bob)
    for record, button, label, state in (
        (lead, "Move to Contacted", "Budget", "Contacted"),
        (deal, "Advance", "Next step", "Qualification"),
    ):
        noun = type(record).__name__.lower()
        desk.goto(f"{site}/~acme/admin/crm/{noun}/{record.pk}/change/")
        press = desk.get_by_role("button", name=button, exact=True)
        press.click()
        dialog = desk.locator("dialog[open]")
        expect(dialog.get_by_label(label)).to_be_focused()
        desk.keyboard.press("Escape")
        expect(press).to_be_focused()
        press.click()
        dialog.get_by_label(label).fill("500")
        desk.keyboard.press("Enter")
        expect(desk.locator(".path [aria-current]")).to_have_text(state)


def test_what_rules_did_opens_in_its_place(desk, site, lead):
    from headlessly.access import actors

    with actors.acting(actors.SYSTEM):
        lead.update(score=10)
        lead.update(score=20)
    desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    told = desk.locator("#timeline .automatic summary")
    expect(told).to_contain_text("2 automatic changes")
    step = desk.locator("#timeline .entry", has_text="changed score")
    expect(step.first).to_be_hidden()
    told.click()
    expect(step).to_have_count(2)
    expect(step.first).to_be_visible()
