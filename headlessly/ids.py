"""Public ids: ``lead_pQ8xNfKmW3tz``."""

from __future__ import annotations

import secrets

#: Letters and digits without look-alikes: no 0 O o, no 1 I l i.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 12


def public_id(prefix: str) -> str:
    """A new id: ``prefix``, an underscore and 12 random characters (about 69 bits), never sequential."""
    return prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
