"""The one spelling of an address that somebody signs in with."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client

from headlessly.access.models import User
from headlessly.access.sign_in_emails import normalize_sign_in_email


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Bob@Sign.Example", "bob@sign.example"),
        (" bob@sign.example ", "bob@sign.example"),
        ("ｂｏｂ@sign.example", "bob@sign.example"),
        ("bob@xn--mnchen-3ya.example", "bob@münchen.example"),
        ("BOB@MÜNCHEN.example", "bob@münchen.example"),
        ("bob@mu\u0308nchen.example", "bob@münchen.example"),
        ("info@пример.рф", "info@пример.рф"),
        ("o'neil+crm@sign.example", "o'neil+crm@sign.example"),
    ],
)
def test_stores_one_spelling(written, stored):
    assert normalize_sign_in_email(written) == stored
    assert normalize_sign_in_email(stored) == stored


@pytest.mark.parametrize(
    "address",
    [
        "b\u0131ll@sign.example",  # dotless i
        "be\u017f@sign.example",  # long s
        "\u212aim@sign.example",  # Kelvin
        "B\u0130LL@sign.example",  # dotted capital I
        "bob@\u0440aypal.example",  # a Cyrillic letter among Latin ones
        "bob@\u0430\u0441\u043c\u0435.example",  # all of it looks Latin
        "\u0431\u043e\u0431@sign.example",
        "bob", "bob@", "@sign.example", "", "a\0@b.example", "b" * 250 + "@sign.example",
    ],
)  # fmt: skip
def test_refuses(address):
    with pytest.raises(ValidationError):
        normalize_sign_in_email(address)


def test_finds_an_account_however_it_is_written(db):
    user = User.objects.create_user("Bob@Sign.Example")
    assert user.email == "bob@sign.example"
    for written in ("BOB@sign.example", "ｂob@sign.example"):
        assert User.objects.get_by_natural_key(written) == user
    for other in ("b\u014db@sign.example", "bob", "", "bob@sign.example.org"):
        assert not User.objects.with_email(other).exists()


@pytest.mark.attack
def test_lets_nobody_in_beside_it(db):
    User.objects.create_user("bill@sign.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("BILL@sign.example")
    for address in ("b\u0131ll@sign.example", "bi\u017fll@sign.example"):
        with pytest.raises(ValidationError):
            User.objects.create_user(address)
    # Nor by a statement that asks nobody.
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO headlessly_user SELECT (jsonb_populate_record(u, jsonb_build_object("
            "'id', 'user_other', 'email', 'Ｂill@sign.example'))).* FROM headlessly_user u"
        )


def test_is_looked_up_by_the_index(db):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN "
            + str(User.objects.with_email("bob@sign.example").query).replace(
                "bob@sign.example", "'bob@sign.example'"
            )
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "user_email_unique" in plan


@pytest.mark.attack
def test_a_look_alike_is_answered_as_a_stranger(db):
    User.objects.create_user("bill@sign.example", "right-horse-battery")
    sent = {"username": "b\u0131ll@sign.example", "password": "right-horse-battery"}
    answer = Client().post("/", sent)
    assert answer.status_code == 422 and "do not fit" in answer.content.decode()
