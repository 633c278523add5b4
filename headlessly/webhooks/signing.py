"""Signatures by which a receiver verifies the sender: two, made with one secret.

Ours is the hex of HMAC-SHA256 over ``timestamp.body``, with the secret as it is written. The other is that of
Standard Webhooks, which libraries of many languages check: base64 over ``id.timestamp.body``, with the bytes
that a secret like ``whsec_...`` encodes in base64 (any other secret is its own bytes).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any

from django.utils.translation import gettext as _

PREFIX = "whsec_"
LONGEST_SECRET = 255


class NoSecret(ValueError):
    """A ``whsec_`` secret without valid base64, which cannot sign anything."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(value: Any) -> str:
    """Returns the secret unchanged. Raises ValueError that says what is allowed."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ValueError(_("Send visible characters of ASCII, or leave it out to have one made."))
    if not 1 <= len(value) <= LONGEST_SECRET:
        raise ValueError(_("Send 1 to %s characters, or leave it out.") % LONGEST_SECRET)
    try:
        standard_key(value)
    except NoSecret:
        raise ValueError(
            _("What follows %s is base64; leave it out to have one made.") % PREFIX
        ) from None
    return value


def standard_key(secret: str) -> bytes:
    """Returns the key bytes for a Standard Webhooks signature. Raises NoSecret."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    text = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as problem:
        raise NoSecret(str(problem)) from None
    if not key:
        raise NoSecret("empty")
    return key


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Returns the HMAC-SHA256 of ``timestamp.body`` in hex, as the receiver computes it too."""
    signed = timestamp.encode() + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def standard_signature(secret: str, id: str, timestamp: str, body: bytes) -> str:
    """Returns ``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64."""
    signed = f"{id}.{timestamp}.".encode() + body
    digest = hmac.new(standard_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
