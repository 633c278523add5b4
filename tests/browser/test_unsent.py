"""What was typed outlives a second press, a save elsewhere, an ended session and a lost connection."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from headlessly.accounts import factors
from tests.browser.conftest import PASSWORD, cut_off, sign_in
from tests.browser.test_rep import current, dialog, open_lead

pytestmark = pytest.mark.browser


def slow_down(desk: Any, seconds: float) -> list[str]:
    """A slow line: what is written takes its time. The addresses that were posted to."""
    posted: list[str] = []

    def wait(route: Any) -> None:
        if route.request.method == "POST" and "/watch/" not in route.request.url:
            posted.append(route.request.url)
            time.sleep(seconds)
        route.continue_()

    desk.route("**/~acme/**", wait)
    return posted


@pytest.fixture
def slow(desk: Any) -> list[str]:
    return slow_down(desk, 0.4)


#: Whether the page shows in its next frame, some hundredths of a second on, that something is on its way.
SHOWN = """async () => {
  await new Promise(requestAnimationFrame);
  return getComputedStyle(document.getElementById("hly"), "::before").content === '""';
}"""


def sign_out(desk: Any) -> None:
    desk.context.clear_cookies(name="sessionid")


def sign_in_over(desk: Any) -> None:
    over = desk.get_by_role("dialog", name="Sign in")
    over.get_by_label("Email").fill("bob@sign.example")
    over.get_by_label("Password").fill(PASSWORD)
    over.get_by_role("button", name="Sign in").click()
    expect(over).to_have_count(0)


def press(desk: Any, place: str, key: str, *with_: str) -> None:
    """Press a key three times, before anything can be answered."""
    script = """([place, key, held]) => {
      const more = Object.fromEntries(held.map((name) => [name, true]));
      const event = () => new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
      for (let time = 0; time < 3; time++) document.querySelector(place).dispatchEvent(event());
    }"""
    desk.evaluate(script, [place, key, with_])


def touches() -> list[Any]:
    from crm import Activity

    return list(Activity.objects.order_by("created_at"))


def test_on_a_line_of_two_seconds_three_presses_are_one_event_each(desk, site, lead):
    posted = slow_down(desk, 2)
    open_lead(desk, site)
    desk.get_by_role("button", name="Move to Contacted").focus()
    press(desk, "body", "2")
    assert desk.evaluate(SHOWN)
    expect(current(desk)).to_have_text("New")
    expect(current(desk)).to_have_text("Contacted")
    assert desk.evaluate("document.activeElement.closest('header.head') !== null")
    desk.keyboard.press("c")
    desk.keyboard.type("She will call back")
    press(desk, "[name=outcome]", "Enter", "ctrlKey")
    assert desk.evaluate(SHOWN)
    expect(desk.get_by_label("Timeline")).to_contain_text("She will call back")
    expect(desk.locator("summary", has_text="+ Call")).to_be_focused()
    assert [each.outcome for each in touches()] == ["She will call back"]
    assert [len([url for url in posted if part in url]) for part in ("/move/", "/touch/")] == [1, 1]
    # It was made, moved, and touched last by the call.
    assert len(lead.history(lead)) == 3


def test_a_dialog_sends_once(desk, site, qualified, slow):
    open_lead(desk, site)
    desk.get_by_role("button", name="Convert…").click()
    expect(dialog(desk)).to_contain_text("becomes Qualified")
    slow.clear()
    button = dialog(desk).get_by_role("button", name="Convert")
    button.dblclick()
    desk.wait_for_url("**/crm/deal/**")
    assert len([url for url in slow if "/do/" in url]) == 1


def test_saving_one_thing_leaves_what_is_typed_beside_it(desk, site, lead):
    open_lead(desk, site)
    bant = desk.get_by_label("BANT")
    bant.get_by_role("link", name="+ add").first.click()
    bant.get_by_label("Authority").fill("The board")
    desk.locator("summary", has_text="+ Note").click()
    note = desk.get_by_role("textbox", name="Note")
    note.fill("Half a thought")
    desk.get_by_role("button", name="Move to Contacted").click()
    expect(current(desk)).to_have_text("Contacted")
    expect(note).to_have_value("Half a thought")
    expect(bant.get_by_label("Authority")).to_have_value("The board")
    desk.get_by_role("link", name="Changes").click()
    expect(desk.get_by_role("link", name="Changes")).to_have_attribute("aria-current", "true")
    expect(note).to_have_value("Half a thought")
    bant.get_by_role("button", name="Save").click()
    expect(bant.get_by_text("Saved")).to_be_visible()
    expect(note).to_have_value("Half a thought")
    note.press("Control+Enter")
    expect(desk.get_by_text("Note added.")).to_be_visible()
    assert [each.description for each in touches()] == ["Half a thought"]


def test_leaving_with_something_unsaved_is_asked_about(desk, site, lead):
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("Half a thought")
    asked: list[str] = []
    desk.on("dialog", lambda box: (asked.append(box.type), box.dismiss()))
    with desk.expect_event("dialog"):
        desk.locator("#record .trail").get_by_role("link", name="Leads").click()
    assert asked == ["beforeunload"]
    expect(desk.get_by_role("textbox", name="Note")).to_have_value("Half a thought")
    desk.get_by_role("textbox", name="Note").fill("")
    desk.locator("#record .trail").get_by_role("link", name="Leads").click()
    expect(desk.locator("table.list")).to_be_visible()


def test_an_ended_session_is_begun_over_the_page_and_the_note_is_sent(desk, site, lead):
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("Met her at the fair")
    sign_out(desk)
    desk.keyboard.press("Control+Enter")
    over = desk.get_by_role("dialog", name="Sign in")
    expect(over).to_contain_text("Your session has ended")
    over.get_by_role("button", name="Cancel").click()
    expect(desk.get_by_role("alert")).to_contain_text("You are signed out.")
    expect(desk.get_by_role("textbox", name="Note")).to_have_value("Met her at the fair")
    desk.get_by_role("button", name="Send again").click()
    over.get_by_label("Email").fill("bob@sign.example")
    over.get_by_label("Password").fill("wrong")
    over.get_by_role("button", name="Sign in").click()
    expect(over).to_contain_text("do not fit")
    expect(over.get_by_label("Password")).to_be_focused()
    sign_in_over(desk)
    expect(desk.get_by_text("Note added.")).to_be_visible()
    assert [each.description for each in touches()] == ["Met her at the fair"]
    # The page goes on with the new session.
    desk.get_by_role("button", name="Move to Contacted").click()
    expect(current(desk)).to_have_text("Contacted")


def test_an_ended_session_is_begun_over_the_page_by_a_code_too(desk, site, bob, lead):
    factors.add_totp(bob, key := factors.new_totp_key(), _totp_code(key, -1))
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("Met her at the fair")
    sign_out(desk)
    desk.keyboard.press("Control+Enter")
    over = desk.get_by_role("dialog", name="Sign in")
    over.get_by_label("Email").fill("bob@sign.example")
    over.get_by_label("Password").fill(PASSWORD)
    over.get_by_role("button", name="Sign in").click()
    over.get_by_label("Code").fill("000")
    over.get_by_role("button", name="Come in").click()
    expect(over).to_contain_text("This does not fit.")
    over.get_by_label("Code").fill(_totp_code(key))
    over.get_by_role("button", name="Come in").click()
    expect(desk.get_by_text("Note added.")).to_be_visible()
    assert [each.description for each in touches()] == ["Met her at the fair"]


def _totp_code(key: str, steps: int = 0) -> str:
    """What an app shows now, or ``steps`` of time later."""
    return factors._totp(key).generate(int(time.time()) + steps * factors.STEP).decode()


def test_a_page_goes_on_after_signing_in_in_another_window(desk, site, lead):
    open_lead(desk, site)
    sign_out(desk)
    other = desk.context.new_page()
    other.goto(site)
    other.get_by_label("Email").fill("bob@sign.example")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.wait_for_url("**/~acme/admin/")
    desk.get_by_role("button", name="Move to Contacted").click()
    expect(current(desk)).to_have_text("Contacted")


def test_without_a_connection_the_page_stays_and_sends_again(desk, site, lead):
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("On the train")
    cut_off(desk)
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("alert")).to_contain_text("No connection.")
    expect(desk.get_by_role("textbox", name="Note")).to_have_value("On the train")
    desk.get_by_role("link", name="Changes").click()
    expect(desk.locator("#toasts")).to_contain_text("No connection.")
    desk.context.set_offline(False)
    expect(desk.get_by_text("Note added.")).to_be_visible()
    assert [each.description for each in touches()] == ["On the train"]


@pytest.mark.own_context
def test_a_minute_without_the_server_keeps_what_is_written_says_so_and_sends_it_later(
    desk, site, lead
):
    desk.clock.install()
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("From the tunnel")
    # The browser thinks that it is connected: nothing tells it when the server is back.
    desk.route("**/*", lambda route: route.abort())
    desk.keyboard.press("Control+Enter")
    desk.get_by_role("button", name="Move to Contacted").click()
    told = desk.get_by_role("alert")
    expect(told).to_have_count(2)
    expect(told.first).to_contain_text("It is sent as soon as the connection is back.")
    for _part in range(4):
        desk.clock.fast_forward(15_000)
    expect(told).to_have_count(2)
    expect(desk.get_by_role("textbox", name="Note")).to_have_value("From the tunnel")
    assert touches() == []
    desk.unroute("**/*")
    desk.clock.fast_forward(6_000)
    expect(current(desk)).to_have_text("Contacted")
    expect(desk.get_by_label("Timeline")).to_contain_text("From the tunnel")
    assert [each.description for each in touches()] == ["From the tunnel"]
    lead.refresh_from_db()
    assert lead.status == "Contacted"


def test_a_note_that_was_put_away_is_not_sent_behind_ones_back(desk, site, lead):
    open_lead(desk, site)
    desk.keyboard.press("n")
    desk.keyboard.type("Rather not")
    cut_off(desk)
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("alert")).to_contain_text("as soon as the connection is back")
    desk.keyboard.press("Escape")
    desk.context.set_offline(False)
    desk.wait_for_timeout(300)
    assert touches() == []
    desk.keyboard.press("n")
    expect(desk.get_by_role("textbox", name="Note")).to_have_value("Rather not")


def test_a_page_with_a_form_waits_for_the_connection_and_for_who_signs_in(desk, site, lead):
    def save(name: str) -> None:
        desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/edit/")
        field.fill(name)
        before()
        desk.get_by_role("button", name="Save").click()

    field = desk.get_by_role("textbox", name="Name")
    heading = desk.get_by_role("heading", level=1)
    before = partial(cut_off, desk)
    save("Typed on the train")
    expect(desk.get_by_role("alert")).to_contain_text("No connection.")
    expect(field).to_have_value("Typed on the train")
    desk.context.set_offline(False)
    expect(heading).to_have_text("Typed on the train")

    before = partial(sign_out, desk)
    save("Typed for ten minutes")
    expect(desk.get_by_role("dialog", name="Sign in")).to_contain_text("Your session has ended")
    expect(field).to_have_value("Typed for ten minutes")
    sign_in_over(desk)
    expect(heading).to_have_text("Typed for ten minutes")

    def sign_in_elsewhere() -> None:
        sign_out(desk)
        sign_in(desk.context.new_page(), site, "bob@sign.example")

    before = sign_in_elsewhere
    save("Typed beside another window")
    expect(heading).to_have_text("Typed beside another window")
    lead.refresh_from_db()
    assert lead.version == 4


def test_settings_keep_what_was_typed_through_an_ended_session(desk, site, bob):
    from headlessly.access.models import Membership, Tenant

    Membership.objects.filter(user=bob).update(role="admin")
    desk.goto(f"{site}/~acme/admin/settings/")
    desk.get_by_label("Name").fill("Acme and Daughters")
    sign_out(desk)
    desk.get_by_role("button", name="Save").click()
    sign_in_over(desk)
    expect(desk.get_by_text("Saved.")).to_be_visible()
    assert Tenant.objects.get(slug="acme").name == "Acme and Daughters"


def test_escape_keeps_what_a_dialog_was_told_and_cancel_does_not(desk, site, lead):
    open_lead(desk, site)
    desk.get_by_role("button", name="Lose…").click()
    reason = dialog(desk).get_by_label("Lost reason")
    reason.fill("They build it themselves")
    desk.keyboard.press("Escape")
    expect(dialog(desk)).to_have_count(0)
    desk.reload()
    desk.get_by_role("button", name="Lose…").click()
    expect(reason).to_have_value("They build it themselves")
    desk.mouse.click(5, 5)
    expect(reason).to_have_value("They build it themselves")
    dialog(desk).get_by_role("link", name="Cancel").click()
    desk.get_by_role("button", name="Lose…").click()
    expect(reason).to_have_value("")
    reason.fill("No budget")
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Lose…").click()
    dialog(desk).get_by_role("button", name="Lose").click()
    expect(current(desk)).to_have_text("Lost")
    lead.refresh_from_db()
    assert lead.lost_reason == "No budget"


def test_escape_keeps_what_the_dialog_of_a_list_and_of_a_board_was_told(desk, site, lead):
    def ask_list() -> None:
        desk.get_by_role("button", name="Lose…").click()

    def ask_board() -> None:
        desk.locator("[data-card] summary").first.click()
        desk.locator('button[name="move"]', has_text="Lost").first.click()

    for place, ask in (("", ask_list), ("board/", ask_board)):
        desk.goto(f"{site}/~acme/admin/crm/lead/{place}")
        if not place:
            desk.locator(".list td.check input").first.check()
        for typed in ("", "They build it themselves"):
            ask()
            reason = desk.locator("dialog[open]").get_by_label("Lost reason")
            expect(reason).to_have_value(typed)
            reason.fill("They build it themselves")
            desk.keyboard.press("Escape")
            expect(desk.locator("dialog[open]")).to_have_count(0)


def test_a_cell_keeps_what_was_typed_and_sends_it_when_the_connection_is_back(desk, site, lead):
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    cell = desk.locator("[data-cell=score]").first
    cell.click()
    desk.locator(".celled input:visible").fill("66")
    cut_off(desk)
    desk.keyboard.press("Enter")
    expect(desk.locator(".celled")).to_contain_text("No connection.")
    expect(desk.locator(".celled input:visible")).to_have_value("66")
    desk.context.set_offline(False)
    expect(cell).to_contain_text("66")
    lead.refresh_from_db()
    assert lead.score == 66
    cell.click()
    desk.locator(".celled input:visible").fill("67")
    sign_out(desk)
    desk.keyboard.press("Enter")
    sign_in_over(desk)
    expect(cell).to_contain_text("67")


def test_days_and_amounts_are_typed_and_half_a_date_is_refused_beside_its_field(desk, site, lead):
    from crm import Activity, Deal

    deal = Deal.create(name="Big", value=10, expected_close_date="2026-12-24", contact=lead.contact)
    desk.goto(f"{site}/~acme/admin/crm/deal/{deal.pk}/edit/")
    day = desk.get_by_label("Expected close date")
    day.fill("12/")
    desk.keyboard.press("Tab")
    expect(desk.locator(".understood")).to_contain_text("No day is understood")
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator(".input.bad").filter(has=day)).to_be_visible()
    deal.refresh_from_db()
    assert f"{deal.expected_close_date:%Y-%m-%d}" == "2026-12-24"
    day.fill("3.12.2031")
    desk.keyboard.press("Tab")
    expect(desk.locator(".understood")).to_have_text("Wed, 3 Dec 2031")
    desk.get_by_label("Value", exact=False).first.fill("40k")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    deal.refresh_from_db()
    assert (f"{deal.expected_close_date:%Y-%m-%d}", deal.value) == ("2031-12-03", 40_000)

    open_lead(desk, site)
    for typed in ("tomorrow 9", "in 2 weeks"):
        desk.keyboard.press("t")
        desk.keyboard.type("Send info")
        desk.locator(".composer[open] [data-when]").fill(typed)
        desk.keyboard.press("Control+Enter")
        expect(desk.get_by_text("Task added.")).to_be_visible()
        desk.locator("[data-dismisses]").first.click()
    moment, day = Activity.objects.order_by("created_at")
    assert (moment.all_day, day.all_day) == (False, True)
    assert (day.due_at.date() - moment.due_at.date()).days in (12, 13, 14)


def test_fast_keys_write_where_they_were_meant_to(desk, site, lead):
    open_lead(desk, site)
    desk.evaluate("""() => {
      const key = new KeyboardEvent("keydown", { key: "t", bubbles: true, cancelable: true });
      document.body.dispatchEvent(key);
      document.querySelector(".composer[open] [data-when]").focus();
    }""")
    desk.wait_for_timeout(200)
    assert desk.evaluate("'when' in document.activeElement.dataset")


@pytest.mark.parametrize("place", ["lead/", "lead/board/", "activity/calendar/"])
def test_a_list_a_board_and_a_calendar_show_their_keys(desk, site, lead, place):
    desk.goto(f"{site}/~acme/admin/crm/{place}")
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog", name="Keys")).to_contain_text("Next")


def test_paper_shows_no_controls(desk, site, lead):
    open_lead(desk, site)
    desk.emulate_media(media="print")
    for control in ("Lose…", "+ Note", "Edit", "To the content"):
        expect(desk.get_by_text(control, exact=True).first).to_be_hidden()
    expect(desk.get_by_role("heading", level=1)).to_be_visible()
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    expect(desk.locator("form.facets")).to_be_hidden()
    expect(desk.locator("table.list")).to_contain_text(lead.name)


def lose_answers(desk: Any) -> None:
    """The server gets what is written, and its answer gets lost."""

    def lose(route: Any) -> None:
        if route.request.method != "POST":
            return route.continue_()
        route.fetch(max_redirects=0)
        return route.abort()

    desk.route("**/touch/**", lose)


@pytest.mark.own_context
def test_a_note_that_arrived_is_no_draft_any_more_and_another_one_is(desk, site, lead):
    def write(text: str) -> None:
        desk.route("**/session/", lambda route: route.abort())
        desk.keyboard.press("n")
        expect(note).to_have_value("")
        note.fill(text)
        desk.keyboard.press("Control+Enter")
        expect(desk.get_by_role("alert")).to_contain_text("No connection.")
        desk.keyboard.press("Escape")
        expect(note).to_be_hidden()
        desk.unroute("**/session/")

    desk.clock.install()
    note, timeline = desk.get_by_role("textbox", name="Note"), desk.get_by_label("Timeline")
    open_lead(desk, site)
    lose_answers(desk)
    write("It arrived")
    # Put away it is not sent, but found out what became of it.
    desk.clock.fast_forward(6_000)
    expect(desk.get_by_text("Note: it had arrived and is saved.")).to_be_visible()
    expect(timeline).to_contain_text("It arrived")
    # Also by a page that is opened later.
    write("This too")
    desk.reload()
    expect(desk.get_by_text("Note: it had arrived and is saved.")).to_be_visible()
    expect(desk.locator("#drafts")).to_have_count(0)
    # What did not is offered, and has its key still.
    desk.unroute("**/touch/**")
    desk.route("**/touch/**", lambda route: route.abort())
    write("This did not")
    desk.reload()
    expect(desk.locator("#drafts")).to_contain_text("This did not")
    desk.unroute("**/touch/**")
    desk.locator("#drafts").get_by_role("button", name="Go on").click()
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_text("Note added.")).to_be_visible()
    assert [each.description for each in touches()] == ["It arrived", "This too", "This did not"]


def test_what_was_typed_on_after_a_lost_answer_is_a_draft_still(desk, site, lead):
    note = desk.get_by_role("textbox", name="Note")
    open_lead(desk, site)
    lose_answers(desk)
    desk.route("**/session/", lambda route: route.abort())
    desk.keyboard.press("n")
    note.fill("It arrived")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("alert")).to_contain_text("No connection.")
    note.fill("It arrived and goes on")
    desk.keyboard.press("Escape")
    desk.unroute("**/session/")
    desk.reload()
    expect(desk.locator("#drafts")).to_contain_text("It arrived and goes on")
