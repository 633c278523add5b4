"""A second factor: set up, asked for, and not to be gone around."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from django.test import Client

from headlessly.accounts import factors
from headlessly.accounts.models import Guess, SecondFactor
from tests.headlessly.accounts.authenticator import Authenticator
from tests.headlessly.accounts.signing import code_of, give_app, sign_in

ACCOUNT = "/~acme/admin/account/"


@pytest.fixture
def user(people_with_passwords: Any) -> Any:
    return people_with_passwords.bob


def is_in(client: Client) -> bool:
    return client.get("/~acme/admin/").status_code == 200


def test_an_app_is_set_up_and_asked_for(user):
    client = sign_in(user)
    page = client.get(ACCOUNT + "app/").content.decode()
    key = re.search(r'class="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    assert key not in str(dict(client.session))
    assert 'src="data:image/svg+xml' in page
    assert client.post(ACCOUNT + "app/", {"code": "000000"}).status_code == 422
    assert not factors.has_factor(user)
    answer = client.post(ACCOUNT + "app/", {"code": code_of(key)})
    assert answer.headers["Location"] == ACCOUNT + "codes/"
    assert is_in(client)

    again = sign_in(user)
    assert not is_in(again)
    assert again.get("/second").status_code == 200
    assert again.post("/second", {"code": "123"}).status_code == 422
    assert again.post("/second", {"code": code_of(key)}).status_code == 422  # it was taken
    assert again.post("/second", {"code": code_of(key, 1)}).status_code == 302
    assert is_in(again)


def test_a_code_is_taken_once_and_only_while_it_is_shown(user):
    key = give_app(user)
    assert factors.use_code(user, code_of(key))
    assert not factors.use_code(user, code_of(key))
    for steps in (-5, 5):
        assert not factors.use_code(user, code_of(key, steps))
    for wrong in ("", "abc", "12345", "1234567", "１２３４５６", "\0" * 6):
        assert not factors.use_code(user, wrong)


def test_a_recovery_code_lets_in_once_and_its_owner_is_told(user, work, mailoutbox):
    give_app(user)
    code, other, *_rest = factors.new_codes(user)
    client = sign_in(user)
    assert client.post("/second", {"code": code.upper()}).status_code == 302
    assert is_in(client) and factors.codes_left(user) == factors.CODES - 1
    work()
    assert "A recovery code was used" in [letter.subject for letter in mailoutbox]
    client = sign_in(user)
    assert client.post("/second", {"code": code}).status_code == 422
    factors.new_codes(user)
    assert client.post("/second", {"code": other}).status_code == 422


def test_codes_are_shown_once(user):
    give_app(user)
    client = Client()
    client.force_login(user)
    page = client.post(ACCOUNT + "codes/").content.decode()
    codes = re.findall(r"<code>([a-z0-9]{5}(?:-[a-z0-9]{5}){4})</code>", page)
    assert len(set(codes)) == factors.CODES
    assert not [code for code in codes if code in client.get(ACCOUNT + "codes/").content.decode()]
    assert factors.use_code(user, codes[0])


def test_a_passkey_is_set_up_and_asked_for(user):
    passkey, client = Authenticator(), sign_in(user)
    asked = client.get(ACCOUNT + "passkey/").context["asked"]
    answer = client.post(ACCOUNT + "passkey/", {"passkey": passkey.create(asked), "name": "Phone"})
    assert answer.headers["Location"] == ACCOUNT + "codes/"
    assert "Phone" in client.get(ACCOUNT).content.decode()

    again = sign_in(user)
    asked = again.get("/second").context["passkey"]
    assert [c["type"] for c in asked["publicKey"]["allowCredentials"]] == ["public-key"]
    signed = passkey.sign(asked)
    assert again.post("/second", {"passkey": signed}).status_code == 302
    assert is_in(again)
    third = sign_in(user)
    third.get("/second")
    assert third.post("/second", {"passkey": signed}).status_code == 422  # for another question


@pytest.mark.attack
def test_another_passkey_another_site_and_nonsense_let_nobody_in(user, people_with_passwords):
    passkey, client = Authenticator(), sign_in(user)
    asked = client.get(ACCOUNT + "passkey/").context["asked"]
    client.post(ACCOUNT + "passkey/", {"passkey": passkey.create(asked)})
    wrong = [
        lambda asked: Authenticator().sign(asked),
        lambda asked: Authenticator(origin="https://evil.example").sign(asked),
        lambda asked: "{}",
        lambda asked: "[" * 500,
        lambda asked: '{"id": "AAAA", "rawId": "AAAA", "response": {}, "type": "public-key"}',
        lambda asked: "x" * 30_000,
    ]
    for number, attempt in enumerate(wrong):
        thief = sign_in(user, REMOTE_ADDR=f"192.0.2.{number}")
        asked = thief.get("/second").context["passkey"]
        sent = {"passkey": attempt(asked)}
        answer = thief.post("/second", sent, REMOTE_ADDR=f"192.0.2.{number}")
        assert answer.status_code == 422, attempt(asked)[:80]
        assert not is_in(thief)
    # The right one, as another site has it sign; and one that is good, of somebody else.
    other = people_with_passwords.ann
    theirs, client = Authenticator(), sign_in(other)
    asked = client.get(ACCOUNT + "passkey/").context["asked"]
    client.post(ACCOUNT + "passkey/", {"passkey": theirs.create(asked)})
    assert SecondFactor.objects.filter(user=other, kind="passkey").exists()
    for number, (name, value) in enumerate(
        (("origin", "https://evil.example"), ("site", "evil.example"), ("key", theirs.key),
         ("id", theirs.id), ("__dict__", vars(theirs)))
    ):  # fmt: skip
        thief = sign_in(user, REMOTE_ADDR=f"198.51.100.{number}")
        asked = thief.get("/second").context["passkey"]
        wrong_one = copy.copy(passkey)
        setattr(wrong_one, name, value)
        sent = {"passkey": wrong_one.sign(asked)}
        # It is not the waiting for guesses that refuses it.
        Guess.objects.all().delete()
        assert thief.post("/second", sent).status_code == 422, name
        assert not is_in(thief), name
    # One that was copied counts behind the other.
    SecondFactor.objects.update(counter=50)
    for counter in (10, 49, -1):  # it adds one: the last is one that does not count
        Guess.objects.all().delete()
        copied, passkey.counter = sign_in(user), counter
        asked = copied.get("/second").context["passkey"]
        assert copied.post("/second", {"passkey": passkey.sign(asked)}).status_code == 422, counter
    Guess.objects.all().delete()
    owner, passkey.counter = sign_in(user), 50
    asked = owner.get("/second").context["passkey"]
    assert owner.post("/second", {"passkey": passkey.sign(asked)}).status_code == 302


@pytest.mark.attack
def test_the_second_step_is_nothing_without_the_first(user):
    key = give_app(user)
    stranger = Client()
    assert stranger.get("/second").headers["Location"] == "/"
    assert stranger.post("/second", {"code": code_of(key)}).headers["Location"] == "/"
    assert not is_in(stranger)
    # Nor after the password has changed in between.
    client = sign_in(user)
    user.set_password("other-horse-battery")
    user.save()
    assert client.post("/second", {"code": code_of(key)}).headers["Location"] == "/"
    assert not is_in(client)


@pytest.mark.attack
def test_codes_are_not_guessed(user):
    give_app(user)
    client = sign_in(user)
    answers = [client.post("/second", {"code": f"{n:06}"}).status_code for n in range(8)]
    assert answers == [422] * 5 + [429] * 3


@pytest.mark.attack
def test_a_new_password_by_mail_is_no_way_around_it(user, work, mailoutbox):
    from tests.headlessly.accounts.letters import link_in

    key = give_app(user)
    client = Client()
    client.post("/forgotten", {"email": user.email})
    work()
    new = {"new_password1": "other-horse-battery", "new_password2": "other-horse-battery"}
    assert client.post(link_in(mailoutbox[0]), new).headers["Location"] == "/second"
    assert not is_in(client)
    client.post("/second", {"code": code_of(key)})
    assert is_in(client)


def test_a_tenant_that_requires_one_lets_nobody_in_without(user, acme, ann, api):
    acme.requires_second_factor = True
    acme.save()
    client = sign_in(user)
    assert client.get("/~acme/admin/").headers["Location"] == ACCOUNT
    assert client.get("/~acme/admin/crm/lead/").headers["Location"] == ACCOUNT
    assert "asks for a second factor" in client.get(ACCOUNT).content.decode()
    refused = client.get("/~acme/leads")
    assert refused.status_code == 403 and refused.json()["reason"] == "second_factor_required"
    assert api.call("GET", "/leads").status_code == 200
    page = client.get(ACCOUNT + "app/").content.decode()
    key = re.search(r'class="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    client.post(ACCOUNT + "app/", {"code": code_of(key)})
    assert is_in(client) and client.get("/~acme/leads").status_code == 200
    first = SecondFactor.objects.get(user=user)
    refused = client.post(f"{ACCOUNT}factors/{first.pk}/remove/", follow=True)
    assert "Add another one first." in refused.content.decode()
    assert is_in(client) and factors.has_factor(user)
    SecondFactor.objects.create(user=user, kind="passkey", name="Laptop", secret="AAAA")
    client.post(f"{ACCOUNT}factors/{first.pk}/remove/")
    assert (
        factors.factors_of(user).exclude(pk=first.pk).count() == 1 == len(factors.factors_of(user))
    )


def test_it_is_added_and_removed_with_the_password_typed_again_and_its_owner_told(
    user, settings, work, mailoutbox
):
    from datetime import timedelta

    client = sign_in(user)
    give_app(user)
    factor = SecondFactor.objects.get(user=user)
    settings.CONFIRMED_FOR = timedelta(0)
    for place in ("app/", "passkey/", "codes/"):
        assert client.get(ACCOUNT + place).headers["Location"].startswith(ACCOUNT + "confirm/")
    assert client.post(f"{ACCOUNT}factors/{factor.pk}/remove/").status_code == 302
    assert factors.has_factor(user)
    settings.CONFIRMED_FOR = timedelta(minutes=1)
    client.post(f"{ACCOUNT}factors/{factor.pk}/remove/")
    assert not factors.has_factor(user)
    work()
    assert [letter.subject for letter in mailoutbox] == ["A second factor was removed"]


def test_it_is_ones_own(user, ann, people_with_passwords):
    give_app(user)
    factor = SecondFactor.objects.get(user=user)
    for id in (factor.pk, "factor_x", "%00"):
        assert ann.post(f"{ACCOUNT}factors/{id}/remove/").status_code == 404
    assert factors.has_factor(user)
