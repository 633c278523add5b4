"""Three people at work, from signing in to the end of it: a rep, a manager, and who begins with nothing."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, sign_in
from tests.browser.test_rep import current, dialog

pytestmark = pytest.mark.browser


def row(page: Any, name: str) -> Any:
    return page.locator("table.list tbody tr").filter(has_text=name)


def test_a_reps_morning(desk, site, lead, people):
    from crm import Lead

    second = Lead.create(name="Brook Mill", source="fair", owner=people.bob, score=60)
    Lead.create(name="Somebody else's", source="fair", owner=people.cleo, score=99)
    keys, timeline, toasts = desk.keyboard, desk.get_by_label("Timeline"), desk.locator("#toasts")
    title = desk.get_by_role("heading", level=1)

    # What is mine, the best first; into the list it comes from, and into the first of them.
    desk.goto(f"{site}/~acme/admin/")
    mine = desk.get_by_label("Waits for a first answer")
    expect(mine.get_by_role("listitem").filter(has=desk.locator("a.name"))).to_have_count(2)
    desk.get_by_role("navigation", name="Menu").get_by_role("link", name="Leads").click()
    desk.get_by_role("link", name="My open leads").click()
    expect(desk.locator(".viewtabs [aria-current]")).to_contain_text("My open leads")
    expect(desk.locator("table.list tbody tr")).to_have_count(2)
    desk.wait_for_load_state()  # keys are heard from then on
    keys.press("j")
    keys.press("Enter")
    expect(title).to_have_text(re.compile(f"{lead.name}|Brook Mill"))
    if second.name in title.inner_text():
        keys.press("j")
        desk.wait_for_url(f"**/{lead.pk}/**")
    expect(title).to_have_text(lead.name)

    # A note, a call and a move, by keys alone.
    keys.press("n")
    keys.type("Read their tender. Twelve sites.")
    keys.press("Control+Enter")
    expect(timeline).to_contain_text("Read their tender.")
    keys.press("c")
    keys.type("Wants a pilot in May")
    keys.press("Control+Enter")
    expect(timeline).to_contain_text("Wants a pilot in May")
    keys.press("2")
    expect(current(desk)).to_have_text("Contacted")
    keys.press("3")
    expect(current(desk)).to_have_text("Qualified")

    # The deal is looked at and put right before it is there.
    keys.press("4")
    expect(dialog(desk)).to_contain_text("Ada Chen becomes Qualified")
    dialog(desk).locator("[name=deal-name]").fill("Acme pilot")
    dialog(desk).get_by_label("Value").fill("64,000")
    expect(dialog(desk)).to_contain_text("value $64,000")
    dialog(desk).get_by_role("button", name="Convert").click()
    desk.wait_for_url("**/crm/deal/**")
    expect(title).to_have_text("Acme pilot")

    # The other one: lost with a reason, back again, taken back.
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    row(desk, second.name).get_by_role("link", name=second.name).click()
    desk.get_by_role("button", name="Lose…").click()
    dialog(desk).get_by_role("button", name="Price").click()
    dialog(desk).get_by_role("button", name="Lose").click()
    expect(current(desk)).to_have_text("Lost")
    desk.get_by_role("button", name="Reopen").click()
    expect(current(desk)).to_have_text("New")
    toasts.get_by_role("button", name="Undo").last.click()
    expect(current(desk)).to_have_text("Lost")
    keys.press("k")
    expect(title).not_to_have_text(second.name)
    keys.press("j")
    expect(title).to_have_text(second.name)

    lead.refresh_from_db()
    second.refresh_from_db()
    assert (lead.status, lead.deal.name, lead.deal.value) == ("Converted", "Acme pilot", 64_000)
    assert (second.status, second.lost_reason) == ("Lost", "Price")


def test_a_managers_review(page, site, acme, people, lead):
    from crm import Lead
    from headlessly.access.models import Membership, User

    cleo = User.objects.create_user("cleo@sign.example", PASSWORD, first_name="Cleo")
    Membership.objects.create(user=cleo, tenant=acme, role="manager", contact_id=people.cleo.pk)
    for name in ("North", "South", "West"):
        Lead.create(name=name, source="fair", owner=people.bob, score=20)
    Lead.find({"name": "West"}).first().lose(lost_reason="Elsewhere")
    sign_in(page, site, cleo.email)
    rows = page.locator("table.list tbody tr")

    # A number of the dashboard is the list behind it; narrowed, it becomes the team's view.
    page.get_by_role("link", name="Dashboard").click()
    page.locator(".tile").filter(has_text="New leads").get_by_role("link").first.click()
    expect(rows).to_have_count(4)
    page.get_by_role("combobox", name="Source").select_option("fair")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Save view…").click()
    page.get_by_label("Name").fill("From the fair")
    page.locator("#save-view").get_by_role("button", name="Save for the team").click()
    expect(page.locator(".viewtabs [aria-current]")).to_have_text("From the fair")

    # Given to somebody, then given up, each with what became of it.
    page.get_by_role("checkbox", name="Select all on this page").check()
    page.get_by_role("button", name="Assign…").click()
    dialog(page).get_by_role("button", name="Cleo Marsh").click()
    expect(page.locator("#toasts")).to_contain_text("Assign: 3 done.")
    expect(dialog(page)).to_have_count(0)
    expect(row(page, "North").locator("[data-cell=owner]")).to_contain_text("Cleo Marsh")
    page.get_by_role("checkbox", name="Select all on this page").check()
    page.get_by_role("button", name="Lose…").click()
    dialog(page).get_by_role("button", name="Price").click()
    dialog(page).get_by_role("button", name="Lose").click()
    expect(dialog(page).get_by_role("heading")).to_have_text("Lose: 2 done, 1 not")
    expect(dialog(page).locator(".refused")).to_contain_text("West")
    dialog(page).get_by_role("link", name="Back to the list").click()
    expect(row(page, "North").locator("[data-cell=status]")).to_contain_text("Lost")
    expect(row(page, "West").get_by_role("checkbox")).to_be_checked()

    page.get_by_role("checkbox", name="Select all on this page").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    with open(download.value.path(), encoding="utf-8-sig") as file:
        assert {each["Name"] for each in csv.DictReader(file)} == {"North", "South", "West"}

    page.goto(f"{site}/~acme/admin/crm/lead/board/")
    expect(page.locator('[data-column="Lost"] [data-card]')).to_have_count(3)
    expect(page.locator('[data-column="New"] [data-card]')).to_contain_text(lead.name)
    lost = Lead.find({"status": "Lost"})
    assert {(found.name, found.owner.name) for found in lost} == {
        (name, "Cleo Marsh") for name in ("North", "South", "West")
    }


def test_a_new_tenants_first_hour(page, site, db, work, mailoutbox, browser):
    from django.core.management import call_command

    from crm import Lead
    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant

    said: list[str] = []
    call_command(
        "tenant", "mill", name="Brook Mill", admin="ann@mill.example",
        stdout=type("Out", (), {"write": lambda self, text, *a: said.append(text)})(),
    )  # fmt: skip
    password = re.search(r"password (\S+)", "".join(said)).group(1)
    sign_in(page, site, "ann@mill.example", password)
    page.wait_for_url("**/~mill/admin/")
    leads = f"{site}/~mill/admin/crm/lead/"

    # A colleague is invited, chooses a password, and sees an empty list with the ways to fill it.
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("link", name="Members").click()
    page.get_by_label("Email").fill("bob@mill.example")
    page.get_by_label("First name").fill("Bob")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("main")).to_contain_text("bob@mill.example")
    work()
    link = site + re.search(r"http://[^/]+(/\S+)", mailoutbox[-1].body)[1]
    with browser.new_context() as other:
        bob = other.new_page()
        bob.goto(link)
        bob.get_by_label("Password").fill(PASSWORD)
        bob.get_by_label("The same again").fill(PASSWORD)
        bob.get_by_role("button", name="Come in").click()
        bob.wait_for_url("**/~mill/admin/")
        bob.goto(leads)
        expect(bob.get_by_role("heading", name="No leads yet")).to_be_visible()
        expect(bob.locator(".ways a")).to_have_count(3)
        bob.locator(".ways").get_by_role("link", name="From a file").click()
        bob.locator("#import-file").set_input_files(
            {"name": "fair.csv", "mimeType": "text/csv",
             "buffer": b"name,source,score\nNorth,fair,40\nSouth,,50\nWest,fair,20\n"}
        )  # fmt: skip
        bob.get_by_role("progressbar").wait_for()
        work()
        refused = bob.get_by_role("region", name="Refused rows").last
        expect(refused).to_contain_text("Source: This is required.")
        bob.get_by_role("button", name="Import these 2 rows").click()
        bob.get_by_role("progressbar").wait_for()
        work()
        bob.get_by_role("link", name="To the leads").click()
        expect(bob.locator("table.list tbody tr")).to_have_count(2)

    # One by hand, and a key for the site.
    page.goto(leads)
    page.get_by_role("link", name="Add lead").click()
    dialog = page.get_by_role("dialog", name="New lead")
    dialog.get_by_label("What it is about").fill("Mill Street School")
    dialog.get_by_role("button", name="Create and open").click()
    expect(dialog.get_by_role("alert").first).to_contain_text("required")
    dialog.get_by_label("Source").fill("phone")
    dialog.get_by_role("button", name="Create and open").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mill Street School")
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Name").fill("Website")
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("[data-secret]").inner_text()
    answer = page.request.post(
        f"{site}/~mill/leads",
        headers={"Authorization": f"Bearer {secret}"},
        data={"name": "From the site", "source": "website"},
    )
    assert answer.status == 201
    with tenancy.active(Tenant.find_by_slug("mill")), actors.acting(actors.SYSTEM):
        assert {found.name for found in Lead.find()} == {
            "North", "West", "Mill Street School", "From the site",
        }  # fmt: skip
