"""Whoever guesses passwords waits longer and longer, in however many processes; the owner gets in
meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from headlessly.access.models import IdempotentReply, Membership, User
from headlessly.accounts import guessing, hashing
from headlessly.accounts.guessing import FREE, Guesser, TooManyGuesses
from headlessly.accounts.models import Guess
from headlessly.background.slots import thread_slots
from tests.headlessly.accounts.letters import link_in

pytestmark = pytest.mark.attack

PASSWORD = "right-horse-battery"


@pytest.fixture
def bob(db: None) -> Any:
    return User.objects.create_user("bob@sign.example", PASSWORD, first_name="Bob")


def guess(
    address: str, password: str = "wrong", email: str = "bob@sign.example", **more: Any
) -> Any:
    client = more.pop("client", None) or Client()
    sent = {"username": email, "password": password}
    return client.post("/", sent, REMOTE_ADDR=address)


def wait_over() -> None:
    """Let the time of every wait be over."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE headlessly_guess SET until = now() - interval '1 second'")


def test_one_address_has_few_tries_at_one_account(bob):
    answers = [guess("192.0.2.1").status_code for _n in range(FREE["both"] + 3)]
    assert answers == [422] * FREE["both"] + [429] * 3
    refused = guess("192.0.2.1", PASSWORD)
    assert refused.status_code == 429 and int(refused["Retry-After"]) <= guessing.FIRST_WAIT
    assert "Too many tries" in refused.content.decode()
    assert guess("192.0.2.2", PASSWORD).status_code == 302


def test_a_wait_until_tomorrow_is_over(bob):
    # The clock was wrong, and is put right.
    assert [guess("192.0.2.1").status_code for _n in range(FREE["both"] + 1)][-1] == 429
    with connection.cursor() as cursor:
        cursor.execute("UPDATE headlessly_guess SET until = until + interval '1 day'")
    assert guess("192.0.2.1", PASSWORD).status_code == 302


def test_many_addresses_have_few_tries_at_one_account(bob):
    answers = [guess(f"192.0.2.{n}").status_code for n in range(FREE["account"] + 3)]
    assert answers == [422] * FREE["account"] + [429] * 3


def test_one_address_has_few_tries_at_many_accounts(db):
    answers = [
        guess("192.0.2.1", email=f"u{n}@sign.example").status_code
        for n in range(FREE["address"] + 3)
    ]
    assert answers == [422] * FREE["address"] + [429] * 3
    # A customer of a provider has 64 bits of addresses, and is one all the same.
    others = [
        guess(f"2001:db8::{n:x}", email=f"v{n}@sign.example").status_code
        for n in range(FREE["address"] + 1)
    ]
    assert others[-1] == 429


def test_each_wait_is_twice_the_one_before(bob):
    waits = []
    for _n in range(FREE["both"] - 1):
        guess("192.0.2.1")
    for _n in range(5):
        assert guess("192.0.2.1").status_code == 422
        waits.append(int(guess("192.0.2.1")["Retry-After"]))
        wait_over()
    assert [round(wait / waits[0]) for wait in waits] == [1, 2, 4, 8, 16]


def test_an_account_that_is_none_is_answered_alike(bob):
    there = [guess("192.0.2.1").status_code for _n in range(FREE["both"] + 1)]
    none = [
        guess("192.0.2.2", email="none@sign.example").status_code for _n in range(FREE["both"] + 1)
    ]
    assert there == none


def test_the_owner_is_told_once_and_gets_in_by_mail_meanwhile(bob, work, mailoutbox):
    for n in range(FREE["account"] + 5):
        guess(f"192.0.2.{n}")
    work()
    assert [letter.subject for letter in mailoutbox] == ["Somebody is trying passwords"]
    assert guess("203.0.113.1", PASSWORD).status_code == 429

    owner = Client()
    assert "on its way" in owner.post("/forgotten", {"email": bob.email}).content.decode()
    work()
    new = {"new_password1": "other-horse-battery", "new_password2": "other-horse-battery"}
    assert owner.post(link_in(mailoutbox[1]), new).status_code == 302
    assert "_auth_user_id" in owner.session
    assert guess("203.0.113.1", "other-horse-battery").status_code == 302


def test_strangers_keep_nobody_out_of_their_own_browser(bob):
    own = Client()
    assert guess("192.0.2.1", PASSWORD, client=own).status_code == 302
    own.post("/logout")
    for n in range(FREE["account"] + 5):
        guess(f"198.51.100.{n}")
    assert guess("192.0.2.9", PASSWORD).status_code == 429
    assert guess("192.0.2.1", PASSWORD, client=own).status_code == 302


def test_letters_that_are_asked_for_flood_nobody(bob, work, mailoutbox):
    asked = [
        Client().post("/forgotten", {"email": bob.email}, REMOTE_ADDR=f"192.0.2.{n}")
        for n in range(10)
    ]
    assert [a.status_code for a in asked] == [200] * FREE["letters"] + [429] * (
        10 - FREE["letters"]
    )
    work()
    assert len(mailoutbox) == FREE["letters"]


