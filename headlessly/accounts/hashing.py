"""Passwords are hashed in a room of their own: as many at once as a process has threads to spare.

A hash of a password takes a core for some tenths of a second, on purpose. One is made at a time in each
process, one or more wait, and whoever comes then is told at once to come again: 32 who guess take one core
of each process, and no thread that answers others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.translation import gettext as _

from headlessly.background.slots import thread_slots
from headlessly.errors import HeadlesslyError

_one_at_a_time = threading.Lock()


class TooManyAtOnce(HeadlesslyError):
    """Others are signing in; nothing was tried."""

    status, code = 503, "busy"

    def __init__(self) -> None:
        self.seconds = 2
        super().__init__(
            _("Many people sign in just now. Try again in a moment."), retryAfter=self.seconds
        )


#: Whether whoever runs now has a place in the room already.
_inside: ContextVar[bool] = ContextVar("inside_hashing_room", default=False)


@contextmanager
def hashing_room() -> Iterator[None]:
    """A place in the room, for all that is hashed inside the block and for what has to be asked before.
    Raises TooManyAtOnce where there is none: nothing was asked then, and nothing is owed."""
    if _inside.get():
        yield
        return
    with thread_slots.reserve_for_hashing() as found:
        if not found:
            raise TooManyAtOnce
        token = _inside.set(True)
        try:
            yield
        finally:
            _inside.reset(token)


class BoundedPBKDF2(PBKDF2PasswordHasher):
    """Django's, in the room. It is still called as Django's is, and reads what that one wrote."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with hashing_room(), _one_at_a_time:
            return super().encode(password, salt, iterations)
