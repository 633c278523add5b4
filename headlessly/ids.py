"""Public ids: ``lead_pQ8xNfKmW3tz``."""

from __future__ import annotations

import secrets

#: Letters and digits without look-alikes: no 0 O o, no 1 I l i.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 12


def public_id(prefix: str) -> str:
    """A new id: ``prefix``, an underscore and 12 random characters (about 69 bits), never sequential."""
    # Asking the system once instead of twelve times; what the remainder favours is below 2**-50.
    number = secrets.randbits(128)
    letters = []
    for _ in range(LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return prefix + "_" + "".join(letters)
