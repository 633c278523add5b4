"""Signing in through the page, as people do."""

from __future__ import annotations

import time
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.test import Client

from headlessly.accounts import factors
from headlessly.accounts.models import SecondFactor

PASSWORD = "right-horse-battery"


def sign_in(
    user: Any, client: Client | None = None, password: str = PASSWORD, **more: Any
) -> Client:
    """Returns a browser in which the password has been typed."""
    client = client or Client()
    client.post("/", {"username": user.email, "password": password}, **more)
    return client


def code_of(key: str, steps: int = 0) -> str:
    """Returns what an app with this key shows now, or `steps` later."""
    import base64

    at = int(time.time()) + steps * factors.STEP
    return TOTP(base64.b32decode(key), factors.DIGITS, SHA1(), factors.STEP).generate(at).decode()


def give_app(user: Any) -> str:
    """Set up an authenticator app for somebody, and return its key."""
    key = factors.new_totp_key()
    SecondFactor.objects.create(user=user, kind="totp", name="App", secret=key)
    return key
