"""Public ids: ``lead_pQ8xNfKmW3tz``."""

from __future__ import annotations

import os
from collections.abc import Iterable

#: Letters and digits without look-alikes: no 0 O o, no 1 I l i.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 12
#: The letter for each random byte, and the bytes that are dropped, so that all letters are equally likely.
USED = 256 - 256 % len(ALPHABET)
LETTERS = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
UNUSED = bytes(range(USED, 256))


def public_id(prefix: str) -> str:
    """Returns a new id: `prefix`, an underscore and 12 random characters (about 69 bits), never
    sequential."""
    drawn = b""
    while len(drawn) < LENGTH:  # mostly once
        drawn += os.urandom(2 * LENGTH).translate(LETTERS, UNUSED)
    return f"{prefix}_{drawn[:LENGTH].decode()}"


def is_id(text: str, prefixes: Iterable[str]) -> bool:
    """Whether ``text`` looks like an id with one of these prefixes."""
    prefix, _, rest = text.rpartition("_")
    return len(rest) == LENGTH and set(rest) <= set(ALPHABET) and prefix in prefixes
