"""The dashboard in a real browser."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_is_read_and_narrowed_on_a_phone_without_the_mouse(desk: Any, site: str, lead: Any) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.goto(f"{site}/~acme/admin/dashboard/")
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Dashboard")
    funnel = desk.get_by_role("region", name="Funnel").first
    expect(funnel.get_by_role("table")).to_be_hidden()
    funnel.get_by_text("As a table").focus()
    desk.keyboard.press("Enter")
    expect(funnel.get_by_role("row", name="New 1")).to_be_visible()
    assert desk.evaluate("document.documentElement.scrollWidth") <= 390
    desk.get_by_label("Period").select_option("last_month")
    desk.wait_for_url("**/dashboard/?period=last_month")
    expect(desk.get_by_text("No lead was created in this period.").first).to_be_visible()
    desk.get_by_role("link", name="Only mine").click()
    desk.wait_for_url("**/dashboard/?period=last_month&owner=me")
    assert desk.locator(".charts [style]").count() == 0


OVERHANGING = """([within, inside]) => [...document.querySelectorAll(within)].flatMap((card) =>
  [...card.querySelectorAll(inside)].filter((each) => {
    const range = document.createRange();
    range.selectNodeContents(each);
    return range.getBoundingClientRect().right > card.getBoundingClientRect().right;
  }).map((each) => each.textContent))"""


def test_amounts_in_several_currencies_stay_in_their_card(desk: Any, site: str, lead: Any) -> None:
    from crm import Deal

    for currency in ("EUR", "GBP", "USD", "CHF"):
        Deal.create(
            name=currency, value=123_456, currency=currency, stage="Negotiation",
            expected_close_date=date.today(),
        )  # fmt: skip
    for width in (1440, 390):
        desk.set_viewport_size({"width": width, "height": 900})
        desk.goto(f"{site}/~acme/admin/dashboard/")
        expect(desk.get_by_label("Forecast by category").first).to_contain_text("£123,456")
        assert desk.evaluate(OVERHANGING, [".card.graph", ".figure"]) == []
