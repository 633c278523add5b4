"""Lists are grouped and added up where they stand, and their columns are put in order by hand."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from headlessly.admin.lists import list_pages

pytestmark = pytest.mark.browser


@pytest.fixture
def leads(people: Any) -> list[Any]:
    from crm import Lead

    owners = (people.bob, people.bob, people.cleo, None)
    return [
        Lead.create(name=f"Lead {n}", source="web", owner=owner, score=10 * n, budget=1_000 * n)
        for n, owner in enumerate(owners, 1)
    ]


def test_a_list_is_added_up_and_grouped_by_owner(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?columns=score,budget,owner")
    total = desk.locator("#totals")
    expect(total).to_contain_text("4 leads")
    expect(total).to_contain_text("⌀ 25")
    expect(total).to_contain_text("10,000")
    # What is changed is added up anew.
    cell = desk.locator("table.list tbody tr", has_text="Lead 4").locator("[data-cell=budget]")
    cell.click()
    desk.locator(".celled input:visible").fill("5k")
    desk.keyboard.press("Enter")
    expect(total).to_contain_text("11,000")
    desk.evaluate("window.same = true")
    desk.locator("summary", has_text="Group").click()
    desk.locator(".menu").get_by_role("link", name="Owner").click()
    group = desk.locator("[data-group]")
    expect(group).to_have_count(3)
    expect(group.first).to_contain_text("Bob Stone 2")
    expect(group.first).to_contain_text("3,000")
    assert "group=owner" in desk.url
    group.first.get_by_role("link", name="Bob Stone").click()
    expect(group.first.locator("[data-row]")).to_have_count(2)
    expect(group.first).to_contain_text("Lead 1")
    expect(group.filter(has_text="No owner")).to_contain_text("5,000")
    assert desk.evaluate("window.same") is True


def test_an_open_group_stays_open_and_shows_what_a_colleague_changes(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?columns=score,budget&group=owner")
    bobs = desk.locator("[data-group]", has_text="Bob Stone")
    # Anywhere in its row.
    bobs.locator(".group td").last.click()
    expect(bobs.locator("[data-row]")).to_have_count(2)
    bobs.get_by_role("checkbox", name="Select Lead 1").check()
    bobs.get_by_role("link", name="Lead 2").focus()
    with desk.expect_response("**/admin/watch/"):
        pass
    leads[0].update(score=77)
    leads[3].update(owner=leads[0].owner)
    expect(bobs.locator("[data-row]", has_text="Lead 1")).to_contain_text("77")
    expect(bobs.locator("[data-row]")).to_have_count(3)
    expect(bobs.get_by_role("link", name="Bob Stone")).to_have_attribute("aria-expanded", "true")
    expect(bobs.get_by_role("checkbox", name="Select Lead 1")).to_be_checked()
    expect(bobs.get_by_role("link", name="Lead 2")).to_be_focused()
    bobs.get_by_role("link", name="Bob Stone").click()
    expect(bobs.locator("[data-row]")).to_have_count(0)
    desk.set_viewport_size({"width": 390, "height": 844})
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(bobs.locator("td[data-label=Budget]")).to_have_text("$7,000")


def test_groups_and_sums_are_of_what_one_sees_and_refuse_nonsense(client, bob, leads, theirs):
    client.force_login(bob)
    page = client.get("/~acme/admin/crm/lead/?group=status").content.decode()
    assert 'data-unfolds aria-expanded="false">New</a> <span class="count">4</span>' in page
    assert (
        "cannot be grouped by" in client.get("/~acme/admin/crm/lead/?group=need").content.decode()
    )
    found = client.get("/~acme/admin/crm/lead/totals/?columns=budget&score__gte=30")
    assert "7,000" in found.content.decode()
    assert client.get("/~acme/admin/crm/lead/totals/?nonsense=1").status_code == 204


def test_it_says_no_mean_of_what_cannot_be_compared(client, bob, people):
    from crm import ExchangeRate, Goal

    client.force_login(bob)
    for measure, target in (("WonValue", 90_000), ("WonDeals", 4)):
        Goal.create(measure=measure, period="Month", start_date="2026-01-01", target=target)
    for currency, rate in (("EUR", 1.1), ("JPY", 0.006)):
        ExchangeRate.create(currency=currency, day="2026-01-01", rate=rate)
    for place in ("goal", "exchangerate"):
        page = client.get(f"/~acme/admin/crm/{place}/").content.decode()
        assert "totals/?" not in page
        found = client.get(f"/~acme/admin/crm/{place}/totals/").content.decode()
        assert "⌀" not in found


def test_another_order_and_page_of_a_list_come_to_the_same_and_are_not_added_up_again(
    desk, site, people, monkeypatch
):
    from crm import Lead

    for n in range(27):
        Lead.create(name=f"Lead {n}", source="web", owner=people.bob, score=n)
    monkeypatch.setattr(list_pages, "ADDED_AT_ONCE", 10)
    added: list[str] = []
    desk.on("request", lambda r: "/totals/" in r.url and added.append(r.url))
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all")
    total = desk.locator("#totals")
    expect(total).to_contain_text("27 leads")
    desk.get_by_role("link", name="Score").click()
    expect(desk.locator("tbody tr").first).to_contain_text("Lead 26")
    desk.get_by_role("link", name="Next").click()
    expect(desk.locator("tbody tr")).to_have_count(2)
    expect(total).to_contain_text("27 leads")
    assert len(added) == 1
    desk.locator("summary", has_text="Group").click()
    desk.locator(".menu").get_by_role("link", name="Status").click()
    expect(desk.locator("[data-group]")).to_contain_text("New 27")
    expect(total).to_contain_text("27 leads")


def test_columns_are_put_in_order_and_made_as_wide_as_one_likes(desk, site, leads):
    desk.goto(f"{site}/~acme/admin/crm/lead/?columns=score,budget,owner")
    heads = desk.locator("thead th[data-wire]")
    desk.evaluate("window.same = true")
    desk.locator("th[data-wire=owner]").drag_to(
        desk.locator("th[data-wire=score]"), target_position={"x": 5, "y": 8}
    )
    expect(heads).to_have_text(["Name", "Owner", "Score", "Budget"])
    assert "columns=owner,score,budget" in desk.url
    desk.locator("th[data-wire=score] a").focus()
    desk.keyboard.press("Shift+ArrowRight")
    expect(heads).to_have_text(["Name", "Owner", "Budget", "Score"])
    expect(desk.locator("th[data-wire=score] a")).to_be_focused()
    edge = desk.locator("th[data-wire=budget] .edge").bounding_box()
    before = desk.locator("th[data-wire=budget]").bounding_box()["width"]
    desk.mouse.move(edge["x"] + 3, edge["y"] + 5)
    desk.mouse.down()
    desk.mouse.move(edge["x"] + 63, edge["y"] + 5, steps=3)
    desk.mouse.up()
    assert desk.evaluate("window.same") is True
    desk.reload()
    expect(heads).to_have_text(["Name", "Owner", "Budget", "Score"])
    assert desk.locator("th[data-wire=budget]").bounding_box()["width"] > before + 40
