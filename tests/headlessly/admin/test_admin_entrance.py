"""The root: sign in, choose where to go, sign out."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

PASSWORD = "right-horse-battery"


@pytest.fixture
def bob_with_password(users: SimpleNamespace) -> Any:
    users.bob.set_password(PASSWORD)
    users.bob.save()
    return users.bob


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/", {"username": email, "password": password, **more})


def test_signs_in_by_email_whatever_its_case_and_leads_to_the_only_tenant(bob_with_password):
    client = Client()
    assert sign_in(client, "BOB@sign.example").headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/~acme/admin/"


def test_says_the_same_for_a_wrong_password_and_for_an_unknown_email(bob_with_password):
    wrong = sign_in(Client(), "bob@sign.example", "nope").content.decode()
    unknown = sign_in(Client(), "bab@sign.example", "nope").content.decode()
    assert "do not fit" in wrong
    assert re.findall(r'name="(\w+)"[^>]* autofocus', wrong) == ["password"]
    strip = lambda page: page.split('name="username"')[0].split("csrfmiddlewaretoken")[0]  # noqa: E731
    assert strip(wrong) == strip(unknown)


def test_refuses_who_is_not_active(bob_with_password):
    bob_with_password.is_active = False
    bob_with_password.save()
    client = Client()
    assert "do not fit" in sign_in(client, "bob@sign.example").content.decode()
    assert "_auth_user_id" not in client.session


def test_gives_the_session_a_new_key(bob_with_password):
    client = Client()
    session = client.session
    session["seen"] = True
    session.save()
    before = client.session.session_key
    client.cookies["sessionid"] = before
    sign_in(client, "bob@sign.example")
    assert client.session.session_key != before


def test_needs_the_csrf_token(bob_with_password):
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, "bob@sign.example").status_code == 403


def test_goes_on_to_an_address_of_this_site(bob_with_password):
    onward = "/~acme/admin/crm/lead/"
    assert sign_in(Client(), "bob@sign.example", next=onward).headers["Location"] == onward


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
def test_goes_nowhere_else(bob_with_password, elsewhere):
    assert sign_in(Client(), "bob@sign.example", next=elsewhere).headers["Location"] == "/"
    page = Client().get("/", {"next": elsewhere}).content.decode()
    assert "evil" not in page
    assert "javascript:alert" not in page


def test_offers_a_choice_of_several_tenants(users, rival):
    from headlessly.access.models import Membership

    Membership.objects.create(user=users.bob, tenant=rival, role="viewer")
    client = Client()
    client.force_login(users.bob)
    page = client.get("/").content.decode()
    assert "/~acme/admin/" in page
    assert "/~rival/admin/" in page
    assert 'href="/admin/"' not in page


def test_tells_who_belongs_to_no_tenant_what_to_do(users):
    client = Client()
    client.force_login(users.nobody)
    page = client.get("/")
    assert page.status_code == 200
    assert "does not belong to a team yet" in page.content.decode()


def test_shows_the_operator_their_pages(users):
    client = Client()
    client.force_login(users.olga)
    assert 'href="/admin/"' in client.get("/").content.decode()


def test_signs_out_by_post_only(bob):
    assert bob.get("/logout").status_code == 405
    assert "_auth_user_id" in bob.session
    assert bob.post("/logout").headers["Location"] == "/"
    assert "_auth_user_id" not in bob.session


def test_signs_out_of_the_workplace_by_post_only(bob):
    assert bob.get("/~acme/admin/logout/").status_code == 405
    assert "_auth_user_id" in bob.session
    assert bob.post("/~acme/admin/logout/").headers["Location"] == "/"
    assert "_auth_user_id" not in bob.session


@pytest.mark.parametrize(
    ("referrer", "onward"),
    [
        ("http://testserver/~acme/admin/crm/lead/?status=New", "/~acme/admin/crm/lead/?status=New"),
        ("http://elsewhere.example/~acme/admin/", "/~acme/admin/"),
        ("", "/~acme/admin/"),
    ],
)
def test_who_is_signed_out_while_sending_comes_back_to_a_page_that_can_be_read(
    address, lead, referrer, onward
):
    there = address(lead, "move")
    answer = Client().post(there, {"to": "Contacted"}, headers={"referer": referrer})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/?" + urlencode({"next": onward}, safe="/~")


def test_a_script_is_told_where_to_sign_in_and_stays_where_it_is(address, lead):
    answer = Client().post(address(lead, "move"), {"to": "Contacted"}, headers={"X-Live": "1"})
    assert (answer.status_code, answer.headers["X-Sign-In"]) == (401, "/")
    lead.refresh_from_db()
    assert lead.status == "New"
