"""Passwords are hashed in a room of their own: as many at once as a process has threads to spare.

A hash of a password takes a core for some tenths of a second, on purpose. One is made at a time in each
process, by a thread that is less urgent than all others and rests as long as it has worked; one or more wait,
and whoever comes then is told at once to come again. So 32 who guess take half the time of a core of each
process at the most, and no thread that answers others. (Behind `manage.py serve` they wait before they get
here, where waiting takes no thread: :mod:`headlessly.web.front.passwords`.)
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

#: How much less urgent the thread is than those that answer, as `nice` counts: it has a tenth of a core that
#: both want.
LESS_URGENT = 10


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


def _make_thread() -> ThreadPoolExecutor:
    """One thread, begun with its first hash."""
    return ThreadPoolExecutor(1, "hashing", initializer=_be_less_urgent)


def _be_less_urgent() -> None:
    if sys.platform == "linux":  # elsewhere a thread has no urgency of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LESS_URGENT)


def _begin_anew() -> None:
    """A process that was forked has none of the threads."""
    global _thread
    _thread = _make_thread()


_thread = _make_thread()
os.register_at_fork(after_in_child=_begin_anew)


class BoundedPBKDF2(PBKDF2PasswordHasher):
    """Django's, in the room. It is still called as Django's is, and reads what that one wrote."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with hashing_room():
            return _thread.submit(self._encode, password, salt, iterations).result()

    def _encode(self, password: str, salt: str, iterations: int | None) -> str:
        began = time.monotonic()
        try:
            return super().encode(password, salt, iterations)
        finally:
            # After this one has been answered, and before the next.
            _thread.submit(time.sleep, time.monotonic() - began)
