"""An email is begun with a template by a key, sent, and taken back before it goes out."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright is installed with `pip install .[test]`.")
from playwright.sync_api import expect

from crm import Activity, EmailTemplate, Lead

pytestmark = pytest.mark.browser


def test_it_is_begun_sent_and_taken_back_where_one_is(desk: Any, site: str, people: Any) -> None:
    EmailTemplate.create(
        name="Hello", about="Lead", subject="{{name}}", body="Hello {{contact.firstName|there}},"
    )
    people.ada.update(email="ada@acme.example")
    lead = Lead.create(name="Platform", source="web", contact=people.ada, owner=people.bob)
    desk.goto(f"{site}/~acme/admin/crm/lead/{lead.pk}/change/")
    desk.keyboard.press("m")
    form = desk.locator("#write-email")
    expect(form.get_by_label("Recipient")).to_have_value("ada@acme.example")
    form.get_by_role("link", name="Hello").click()
    expect(form.get_by_label("Subject")).to_have_value("Platform")
    message = form.get_by_label("Message")
    expect(message).to_have_value("Hello there,")
    message.fill("Hello there,\n\nwhen shall we talk?")
    form.get_by_role("button", name="Send email").click()
    expect(desk.locator(".toast")).to_contain_text("Email sent.")
    (email,) = Activity.objects.filter(lead=lead.pk)
    assert (email.delivery, email.recipient) == ("Waiting", "ada@acme.example")
    assert email.description.endswith("when shall we talk?")
    desk.locator(".toast").get_by_role("button", name="Undo").click()
    expect(desk.locator("#timeline")).to_contain_text("took something back")
    assert not Activity.objects.filter(pk=email.pk).exists()
