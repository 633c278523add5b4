"""A proposal in a real browser: understood, approved, refused with a reason."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from headlessly.access import actors
from headlessly.access.models import ApiKey, Membership
from headlessly.scripts import proposals

pytestmark = pytest.mark.browser


@pytest.fixture
def propose(acme, bob):
    """What an agent proposes; Bob is a manager here."""
    Membership.objects.filter(user=bob).update(role="manager")
    key, _ = ApiKey.issue(acme, "Research agent", "propose")

    def propose(code, note=None):
        with actors.acting(key.actor):
            return proposals.propose(code, note)

    return propose


def test_a_manager_sees_what_will_happen_and_decides(desk, site, qualified, propose):
    propose(f'Lead.convert("{qualified.pk}")', "Acme is ready to buy")
    second = propose(f'Lead.update("{qualified.pk}", score=5)')
    desk.goto(f"{site}/~acme/admin/")
    desk.get_by_role("link", name="Suggested changes 2").click()
    desk.get_by_role("link", name="Acme is ready to buy").click()
    will = desk.get_by_label("What will happen")
    expect(will).to_contain_text("Convert lead Acme Platform Evaluation")
    expect(will).to_contain_text("Create deal Acme Platform Evaluation")
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("Bob approved this")).to_be_visible()
    qualified.refresh_from_db()
    assert qualified.status == "Converted"

    desk.goto(f"{site}/~acme/admin/proposals/{second.pk}/")
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("The world has changed since this was proposed")).to_be_visible()
    desk.get_by_text("Refuse…").click()
    expect(desk.get_by_label("Why?")).to_be_focused()
    desk.keyboard.type("It is converted by now")
    desk.get_by_role("button", name="Refuse").click()
    desk.wait_for_url("**/admin/proposals/")
    expect(desk.get_by_text("Nothing waits")).to_be_visible()
    second.refresh_from_db()
    assert (second.status, second.reason) == ("Refused", "It is converted by now")
