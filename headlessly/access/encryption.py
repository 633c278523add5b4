"""Encrypted columns, so that a dump of the database gives no secrets away.

Secrets that are needed again (a webhook's, a second factor's) are encrypted with a key derived from
``SECRET_KEY``, which is in the environment and in no dump. Secrets that only have to be recognised are hashed
instead (:func:`hash_secret`). Values of an earlier key are read with ``SECRET_KEY_FALLBACKS``; the next save
encrypts them with the current one.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

#: The prefix of every stored value.
MARK = "enc1:"


class Undecipherable(ValueError):
    """The value was stored with a key that is no longer in the environment."""


def hash_secret(secret: str) -> str:
    """Returns the SHA-256 of a secret that we generated. It is random, so a slow password hash would add
    nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def encrypt(text: str) -> str:
    """Returns ``text`` encrypted."""
    return MARK + encrypt_bytes(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Returns the text. Raises Undecipherable if no key of the environment fits."""
    return decrypt_bytes(stored.removeprefix(MARK).encode()).decode()


def encrypt_bytes(content: bytes) -> bytes:
    """Returns ``content`` encrypted."""
    return _cipher().encrypt(content)


def decrypt_bytes(stored: bytes) -> bytes:
    """Returns the content. Raises Undecipherable if no key of the environment fits."""
    try:
        return _cipher().decrypt(bytes(stored))
    except InvalidToken:
        raise Undecipherable(
            "This was stored with another SECRET_KEY. Add that one to SECRET_KEY_FALLBACKS."
        ) from None


def _cipher() -> MultiFernet:
    return _cipher_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _cipher_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived_key(key)) for key in keys])


def _derived_key(key: str) -> bytes:
    """Returns a key for this use alone, by HKDF-SHA256 (RFC 5869)."""
    derived = HKDF(SHA256(), length=32, salt=None, info=b"headlessly.access.encryption")
    return base64.urlsafe_b64encode(derived.derive(key.encode()))


class EncryptedText(models.TextField):
    """Text that is encrypted in its column. It can neither be searched nor sorted by."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value if value is None else decrypt(value)

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value if value is None else encrypt(value)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise TypeError("Encrypted text cannot be searched for.")
        return super().get_lookup(lookup_name)
