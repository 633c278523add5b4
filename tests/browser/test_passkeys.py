"""A passkey in a real browser: made, asked for, and codes for the day it is not at hand."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from headlessly.access.models import Membership, User
from tests.browser.conftest import PASSWORD, sign_in

pytestmark = pytest.mark.browser

AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


def test_a_passkey_lets_in_beside_the_password_and_a_code_without_it(
    page: Any, site: str, acme: Any
):
    ann = User.objects.create_user("ann@sign.example", PASSWORD, first_name="Ann")
    Membership.objects.create(user=ann, tenant=acme, role="admin")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Policy" in said.text else None)
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    site = site.replace("127.0.0.1", "localhost")
    sign_in(page, site, ann.email)

    page.goto(f"{site}/~acme/admin/account/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("What you call it").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("button", name="Make recovery codes").click()
    code = page.get_by_role("listitem").filter(has=page.locator("code")).first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("Laptop")).to_be_visible()

    page.context.clear_cookies()
    sign_in(page, site, ann.email)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/~acme/admin/")

    # Over a page whose session has ended, too.
    page.goto(f"{site}/~acme/admin/crm/lead/add/")
    page.get_by_role("textbox", name="Name").fill("Half a lead")
    page.locator("[name=source]").fill("fair")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Create").click()
    over = page.get_by_role("dialog", name="Sign in")
    over.get_by_label("Email").fill(ann.email)
    over.get_by_label("Password").fill(PASSWORD)
    over.get_by_role("button", name="Sign in").click()
    expect(over.get_by_role("button", name="Use a passkey")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Half a lead")).to_be_visible()

    page.context.clear_cookies()
    removed = {"authenticatorId": device["authenticatorId"]}
    devices.send("WebAuthn.removeVirtualAuthenticator", removed)
    sign_in(page, site, ann.email)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Come in").click()
    page.wait_for_url("**/~acme/admin/")
    assert not errors
