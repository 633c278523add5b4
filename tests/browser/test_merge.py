"""A merge in a real browser: who is probably the same, both side by side, and whose value stays."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Activity, Contact, Lead
from tests.browser.test_rep import WIDTHS, dialog

pytestmark = pytest.mark.browser


@pytest.fixture
def twin(people: Any, bob: Any) -> Any:
    """The same person again, with a lead and a call; Bob may merge."""
    from headlessly.access.models import Membership

    Membership.objects.filter(user=bob).update(role="manager")
    people.ada.update(phone="+49 30 1111111", language="de")
    twin = Contact.create(name="Ada Chen", email="ada@home.example", phone="+49 30 2222222",
                          department="Board")  # fmt: skip
    lead = Lead.create(name="Fleet", source="fair", contact=twin)
    Activity.log(subject="Call", lead=lead, contact=twin)
    return twin


def row(asked: Any, name: str) -> Any:
    return asked.get_by_role("radiogroup", name=name, exact=True)


@WIDTHS
def test_both_are_seen_side_by_side_and_chosen_from_by_keyboard(desk, site, people, twin, width):
    desk.set_viewport_size({"width": width, "height": 900})
    desk.goto(f"{site}/~acme/admin/crm/contact/{twin.pk}/change/")
    desk.wait_for_load_state()
    desk.get_by_label("More", exact=True).first.click()
    desk.get_by_role("button", name="Merge…").click()
    asked = dialog(desk)
    expect(asked.get_by_role("link", name="Ada Chen")).to_be_visible()
    assert desk.locator("details.menu[open]").count() == 0, "no menu lies open behind a dialog"
    asked.get_by_role("link", name="Ada Chen").click()
    # The focus is on the first choice: arrows choose, Tab goes on, Enter merges.
    expect(asked.get_by_role("radio", checked=True).first).to_be_focused()
    expect(row(asked, "Department").get_by_role("radio").nth(0)).to_be_checked()
    expect(row(asked, "Phone").get_by_role("radio").nth(1)).to_be_checked()
    expect(asked).to_contain_text("Moves to Ada Chen: 1 lead and 1 activity.")
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert asked.evaluate("each => each.scrollWidth <= each.clientWidth + 1")
    groups = asked.get_by_role("radiogroup")
    labels = groups.evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    for _each in range(labels.index("Email")):
        desk.keyboard.press("Tab")
    expect(row(asked, "Email").get_by_role("radio").nth(1)).to_be_focused()
    desk.keyboard.press("ArrowLeft")
    expect(row(asked, "Email").get_by_role("radio").nth(0)).to_be_checked()
    expect(asked.locator("[data-will]")).to_contain_text("ada@home.example")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/crm/contact/{people.ada.pk}/change/**")
    now = Contact.get(people.ada.pk)
    assert (now.email, now.phone, now.department) == (
        "ada@home.example", "+49 30 1111111", "Board",
    )  # fmt: skip
    assert "ada@acme.example" in now.other_emails
    desk.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(desk.locator("#toasts")).to_contain_text("Taken back")
    assert Contact.get(twin.pk).email == "ada@home.example"
    assert Contact.get(people.ada.pk).email == "ada@acme.example"


def test_it_is_asked_the_other_way_round(desk, site, people, twin):
    desk.goto(f"{site}/~acme/admin/crm/contact/{twin.pk}/do/merge/?into={people.ada.pk}")
    desk.get_by_role("link", name="Merge the other way").click()
    desk.wait_for_url(f"**/{people.ada.pk}/do/merge/?into={twin.pk}")
    expect(row(desk, "Phone").get_by_role("radio").nth(1)).to_be_checked()
    desk.get_by_role("button", name="Merge", exact=True).click()
    desk.wait_for_url(f"**/crm/contact/{twin.pk}/change/**")
    assert Contact.get(twin.pk).phone == "+49 30 2222222"


def test_companies_and_leads_are_merged_too(desk, site, people, twin):
    from crm import Organization

    again = Organization.create(name="Acme", city="Graz")
    desk.goto(f"{site}/~acme/admin/crm/organization/{again.pk}/do/merge/?into={people.corp.pk}")
    row(desk, "Name").get_by_role("radio").nth(0).check()
    desk.get_by_role("button", name="Merge", exact=True).click()
    desk.wait_for_url(f"**/crm/organization/{people.corp.pk}/change/**")
    now = Organization.get(people.corp.pk)
    assert (now.name, now.city) == ("Acme", "Graz")
    first, other = (Lead.create(name=f"Fleet {n}", source="fair") for n in (1, 2))
    other.update(status="Contacted").update(status="Qualified")
    desk.goto(f"{site}/~acme/admin/crm/lead/{other.pk}/do/merge/?into={first.pk}")
    row(desk, "Status").get_by_role("radio").nth(0).check()
    desk.get_by_role("button", name="Merge", exact=True).click()
    desk.wait_for_url(f"**/crm/lead/{first.pk}/change/**")
    assert Lead.get(first.pk).status == "Qualified"


def test_what_a_small_dialog_offers_is_not_cut_off_by_it(desk, site, people, twin):
    for n in range(6):
        Contact.create(name=f"Adam {n}")
    desk.goto(f"{site}/~acme/admin/crm/contact/{people.ada.pk}/change/")
    desk.wait_for_load_state()
    desk.get_by_label("More", exact=True).first.click()
    desk.get_by_role("button", name="Merge…").click()
    asked = dialog(desk)
    asked.locator(".select2-selection").click()
    desk.keyboard.type("Adam")
    last = asked.get_by_role("option", name="Adam").nth(3)
    expect(last).to_be_visible()
    assert last.evaluate("""(each) => {
      const { x, y, width, height } = each.getBoundingClientRect();
      return each.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }""")
    desk.keyboard.press("Escape")
    assert "lets-out" not in (asked.get_attribute("class") or "")
