"""Whoever tries a password has a turn of its own, before a thread is taken."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.http import parse_cookie

from headlessly.web.callers import browser_mark, caller_address, customer_network
from headlessly.web.front.waiting_room import Turns

#: Where passwords, codes and links are tried: all that is sent to the site's root and to the pages of one's
#: own account.
TRIED_AT = re.compile(r"/(?!~)|/~[^/]*/admin/account/")
#: The ones where anybody can guess a password: elsewhere one has a link, or asks for one.
GUESSED_AT = ("/", "/second")
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

    However many addresses guess, a browser in which somebody has signed in before and whoever comes by a
    link, or asks for one, do not wait for them: they have a place of their own.
    """

    def __init__(self, places: int) -> None:
        self.of_strangers = Turns(max(1, places - 1), MOST_WAITING, PATIENCE, LEAST)
        self.of_others = Turns(1, MOST_WAITING, PATIENCE, LEAST)

    @asynccontextmanager
    async def have_turn(self, environ: dict[str, Any]) -> AsyncIterator[None]:
        """Have a turn inside the block, where this may be a guess. Raises Unavailable where too many wait."""
        if not tries_password(environ):
            yield
            return
        turns = self.of_strangers if _is_strangers_guess(environ) else self.of_others
        async with turns.have_turn(customer_network(caller_address(environ))):
            yield


def _is_strangers_guess(environ: dict[str, Any]) -> bool:
    if environ["PATH_INFO"] not in GUESSED_AT:
        return False
    return not browser_mark(parse_cookie(environ.get("HTTP_COOKIE", "")))
