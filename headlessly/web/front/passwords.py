"""Whoever tries a password has a turn of its own, before a thread is taken."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from headlessly.web.callers import caller_address, customer_network
from headlessly.web.front.waiting_room import Turns

#: Where passwords, codes and links are tried: all that is sent to the site's root and to the pages of one's
#: own account.
TRIED_AT = re.compile(r"/(?!~)|/~[^/]*/admin/account/")
#: The longest body there, in bytes: an answer of a passkey is the largest.
LONGEST_BODY = 64 * 1024
#: How many of one address wait in a process, for how many seconds, and for how many a place is kept.
MOST_WAITING, PATIENCE, LEAST = 32, 5.0, 0.2


def tries_password(environ: dict[str, Any]) -> bool:
    """Whether this request may be a guess."""
    return environ["REQUEST_METHOD"] == "POST" and bool(TRIED_AT.match(environ["PATH_INFO"]))


class PasswordTurns:
    """As many at once as a process hashes passwords, shared fairly by the addresses that they come from.

    Also a guess that is not hashed, as it comes too early, takes a thread some milliseconds to be told so:
    whoever does not wait to be told again slows the others by that. So each keeps its place for a moment,
    and the others wait where it costs nothing.
    """

    def __init__(self, places: int) -> None:
        self.turns = Turns(places, MOST_WAITING, PATIENCE, LEAST)

    @asynccontextmanager
    async def have_turn(self, environ: dict[str, Any]) -> AsyncIterator[None]:
        """Have a turn inside the block, where this may be a guess. Raises Unavailable where too many wait."""
        if not tries_password(environ):
            yield
            return
        async with self.turns.have_turn(customer_network(caller_address(environ))):
            yield
