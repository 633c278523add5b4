"""A filter is put together on a list and in a segment, by keyboard and mouse, with scripts and without; and
admins find out who did what."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from tests.browser.conftest import open_session
from tests.browser.test_everybody import Walk, user, walk  # noqa: F401

pytestmark = pytest.mark.browser

LEADS = "/~acme/admin/crm/lead/"


@pytest.fixture
def leads(people: Any) -> list[Any]:
    """One with a call planned, one without, one without a score."""
    from crm import Activity, Lead

    made = [
        Lead.create(name=f"Lead {name}", source=source, score=score, owner=people.bob)
        for name, source, score in (("A", "web", 90), ("B", "event", 80), ("C", "web", None))
    ]
    Activity.create(subject="Call", type="Call", lead=made[0])
    return made


def filter_of(address: str) -> Any:
    return json.loads(parse_qs(urlsplit(address).query)["filter"][0])


def test_a_list_is_narrowed_by_what_is_not_there(desk, site, leads):
    desk.goto(f"{site}{LEADS}?view=all")
    desk.evaluate("window.same = true")
    rows = desk.locator("table.list tbody tr")
    expect(rows).to_have_count(3)
    desk.locator("summary", has_text="More filters").click()
    desk.get_by_role("link", name="Build a filter…").click()
    dialog = desk.get_by_role("dialog", name="Filter the leads")
    what = dialog.get_by_label("What the condition is about")
    expect(what).to_be_focused()
    what.select_option("@activities")
    dialog.get_by_label("Activities: what is said of it").select_option("none")
    dialog.get_by_role("button", name="Add a condition").first.click()
    inner = dialog.locator('[name="f.0.0.0"]')
    expect(inner).to_be_focused()
    inner.select_option(label="Status")
    dialog.get_by_role("group", name="Status").get_by_label("Pending").check()
    dialog.get_by_role("button", name="Add a condition").last.click()
    dialog.locator('[name="f.0.1"]').select_option("score")
    dialog.locator('[name="o.0.1"]').select_option("filled")
    dialog.locator(".submit .strong").click()
    expect(dialog).to_be_hidden()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Lead B")
    assert filter_of(desk.url) == {
        "activities": {"$none": {"status": "Pending"}},
        "score": {"$exists": True},
    }
    assert desk.evaluate("window.same")

    # Taken up again it has the same rows; what is wrong is said beside its row.
    desk.get_by_role("link", name="Remove the filter Score is filled").click()
    expect(rows).to_have_count(2)
    desk.locator("summary", has_text="More filters").click()
    desk.get_by_role("link", name="Build a filter…").click()
    expect(dialog.locator('[name="f.0.0"]')).to_have_value("@activities")
    expect(dialog.get_by_role("group", name="Status").get_by_label("Pending")).to_be_checked()
    dialog.get_by_role("button", name="Add a condition").last.click()
    dialog.locator('[name="f.0.1"]').select_option("score")
    dialog.locator('[name="o.0.1"]').select_option("gte")
    dialog.locator('input[name="v.0.1"]').fill("many")
    desk.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("This is a number")
    expect(dialog.locator('input[name="v.0.1"]')).to_be_focused()
    desk.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_filter_is_put_together_without_scripts(browser, site, bob, leads):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_session(page, site, bob)
    page.goto(f"{site}{LEADS}filter/")
    page.locator('[name="f.0.0"]').select_option("source")
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator('[name="o.0.0"]').select_option("is")
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator('[name="v.0.0"]').fill("web\nphone")
    page.locator(".submit .strong").click()
    assert filter_of(page.url) == {"source": {"$in": ["web", "phone"]}}
    assert page.locator("table.list tbody tr").count() == 2
    context.close()


def test_a_segment_is_made_of_rows(desk, site, leads, bob):
    from headlessly.access.models import Membership
    from marketing import Segment

    Membership.objects.filter(user=bob).update(role="manager")
    desk.goto(f"{site}/~acme/admin/marketing/segment/add/")
    desk.get_by_label("Name").fill("Warm")
    desk.get_by_label("What it is about").select_option("Lead")
    desk.locator('[name="f.0.0"]').select_option("score")
    desk.locator('[name="o.0.0"]').select_option("gte")
    value, save = (
        desk.locator('input[name="v.0.0"]'),
        desk.locator("form .submit .btn.strong").first,
    )
    # What is unfinished or wrong is said, and not left out of what is saved; nor is what could not be read.
    save.click()
    expect(desk.locator(".builder .bad")).to_contain_text("Say a value")
    expect(value).to_be_focused()
    value.fill("many")
    save.click()
    expect(desk.locator(".builder .bad")).to_contain_text("This is a number")
    expect(value).to_be_focused()
    desk.route("**/lead/filter/**", lambda route: route.fulfill(status=500))
    value.fill("85")
    save.click()
    expect(desk.get_by_role("alert").last).to_contain_text("The conditions could not be read.")
    assert not Segment.find()
    desk.unroute("**/lead/filter/**")
    save.click()
    card = desk.get_by_role("region", name="Members now")
    expect(card).to_contain_text("Lead A")
    assert Segment.find()[0].criteria == {"type": "Lead", "filter": {"score": {"$gte": 85}}}
    card.get_by_role("link", name="Open as a list").click()
    expect(desk.locator("table.list tbody tr")).to_have_count(1)
    desk.locator("table.list").get_by_role("checkbox", name="Select Lead A").check()
    expect(desk.get_by_role("toolbar")).to_be_visible()


def test_admins_look_through_the_settings(walk, site, acme, leads):  # noqa: F811
    ann = user("ann", (acme, "admin"))
    page = walk.page
    open_session(page, site, ann)
    query = json.dumps({"activities": {"$none": {}}, "$or": [{"score": 3}, {"owner": None}]})
    walk.go(f"{LEADS}filter/?filter={query}")
    walk.go("/~acme/admin/settings/log/?what=Lead.Created")
    expect(page.locator("ul.log li")).to_have_count(3)
    page.get_by_label("Who", exact=True).select_option(label="Ann")
    page.get_by_role("button", name="Show").or_(page.get_by_text("Clear all")).first.wait_for()
    expect(page.locator("ul.log li")).to_have_count(0)
    if places := os.environ.get("LOOK_AT"):
        _look(page, site, places)


def _look(page: Any, site: str, folder: str) -> None:
    """Pictures of the pages, for somebody to look at."""
    query = json.dumps({
        "activities": {"$none": {"status": "Pending"}},
        "$or": [{"score": {"$gte": 80}}, {"owner": None}], "createdAt": {"$gte": "30d ago"},
    }).replace("createdAt", "$createdAt")  # fmt: skip
    places = {"filter": f"{LEADS}filter/?filter={query}", "list": f"{LEADS}?filter={query}",
              "log": "/~acme/admin/settings/log/", "general": "/~acme/admin/settings/",
              "members": "/~acme/admin/settings/members/"}  # fmt: skip
    for name, place in places.items():
        for width, scheme in ((1440, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.goto(site + place)
            page.screenshot(path=f"{folder}/{name}-{width}.png")
