"""Limits how many passwords are hashed, and what they may cost.

Hashing a password takes a core some tenths of a second, on purpose. Each process computes one hash at a
time, in a thread of low priority that rests as long as it has worked. A few more requests may wait; any
others are refused at once and told to retry. So 32 attackers take at most half of a core's time in each
process, and no thread that answers others. (Behind `manage.py serve` they wait before they get here, where
waiting takes no thread: :mod:`headlessly.web.front.passwords`.)
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.translation import gettext as _

from headlessly.background.slots import thread_slots
from headlessly.errors import HeadlesslyError

#: The `nice` value of the thread above that of the others: it gets a tenth of a core that both want.
LESS_URGENT = 10


class TooManyAtOnce(HeadlesslyError):
    """Too many others are signing in; nothing was tried."""

    status, code = 503, "busy"

    def __init__(self) -> None:
        self.seconds = 2
        super().__init__(
            _("Many people sign in just now. Try again in a moment."), retryAfter=self.seconds
        )


#: Whether the running code already has a place in the room.
_inside: ContextVar[bool] = ContextVar("inside_hashing_room", default=False)


@contextmanager
def hashing_room() -> Iterator[None]:
    """Reserves a place for everything that is hashed inside the block, and for the queries before it.
    Raises TooManyAtOnce if there is none; nothing was counted then."""
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


def _make_thread() -> ThreadPoolExecutor:
    """Returns an executor with one thread, which starts with its first hash."""
    return ThreadPoolExecutor(1, "hashing", initializer=_be_less_urgent)


def _be_less_urgent() -> None:
    if sys.platform == "linux":  # elsewhere threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LESS_URGENT)


def _begin_anew() -> None:
    """Makes a new executor after a fork, because the child process has none of the threads."""
    global _thread
    _thread = _make_thread()


_thread = _make_thread()
os.register_at_fork(after_in_child=_begin_anew)


class BoundedPBKDF2(PBKDF2PasswordHasher):
    """Django's hasher within the limits. It keeps Django's name, and reads its hashes."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with hashing_room():
            return _thread.submit(self._encode, password, salt, iterations).result()

    def _encode(self, password: str, salt: str, iterations: int | None) -> str:
        began = time.monotonic()
        try:
            return super().encode(password, salt, iterations)
        finally:
            # Runs after the result is delivered, and before the next hash.
            _thread.submit(time.sleep, time.monotonic() - began)
