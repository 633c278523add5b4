"""A queue is worked through by keyboard: each record once, in the order in which the list was opened."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from headlessly.admin.lists import list_pages
from tests.browser.test_rep import dialog

pytestmark = pytest.mark.browser


@pytest.fixture
def leads(people: Any) -> list[Any]:
    from crm import Lead

    return [
        Lead.create(name=f"Lead {n}", source="web", owner=people.bob, contact=people.ada, score=n)
        for n in range(10)
    ]


def test_ten_leads_are_worked_each_once_though_the_order_changes(desk, site, leads):
    from crm import Activity

    leads[3].update(status="Contacted")
    leads[3].update(status="Qualified")
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=lastActivityAt")
    first = desk.locator("table.list tbody .name a").first
    first.focus()
    desk.keyboard.press("Enter")
    place = desk.locator("#record .steps .quiet")
    seen = []
    for done in range(10):
        expect(place).to_have_text(f"{done + 1} of 10, {done} done")
        name = desk.get_by_role("heading", level=1).text_content() or ""
        seen.append(name)
        desk.keyboard.press("c")
        desk.keyboard.type(f"Spoke about {name}")
        desk.keyboard.press("Control+Enter")
        expect(place).to_have_text(f"{done + 1} of 10, {done + 1} done")
        if name == "Lead 3":
            # What it became is looked at, and the queue goes on from there.
            desk.get_by_role("button", name="Convert…").click()
            expect(dialog(desk)).to_contain_text("What will happen")
            dialog(desk).get_by_role("button", name="Convert").click()
            desk.wait_for_url("**/crm/deal/**")
            expect(place).to_contain_text(f"{done + 1} of 10 led here")
        if done < 9:
            desk.keyboard.press("j")
            expect(desk.get_by_role("heading", level=1)).not_to_have_text(name)
    assert sorted(seen) == sorted(lead.name for lead in leads)
    expect(desk.locator("#record .steps a[rel=next]")).to_have_count(0)
    assert Activity.objects.filter(lead__isnull=False).count() == 10


def test_of_a_long_list_it_says_that_there_are_more(desk, site, leads, monkeypatch):
    monkeypatch.setattr(list_pages, "LONGEST_QUEUE", 3)
    desk.goto(f"{site}/~acme/admin/crm/lead/?view=all&o=-score")
    desk.get_by_role("link", name="Lead 9").click()
    expect(desk.locator("#record .steps .quiet")).to_have_text("1 of 3+, 0 done")


def test_the_order_of_a_list_is_told_to_those_who_see_it_alone(client, bob, leads, theirs):
    client.force_login(bob)
    answer = client.get("/~acme/admin/crm/lead/queue/?o=-score&score__gte=7")
    assert answer.json()["ids"] == [leads[n].pk for n in (9, 8, 7)]
    assert client.get("/~acme/admin/crm/lead/queue/?nonsense=1").status_code == 404
    assert client.get("/~rival/admin/crm/lead/queue/").status_code == 404
