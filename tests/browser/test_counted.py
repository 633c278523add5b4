"""The first hour of a new company, from nothing to its first deal, counted: clicks, keys, pages that load.

docs/effort.md has these counts beside those of the best in the field; a count that grows fails here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.effort import Effort
from tests.browser.test_rep import current, dialog

pytestmark = pytest.mark.browser
ELSEWHERE = "http://shop.example/contact"
MESSY = Path(__file__).parents[1] / "data" / "messy.csv"


def test_a_first_hour_from_nothing_to_the_first_deal(
    page: Any, site: str, db: None, work: Any
) -> None:
    from django.core.management import call_command

    from crm import Deal, Lead
    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant

    said: list[str] = []
    out = type("Out", (), {"write": lambda self, text, *a: said.append(text)})()
    call_command("tenant", "mill", name="Brook Mill", admin="ann@mill.example", stdout=out)
    password = re.search(r"password (\S+)", "".join(said)).group(1)
    sign_in(page, site, "ann@mill.example", password)
    page.wait_for_url("**/~mill/admin/")
    # The next day: the session is over, and the browser knows whose it was.
    page.context.clear_cookies(name="sessionid")
    page.goto(site)
    page.wait_for_load_state()
    effort, menu = Effort(page), page.get_by_role("navigation", name="Menu")
    main, embed = page.get_by_role("main"), ""

    def come_in() -> None:
        expect(page.get_by_label("Password")).to_be_focused()
        effort.type(password)
        effort.press("Enter")
        page.wait_for_url("**/~mill/admin/")

    def bring_in() -> None:
        effort.click(page.locator(".ways").get_by_role("link", name="From a file"))
        with page.expect_file_chooser() as chooser:
            effort.click(page.get_by_label("File", exact=True))
        chooser.value.set_files(MESSY)
        page.get_by_role("progressbar").wait_for()
        work()
        effort.click(page.get_by_role("button", name="Import these 499 rows"))
        page.get_by_role("progressbar").wait_for()
        work()
        expect(page.get_by_role("link", name="To the leads")).to_be_visible()

    def invite() -> None:
        effort.click(page.get_by_label("Email"))
        effort.type("bob@mill.example")
        effort.press("Tab")
        effort.type("Bob")
        effort.press("Enter")
        expect(main).to_contain_text("bob@mill.example")

    def add_two_stages() -> None:
        effort.click(page.get_by_role("link", name="Add pipeline").first)
        effort.click(page.locator("#id_name"))
        effort.type("Mills")
        effort.click(main.get_by_label("Default"))
        for stage in ("Trial", "Site visit"):
            effort.click(page.get_by_role("button", name="Add a row"))
            effort.type(stage)
        effort.click(page.get_by_role("button", name="Create"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Mills")

    def publish_a_form() -> None:
        nonlocal embed
        effort.click(menu.get_by_role("link", name="Forms"))
        effort.click(page.get_by_role("link", name="Add form").first)
        effort.click(page.get_by_label("Name").first)
        effort.type("Ask us")
        effort.click(page.get_by_role("combobox", name="Campaign"))
        effort.type("Spring")
        effort.click(page.get_by_role("option", name="Create “Spring”"))
        expect(page.get_by_role("combobox", name="Campaign")).to_contain_text("Spring")
        effort.click(page.get_by_role("button", name="Create", exact=True))
        effort.click(page.get_by_role("button", name="Publish", exact=True))
        embed = page.locator("#embed").input_value()

    def convert() -> None:
        effort.click(menu.get_by_role("link", name="Leads"))
        effort.click(page.get_by_role("link", name="Ask us: Eva Novak"))
        expect(current(page)).to_have_text("New")
        page.wait_for_load_state()
        for key, state in (("2", "Contacted"), ("3", "Qualified")):
            effort.press(key)
            expect(current(page)).to_have_text(state)
        effort.press("4")
        expect(dialog(page).locator("[name=deal-value]")).to_be_focused()
        effort.press("Enter")
        page.wait_for_url("**/crm/deal/**")

    effort.count("sign in the next day", come_in)
    page.goto(f"{site}/~mill/admin/crm/lead/")
    page.wait_for_load_state()
    effort.count("import 500 rows with headings of one's own", bring_in)
    page.goto(f"{site}/~mill/admin/settings/members/")
    page.wait_for_load_state()
    effort.count("invite a member", invite)
    page.goto(f"{site}/~mill/admin/crm/pipeline/")
    page.wait_for_load_state()
    effort.count("two stages", add_two_stages)
    effort.count("a campaign with its form", publish_a_form)
    visit(page, embed)
    page.goto(f"{site}/~mill/admin/")
    page.wait_for_load_state()
    effort.count("the first conversion", convert)
    with tenancy.active(Tenant.find_by_slug("mill")), actors.acting(actors.SYSTEM):
        lead = Lead.find({"name": "Ask us: Eva Novak"}, include=["campaign"]).get()
        assert (lead.status, lead.campaign.name) == ("Converted", "Spring")
        assert Lead.count() == 500 and Deal.count() == 1
    page.get_by_role("navigation", name="Menu").get_by_role("link", name="Deals").click()
    page.get_by_role("link", name="Board", exact=True).click()
    for stage in ("Trial", "Site visit"):
        expect(page.get_by_role("region", name=stage)).to_be_attached()
    effort.compare()


def visit(page: Any, embed: str) -> None:
    """A visitor of another site, whose page has the form, asks."""
    page.route(
        f"{ELSEWHERE}*",
        lambda route: route.fulfill(content_type="text/html", body=f"<!doctype html>{embed}"),
    )
    page.goto(f"{ELSEWHERE}?utm_source=shop")
    page.locator("input[type=email]").fill("eva@novak.example")
    for other in page.locator("input[type=text][required]").all():
        other.fill("Eva Novak")
    page.locator("[type=submit], button").first.click()
    page.wait_for_url(lambda address: not address.startswith(ELSEWHERE))
