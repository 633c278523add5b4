"""A dump of the database gets nobody in, and signs nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from headlessly.access import encryption
from headlessly.access.models import IdempotentReply, Membership, User
from headlessly.accounts import factors, mail
from headlessly.accounts.models import Invitation, SecondFactor, Session
from headlessly.models import Webhook
from headlessly.webhooks import registration

pytestmark = pytest.mark.attack


def rows_of(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
        return cursor.fetchone()[0]


def test_it_has_no_session_that_works(acme):
    user = User.objects.create_user("bob@sign.example")
    Membership.objects.create(user=user, tenant=acme, role="admin")
    client = Client()
    client.force_login(user)
    key = client.cookies["sessionid"].value
    assert client.get("/~acme/admin/").status_code == 200
    assert key not in rows_of("headlessly_session")
    thief = Client()
    thief.cookies["sessionid"] = Session.objects.get(user=user).session_key
    assert thief.get("/~acme/admin/").status_code == 302


def test_it_has_no_secret_of_a_webhook(acme):
    webhook = registration.create_webhook(
        {"url": "https://example.com/hook", "events": ["*"], "secret": "very-secret"}
    )
    assert "very-secret" not in rows_of("headlessly_webhook")
    assert Webhook.objects.get(pk=webhook.pk).secret == "very-secret"


def test_it_has_no_key_of_a_second_factor(acme):
    user = User.objects.create_user("bob@sign.example")
    key = factors.new_totp_key()
    SecondFactor.objects.create(user=user, kind="totp", name="App", secret=key)
    codes = factors.new_codes(user)
    dump = rows_of("headlessly_secondfactor")
    assert key not in dump
    assert not [code for code in codes if code.replace("-", "") in dump or code in dump]


def test_it_has_no_link_by_which_somebody_gets_in(acme):
    user = User.objects.create_user("bob@sign.example")
    from headlessly.accounts import invitations

    made = invitations.invite(
        email="new@sign.example", first_name="N", last_name="", role="rep", contact_id=None
    )
    mail.send_later(mail.mail_password_link, user=user.pk)
    queued = rows_of("procrastinate_jobs") + rows_of("headlessly_invitation")
    assert Invitation.objects.get(pk=made.pk).token not in queued
    assert "/password/" not in queued


@pytest.mark.parametrize(
    ("address", "sent", "secret"),
    [
        ("settings/keys/", {"name": "Robot", "scope": "admin"}, r"hly_sk_[\w-]+"),
        ("account/codes/", {}, r"<code>([a-z0-9-]{29})</code>"),
    ],
)
def test_it_has_nothing_of_what_a_page_showed_for_once(acme, address, sent, secret):
    """The page's own script sends a key with each thing that is asked for, and its answer is kept."""
    user = User.objects.create_user("bob@sign.example")
    Membership.objects.create(user=user, tenant=acme, role="admin")
    SecondFactor.objects.create(user=user, kind="totp", name="App", secret=factors.new_totp_key())
    client = Client()
    client.force_login(user)
    headers = {"Idempotency-Key": "once"}
    shown = client.post(f"/~acme/admin/{address}", sent, headers=headers).content.decode()
    found = re.search(secret, shown)
    assert found, shown
    kept = b"".join(bytes(each.body) + str(each.headers).encode() for each in replies())
    assert kept and found[0].encode() not in kept and b"<html" not in kept
    again = client.post(f"/~acme/admin/{address}", sent, headers=headers).content.decode()
    assert again == shown, "an impatient hand sees the same"


def replies() -> list[IdempotentReply]:
    return list(IdempotentReply.objects.all())


def test_another_environment_reads_nothing(settings):
    stored = encryption.encrypt("very-secret")
    key = settings.SECRET_KEY
    settings.SECRET_KEY = "another-key-altogether" * 3
    with pytest.raises(encryption.Undecipherable):
        encryption.decrypt(stored)
    settings.SECRET_KEY_FALLBACKS = [key]
    assert encryption.decrypt(stored) == "very-secret"


def test_what_is_encrypted_cannot_be_searched_for(db: Any):
    with pytest.raises(TypeError):
        list(Webhook.objects.filter(secret="very-secret"))
