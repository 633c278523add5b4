"""Text that the database keeps and cannot read: a dump of it gives nothing away.

What has to be known again (a webhook's secret, a second factor's) is encrypted with a key that is made of
``SECRET_KEY``, which is in the environment and in no dump. What only has to be recognised is hashed instead
(:func:`hash_secret`).
``SECRET_KEY_FALLBACKS`` reads what an earlier key wrote; the next save writes it with the present one.
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

#: What every stored value begins with: a value without it is none of ours.
MARK = "enc1:"


class Undecipherable(ValueError):
    """Stored with a key that the environment no longer has."""


def hash_secret(secret: str) -> str:
    """What a secret that we made is known by: its SHA-256. It is random, so a slow hash of a password would
    only cost time."""
    return hashlib.sha256(secret.encode()).hexdigest()


def encrypt(text: str) -> str:
    """``text`` as it may be stored."""
    return MARK + encrypt_bytes(text.encode()).decode()


def decrypt(stored: str) -> str:
    """The text again. Raises Undecipherable where no key of the environment fits."""
    return decrypt_bytes(stored.removeprefix(MARK).encode()).decode()


def encrypt_bytes(content: bytes) -> bytes:
    """``content`` as it may be stored."""
    return _cipher().encrypt(content)


def decrypt_bytes(stored: bytes) -> bytes:
    """The content again. Raises Undecipherable where no key of the environment fits."""
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
    """A key of this use alone, by HKDF-SHA256 (RFC 5869)."""
    derived = HKDF(SHA256(), length=32, salt=None, info=b"headlessly.access.encryption")
    return base64.urlsafe_b64encode(derived.derive(key.encode()))


class EncryptedText(models.TextField):
    """Text that is encrypted in its column. It cannot be searched for, nor sorted by."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return value if value is None else decrypt(value)

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value if value is None else encrypt(value)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise TypeError("Encrypted text cannot be searched for.")
        return super().get_lookup(lookup_name)
