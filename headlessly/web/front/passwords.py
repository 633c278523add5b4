"""Requests that try a password take turns of their own, before they get a thread."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.http import parse_cookie

from headlessly.web.callers import browser_mark, caller_address, customer_network
from headlessly.web.front.waiting_room import Turns

#: Where passwords, codes and links are tried: all POSTs to the site's root and to the pages of one's own
#: account.
TRIED_AT = re.compile(r"/(?!~)|/~[^/]*/admin/account/")
#: The addresses where anybody can guess a password; elsewhere one has a link, or asks for one.
GUESSED_AT = ("/", "/second")
#: The longest body there, in bytes: the answer of a passkey is the largest.
LONGEST_BODY = 64 * 1024
#: How many requests of one address wait in a process, for how many seconds, and for how long each occupies
#: its place at least.
MOST_WAITING, PATIENCE, LEAST = 32, 5.0, 0.2


def tries_password(environ: dict[str, Any]) -> bool:
    """Whether this request may be a guess."""
    return environ["REQUEST_METHOD"] == "POST" and bool(TRIED_AT.match(environ["PATH_INFO"]))


class PasswordTurns:
    """As many turns at once as a process may hash passwords, shared fairly by addresses.

    Even a guess that is refused because it comes too early takes a thread for some milliseconds, so a client
    that ignores the refusal would slow others down. Therefore each request occupies its place for a moment,
    and the others wait where it costs nothing.

    However many addresses guess, browsers in which somebody has signed in before, and people who come by a
    link or ask for one, do not wait for them: they have a place of their own.
    """

    def __init__(self, places: int) -> None:
        self.of_strangers = Turns(max(1, places - 1), MOST_WAITING, PATIENCE, LEAST)
        self.of_others = Turns(1, MOST_WAITING, PATIENCE, LEAST)

    @asynccontextmanager
    async def have_turn(self, environ: dict[str, Any]) -> AsyncIterator[None]:
        """Have a turn inside the block, if this may be a guess. Raises Unavailable if too many wait."""
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
