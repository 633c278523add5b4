"""Passwords that people may choose: none that is guessed first."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from headlessly import checks
from headlessly.access.models import Membership, User
from headlessly.accounts import invitations
from headlessly.accounts.breached_passwords import is_listed
from headlessly.context.tenant_scope import scoped_to


@pytest.fixture
def user(acme: Any, rival: Any) -> Any:
    acme.name = "Wonder Widgets"
    acme.save()
    found = User.objects.create_user("bob@sign.example", first_name="Bob")
    Membership.objects.create(user=found, tenant=acme, role="rep")
    return found


GUESSED_FIRST = [
    *(
        "headlessly1",
        "Headlessly!!",
        "headlessly2026",
        "acme-2026",
        "ACME-acme-acme",
        "wonder.widgets",
    ),
    *(
        "WonderWidgets1",
        "widgets-acme-26",
        "1234567890",
        "password123",
        "short",
        "bob@sign.example",
    ),
]


@pytest.mark.parametrize("password", GUESSED_FIRST)
def test_a_password_that_is_guessed_first_is_refused(user, password):
    with pytest.raises(ValidationError):
        validate_password(password, user)


@pytest.mark.parametrize(
    "password", ["right-horse-battery", "acme-right-horse-battery", "rival-rival-26", "x" * 64]
)
def test_any_other_is_taken(user, password):
    validate_password(password, user)


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


def test_a_password_of_a_breach_is_refused_wherever_it_stands_in_the_file(user, tmp_path, settings):
    known = [f"known horse {n}" for n in range(3_000)]
    listed = sorted(sha1(each) for each in known)
    settings.BREACHED_PASSWORDS = tmp_path / "pwnedpasswords.txt"
    settings.BREACHED_PASSWORDS.write_text("".join(f"{each}:{len(each)}\r\n" for each in listed))
    assert checks.check_breached_passwords() == []
    found = [is_listed(each, settings.BREACHED_PASSWORDS) for each in known]
    assert all(found)
    assert not any(is_listed(f"other {n}", settings.BREACHED_PASSWORDS) for n in range(1_000))
    with pytest.raises(ValidationError, match="breach"):
        validate_password(known[5], user)
    validate_password("right-horse-battery", user)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "lines like"),
        ("password\n123456\n", "lines like"),
        (f"{'F' * 40}:1\n{'0' * 40}:1\n", "ordered"),
        (None, "cannot be read"),
    ],
)
def test_a_file_of_breaches_that_is_none_is_named_at_the_start(tmp_path, settings, content, told):
    settings.BREACHED_PASSWORDS = tmp_path / "list.txt"
    if content is not None:
        settings.BREACHED_PASSWORDS.write_text(content)
    (problem,) = checks.check_breached_passwords()
    assert told in problem.msg and "BREACHED_PASSWORDS" in problem.msg


def test_whoever_is_invited_may_not_choose_the_name_of_the_tenant_either(acme):
    made = invitations.invite(
        email="new@sign.example", first_name="N", last_name="", role="rep", contact_id=None
    )
    address = f"/invitation/{made.pk}/{made.token}"
    chosen = {"first_name": "N", "new_password1": "acme-2026", "new_password2": "acme-2026"}
    page = Client().post(address, chosen)
    assert page.status_code == 422
    assert "guess first: acme" in page.content.decode()
    chosen |= {"new_password1": "right-horse-battery", "new_password2": "right-horse-battery"}
    assert Client().post(address, chosen).status_code == 302


def test_the_names_of_all_tenants_of_a_person_are_refused_from_wherever_they_choose(user, rival):
    for scope in (None, rival.pk):
        with scoped_to(scope), pytest.raises(ValidationError, match="guess first: wonderwidgets"):
            validate_password("WonderWidgets1", user)
