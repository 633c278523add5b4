"""Public ids: ``lead_pQ8xNfKmW3tz``."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

#: Letters and digits without look-alikes: no 0 O o, no 1 I l i.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 12
#: Every two of them: what is drawn is told in half as many steps.
PAIRS = [first + second for second in ALPHABET for first in ALPHABET]
COUNT = len(PAIRS)


def public_id(prefix: str) -> str:
    """A new id: ``prefix``, an underscore and 12 random characters (about 69 bits), never sequential."""
    # Asking the system once instead of twelve times; what the remainder favours is below 2**-50.
    number = secrets.randbits(128)
    id = prefix + "_"
    for _ in range(LENGTH // 2):
        id += PAIRS[number % COUNT]
        number //= COUNT
    return id


def is_id(text: str, prefixes: Iterable[str]) -> bool:
    """Whether ``text`` looks like an id with one of these prefixes."""
    prefix, _, rest = text.rpartition("_")
    return len(rest) == LENGTH and set(rest) <= set(ALPHABET) and prefix in prefixes
