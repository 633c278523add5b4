"""Reports in the browser: put together by keyboard, without scripts, looked at by everybody, on paper."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import sign_in
from tests.browser.test_everybody import Walk, user, walk  # noqa: F401  (a fixture)

pytestmark = pytest.mark.browser

LEADS = "/~acme/admin/reports/leads/"


@pytest.fixture
def many(acme: Any, people: Any) -> None:
    from crm import Lead

    for number in range(60):
        Lead.create(name="L", source=f"source {number}", owner=people.bob, budget=number)


def test_they_are_for_everybody(walk: Walk, site: str, acme: Any, many: None) -> None:  # noqa: F811
    sign_in(walk.page, site, user("ann", (acme, "admin")).email)
    walk.go(f"{LEADS}?groupBy=source&measures=count&measures=sum(budget)")
    walk.go(f"{LEADS}?over=day(createdAt)&groupBy=owner")
    walk.go(f"{LEADS}?groupBy=nothing&as=line", status=400)
    page = walk.page
    page.goto(f"{site}{LEADS}?groupBy=owner")
    page.get_by_text("Save this report").click()
    page.get_by_label("Name", exact=True).fill("Who has how many")
    page.get_by_label("Put it on my page").check()
    walk.look("saving", full=False)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("heading", name="Who has how many").wait_for()
    walk.go("/~acme/admin/reports/")


def test_they_fit_two_pages_of_paper(desk: Any, site: str, many: None) -> None:
    desk.goto(f"{site}{LEADS}?groupBy=source&measures=count&measures=sum(budget)")
    pages = re.findall(rb"/Type\s*/Page[^s]", desk.pdf(format="A4"))
    assert len(pages) == 2


def test_they_need_no_script_and_no_mouse(browser: Any, site: str, bob: Any, many: None) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, site, "bob@sign.example")
    page.goto(f"{site}{LEADS}")
    page.get_by_label("Group by").select_option(label="Owner")
    page.get_by_label("Measure").focus()
    page.get_by_label("Measure").select_option(label="Sum of budget")
    page.get_by_role("button", name="Show", exact=True).press("Enter")
    page.wait_for_url("**groupBy=owner**")
    row = page.get_by_role("row", name="Bob Stone")
    assert "$1,770" in row.inner_text()
    row.get_by_role("link", name="$1,770").press("Enter")
    page.wait_for_url("**/crm/lead/?**")
    assert "60" in page.get_by_role("heading", level=1).inner_text()
    page.context.close()
