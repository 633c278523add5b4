"""Public ids: ``lead_pQ8xNfKmW3tz``."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

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


def is_id(text: str, prefixes: Iterable[str]) -> bool:
    """Whether ``text`` looks like an id with one of these prefixes."""
    prefix, _, rest = text.rpartition("_")
    return len(rest) == LENGTH and set(rest) <= set(ALPHABET) and prefix in prefixes