def test_whoever_asks_for_a_letter_is_not_told_by_time_who_has_an_account(bob, work, mailoutbox):
    asked = []
    for email in (bob.email, "none@sign.example"):
        with CaptureQueriesContext(connection) as queries:
            page = Client().post("/forgotten", {"email": email}).content.decode()
        assert "on its way" in page
        statements = [each["sql"].split("WHERE")[0].split("VALUES")[0] for each in queries]
        asked.append([each for each in statements if "SAVEPOINT" not in each])
    assert [each[:60] for each in asked[0]] == [each[:60] for each in asked[1]]
    work()
    assert [letter.to for letter in mailoutbox] == [[bob.email]]


def test_the_second_factor_and_the_password_again_are_no_other_way_to_guess(bob, acme):
    Membership.objects.create(user=bob, tenant=acme, role="admin")
    client = Client()
    client.force_login(bob)
    place = "/~acme/admin/account/confirm/"
    answers = [
        client.post(place, {"password": "wrong"}, REMOTE_ADDR="192.0.2.1") for _n in range(7)
    ]
    assert all(answer.status_code == 422 for answer in answers)
    assert "Too many tries" in answers[-1].content.decode()
    assert (
        "Too many tries"
        in client.post(place, {"password": PASSWORD}, REMOTE_ADDR="192.0.2.1").content.decode()
    )


@pytest.mark.parametrize(
    ("address", "field"), [("confirm/", "password"), ("password/", "old_password")]
)
def test_a_try_is_counted_where_a_refused_request_is_undone(bob, acme, address, field):
    """With an Idempotency-Key what a request did is undone when it is refused: not what was guessed by it."""
    Membership.objects.create(user=bob, tenant=acme, role="admin")
    client = Client()
    client.force_login(bob)
    new = {"new_password1": "other-horse-battery", "new_password2": "other-horse-battery"}

    def attempt(turn: int, password: str) -> str:
        return client.post(
            f"/~acme/admin/account/{address}",
            new | {field: password},
            headers={"Idempotency-Key": f"key-{turn}"},
        ).content.decode()

    answers = [attempt(turn, "wrong") for turn in range(FREE["both"] + 2)]
    assert ["Too many tries" in each for each in answers] == [False] * FREE["both"] + [True] * 2
    assert "Too many tries" in attempt(99, PASSWORD)
    # Nor is anything kept of what was typed, by which it could be guessed in a dump.
    assert not IdempotentReply.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_try_is_counted_within_what_may_be_undone():
    with transaction.atomic(), pytest.raises(RuntimeError):
        Guesser.of("bob@sign.example", "192.0.2.1").count()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_have_no_more_tries_than_one_after_the_other():
    guesser = Guesser.of("bob@sign.example", "192.0.2.1")
    begin = threading.Barrier(32)

    def attempt() -> bool:
        begin.wait(10)
        try:
            guesser.count()
        except TooManyGuesses:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(32) as pool:
        tried = [f.result(30) for f in [pool.submit(attempt) for _n in range(32)]]
    assert sum(tried) <= FREE["both"]
    Guess.objects.all().delete()


def test_a_password_that_was_typed_as_an_address_is_not_kept(db):
    guess("192.0.2.1", email="my-secret-password")
    assert all(len(each.key) == 64 for each in Guess.objects.all())


def test_hashing_takes_one_core_and_never_all_threads(settings, monkeypatch):
    settings.PASSWORD_HASHERS = ["headlessly.accounts.hashing.BoundedPBKDF2"]
    monkeypatch.setenv("HEADLESSLY_THREADS", "8")
    hasher, running, most = hashing.BoundedPBKDF2(), 0, 0
    lock = threading.Lock()

    def slowly(self: Any, password: str, salt: str, iterations: int | None = None) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return "hash"

    monkeypatch.setattr(hashing.PBKDF2PasswordHasher, "encode", slowly)

    def attempt() -> bool:
        try:
            return bool(hasher.encode("guess", "salt"))
        except hashing.TooManyAtOnce:
            return False

    began = time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        done = [f.result(10) for f in [pool.submit(attempt) for _n in range(32)]]
    assert most == 1 and 1 <= sum(done) < 32
    assert time.monotonic() - began < 8
    assert thread_slots.hashing == 0


def test_who_comes_when_the_room_is_full_is_told_to_come_again_and_it_is_no_guess(bob, monkeypatch):
    monkeypatch.setattr(thread_slots, "hashing", 2)
    answers = [guess("192.0.2.1", PASSWORD) for _n in range(FREE["both"] + 2)]
    assert {answer.status_code for answer in answers} == {503}
    assert answers[0]["Retry-After"] == "2"
    assert "Try again in a moment" in answers[0].content.decode()
    monkeypatch.undo()
    assert guess("192.0.2.1", PASSWORD).status_code == 302
