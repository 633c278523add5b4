"""Sessions: listed, ended one by one and all on a change, over after idleness and after all; and what asks
for the password again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from headlessly.accounts.models import Session
from headlessly.accounts.sessions import UNATTENDED, living_sessions
from tests.headlessly.accounts.letters import link_in
from tests.headlessly.accounts.signing import PASSWORD, sign_in

ACCOUNT = "/~acme/admin/account/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def user(people_with_passwords: Any) -> Any:
    return people_with_passwords.ann


def is_in(client: Client) -> bool:
    return client.get("/~acme/admin/").status_code == 200


def test_they_are_listed_and_ended_one_by_one(user):
    here, there = sign_in(user), sign_in(user, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.7")
    page = here.get(ACCOUNT).content.decode()
    assert "Firefox, Linux" in page and "192.0.2.7" in page and "this browser" in page
    other = Session.objects.get(address="192.0.2.7")
    assert other.session_key not in page
    assert here.post(f"{ACCOUNT}sessions/{other.public_id}/end/").status_code == 302
    assert is_in(here) and not is_in(there)
    assert here.post(f"{ACCOUNT}sessions/{other.public_id}/end/").status_code == 404


def test_nobody_ends_those_of_somebody_else(user, people_with_passwords):
    mine, theirs = sign_in(user), sign_in(people_with_passwords.bob)
    other = Session.objects.get(user=people_with_passwords.bob)
    assert mine.post(f"{ACCOUNT}sessions/{other.public_id}/end/").status_code == 404
    mine.post(f"{ACCOUNT}sessions/end/")
    assert is_in(theirs)


def test_all_others_are_ended_at_once(user):
    here, one, two = sign_in(user), sign_in(user), sign_in(user)
    here.post(f"{ACCOUNT}sessions/end/")
    assert [is_in(client) for client in (here, one, two)] == [True, False, False]


def test_a_new_password_ends_all_others_and_its_owner_is_told(user, work, mailoutbox):
    here, there = sign_in(user), sign_in(user)
    new = {"new_password1": "other-horse-battery", "new_password2": "other-horse-battery"}
    assert here.post(f"{ACCOUNT}password/", new | {"old_password": "no"}).status_code == 422
    short = {"new_password1": "short", "new_password2": "short", "old_password": PASSWORD}
    assert here.post(f"{ACCOUNT}password/", short).status_code == 422
    two = new | {"new_password2": "another", "old_password": PASSWORD}
    assert here.post(f"{ACCOUNT}password/", two).status_code == 422
    assert is_in(there)
    assert here.post(f"{ACCOUNT}password/", new | {"old_password": PASSWORD}).status_code == 302
    assert is_in(here) and not is_in(there)
    assert Session.objects.filter(user=user).count() == 1
    work()
    assert "Your password was changed" in [letter.subject for letter in mailoutbox]


def test_a_forgotten_password_is_chosen_anew_by_a_link_that_works_once(user, work, mailoutbox):
    there = sign_in(user)
    client = Client()
    known = client.post("/forgotten", {"email": "ANN@sign.example"}).content.decode()
    unknown = client.post("/forgotten", {"email": "xyz@sign.example"}).content.decode()
    assert known.replace("ann@", "xyz@") == unknown
    work()
    (letter,) = mailoutbox
    link = link_in(letter)
    assert client.get(link).status_code == 200
    new = {"new_password1": "other-horse-battery", "new_password2": "other-horse-battery"}
    assert client.post(link, new).status_code == 302
    assert is_in(client) and not is_in(there)
    assert Client().get(link).status_code == 404


@pytest.mark.parametrize("wrong", ["", "nonsense", "a\0@b.example"])
def test_a_forgotten_password_needs_an_address(wrong, db):
    assert Client().post("/forgotten", {"email": wrong}).status_code == 422


def test_a_link_ends_after_its_time_and_with_another_password(user, work, mailoutbox, settings):
    Client().post("/forgotten", {"email": user.email})
    work()
    link = link_in(mailoutbox[0])
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert Client().get(link).status_code == 404
    settings.PASSWORD_RESET_TIMEOUT = 60
    assert Client().get(link).status_code == 200
    user.set_password("other-horse-battery")
    user.save()
    assert Client().get(link).status_code == 404
    for wrong in ("/password/user_x/abc-def", "/password/%00/abc-def", f"{link}/user_x"):
        assert Client().get(wrong).status_code == 404


def test_where_no_mail_is_set_up_it_says_whom_to_ask(db, settings):
    settings.MAIL_IS_SET_UP = False
    page = Client().get("/forgotten").content.decode()
    assert "Ask an admin of your team" in page and "<form" not in page


def test_it_is_over_when_nobody_uses_it_and_in_any_case(user, settings):
    client = sign_in(user)
    Session.objects.update(seen_at=timezone.now() - settings.SESSION_IDLE + timedelta(minutes=1))
    assert is_in(client)
    assert Session.objects.get(user=user).seen_at > timezone.now() - timedelta(minutes=1)
    Session.objects.update(seen_at=timezone.now() - settings.SESSION_IDLE)
    assert not is_in(client)
    client = sign_in(user)
    Session.objects.update(created_at=timezone.now() - settings.SESSION_LASTS)
    assert not is_in(client)
    assert not living_sessions(user).exists()


def test_what_an_open_page_asks_by_itself_does_not_use_it(user):
    client, earlier = sign_in(user), timezone.now() - timedelta(hours=1)
    assert is_in(client)
    Session.objects.update(seen_at=earlier)
    for question in ("notifications/unread/", "watch/token/"):
        asked = client.get(f"/~acme/admin/{question}", headers={UNATTENDED: "1"})
        assert asked.status_code == 200
    assert Session.objects.get(user=user).seen_at == earlier
    assert is_in(client)
    assert Session.objects.get(user=user).seen_at > earlier


def test_whoever_is_made_inactive_is_out_at_once(user):
    client = sign_in(user)
    user.is_active = False
    user.save()
    assert not is_in(client)
    assert not Session.objects.filter(user=user).exists()


@pytest.mark.parametrize("place", ["", "members/", "keys/"])
def test_what_lets_somebody_in_asks_for_the_password_again(place, user, settings):
    client = sign_in(user)
    address = f"/~acme/admin/settings/{place}"
    assert client.get(address).status_code == 200
    session = client.session
    session["confirmed_at"] = (timezone.now() - settings.CONFIRMED_FOR).isoformat()
    session.save()
    asked = client.get(address)
    assert (
        asked.headers["Location"]
        == f"{ACCOUNT}confirm/?next=%2F~acme%2Fadmin%2Fsettings%2F{place.replace('/', '%2F')}"
    )
    assert client.post(address, {"name": "Zapier", "scope": "admin"}).status_code == 302
    wrong = client.post(f"{ACCOUNT}confirm/", {"password": "no", "next": address})
    assert wrong.status_code == 422 and "not your password" in wrong.content.decode()
    right = client.post(f"{ACCOUNT}confirm/", {"password": PASSWORD, "next": address})
    assert right.headers["Location"] == address
    assert client.get(address).status_code == 200
    evil = {"password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(f"{ACCOUNT}confirm/", evil).headers["Location"] == ACCOUNT


@pytest.mark.attack
def test_a_session_left_open_exports_nothing_and_makes_no_keys_by_rest(user, settings, lead):
    client = sign_in(user)
    assert client.get("/~acme/export/leads").status_code == 200
    session = client.session
    session["confirmed_at"] = (timezone.now() - settings.CONFIRMED_FOR).isoformat()
    session.save()
    for method, path in (
        ("get", "/~acme/export/leads"),
        ("post", "/~acme/apikeys"),
        ("post", "/~acme/webhooks"),
    ):
        kind = {"content_type": "application/json"} if method == "post" else {}
        answer = getattr(client, method)(path, {}, **kind)
        assert answer.status_code == 403 and answer.json()["reason"] == "not_confirmed"
    assert client.get("/~acme/leads").status_code == 200
    # The list's own link leads to the password first, and so does what is picked.
    page = client.get("/~acme/admin/crm/lead/?view=all").content.decode()
    assert "/~acme/export/" not in page and f"{ACCOUNT}confirm/?next=" in page
    picked = client.post("/~acme/admin/crm/lead/bulk/export/", {"ids": lead.pk})
    assert picked.headers["Location"].startswith(f"{ACCOUNT}confirm/")


def test_a_sign_in_from_a_new_browser_is_told(user, work, mailoutbox):
    own = sign_in(user)
    own.post("/logout")
    sign_in(user, own)
    work()
    assert not mailoutbox
    sign_in(user, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.7")
    work()
    (letter,) = mailoutbox
    assert letter.subject == "A sign-in from a new browser"
    assert "Firefox, Linux, from 192.0.2.7" in letter.body


def test_the_operators_pages_ask_for_the_password_again(people_with_passwords, settings):
    client = sign_in(people_with_passwords.olga)
    assert client.get("/admin/headlessly/user/").status_code == 200
    session = client.session
    session["confirmed_at"] = (timezone.now() - settings.CONFIRMED_FOR).isoformat()
    session.save()
    assert (
        client.get("/admin/headlessly/user/")
        .headers["Location"]
        .startswith("/admin/account/confirm/")
    )
    assert client.get("/admin/account/").status_code == 200


def test_a_session_that_is_over_asks_for_the_password_alone_and_signing_out_forgets(user):
    client = sign_in(user)
    cookie = client.cookies["signed_in_as"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and user.email not in cookie.value
    del client.cookies["sessionid"]
    page = client.get("/").content.decode()
    assert f'value="{user.email}"' in page and page.count("autofocus") == 1
    assert re.search(r'name="password"[^>]*autofocus', page)
    sign_in(user, client)
    client.post("/~acme/admin/logout/")
    page = client.get("/").content.decode()
    assert user.email not in page
    assert re.search(r'name="username"[^>]*autofocus', page)


def test_an_address_that_nobody_signed_is_not_shown(client, user):
    client.cookies["signed_in_as"] = "ann@sign.example"
    assert "ann@sign.example" not in client.get("/").content.decode()
