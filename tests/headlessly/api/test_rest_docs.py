"""The page that tries the API: for those who belong here, with nothing from anywhere else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from headlessly.access.models import Membership, User
from tests.answered import answered, problem

HTML = {"Accept": "text/html,application/xhtml+xml"}


def browser_of(tenant: Any) -> Client:
    user = User.objects.create_user("ann@sign.example", first_name="Ann")
    Membership.objects.create(user=user, tenant=tenant, role="viewer")
    browser = Client(headers=HTML)
    browser.force_login(user)
    return browser


def test_it_shows_the_page_to_a_member(acme: Any) -> None:
    browser = browser_of(acme)
    page = browser.get("/~acme/docs")
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert 'data-document="/~acme/openapi.json"' in page.content.decode()
    assert answered(browser.get("/~acme/openapi.json"))["openapi"] == "3.1.0"
    assert page.cookies["csrftoken"].value
    assert page["Cache-Control"] == "private, no-store"


def test_it_loads_nothing_from_elsewhere_and_runs_nothing_inline(acme: Any) -> None:
    page = browser_of(acme).get("/~acme/docs")
    text = page.content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    for address in loaded:
        assert address.startswith(("/static/", "/~acme/")), address
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
    assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=", text)
    assert "default-src 'none'; script-src 'self';" in page["Content-Security-Policy"]


def test_it_shows_the_page_to_a_key(api: Any) -> None:
    page = api.call("GET", "/docs")
    assert (page.status_code, b"swagger-ui" in page.content) == (200, True)
    problem(api.call("POST", "/docs", {}), 405, "method_not_allowed")
    problem(api.call("GET", "/docs?x=1"), 400, "bad_request")


@pytest.mark.parametrize("slug", ["acme", "nobodys"])
def test_it_leads_an_anonymous_browser_to_the_sign_in_page(acme: Any, slug: str) -> None:
    answer = Client(headers=HTML).get(f"/~{slug}/docs")
    assert (answer.status_code, answer["Location"]) == (302, f"/?next=/~{slug}/docs")
    problem(Client(headers=HTML).get(f"/~{slug}/openapi.json"), 401, "unauthorized")
    bad_key = HTML | {"Authorization": "Bearer hly_sk_nothing"}
    problem(Client(headers=bad_key).get(f"/~{slug}/docs"), 401, "unauthorized")


def test_it_does_not_lead_those_in_circles_who_are_signed_in_elsewhere(
    acme: Any, rival: Any
) -> None:
    problem(browser_of(acme).get("/~rival/docs"), 401, "unauthorized")
