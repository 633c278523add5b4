"""How many threads of a process may be kept at once, by what takes longer than an answer does.

Whoever runs a script or waits to run one, and whoever hashes a password keeps a thread. Were all of them
kept, anybody who may do so could stand in everybody's way. So one is always left. Whoever waits for an
event keeps none (:mod:`headlessly.web.front.held_requests`).
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

#: How many requests a process answers at once, as `manage.py serve` tells its workers.
THREADS = "HEADLESSLY_THREADS"


def threads_of_process() -> int:
    """How many requests this process answers at once."""
    return int(os.environ.get(THREADS) or 4)


def most_hashing(threads: int) -> int:
    """How many of so many threads hash a password, or wait until another is hashed: two at the most, and
    where there are many threads, a quarter of them."""
    return max(2, threads // 4)


class ThreadSlots:
    """What keeps threads of this process, each kind counted, all of them together bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script_ended = threading.Condition(self._lock)
        self.running = self.hashing = 0
        self.scripts: Counter[object] = Counter()  #: that run, or wait to, by tenant

    @contextmanager
    def reserve_for_script(self, tenant: object, patience: float = 0) -> Iterator[bool]:
        """Reserve a thread to run a script of this tenant, inside the block. Yields whether there was one.

        One tenant has all but one of those that there are for scripts, and waits for one of its own to end,
        for ``patience`` seconds, unless that would take the last thread. A process of one thread has one.
        """
        most = max(1, threads_of_process() - 2)
        with self._script_ended:
            seconds = patience if self._has_room() else 0
            has_room = self._script_ended.wait_for(lambda: self.scripts[tenant] < most, seconds)
            if has_room:
                self.scripts[tenant] += 1
        try:
            if has_room:
                with self._reserve("running", threads_of_process()) as found:
                    yield found
            else:
                yield False
        finally:
            if has_room:
                with self._script_ended:
                    self.scripts[tenant] -= 1
                    if not self.scripts[tenant]:
                        del self.scripts[tenant]
                    self._script_ended.notify_all()

    def runs_another_of(self, tenant: object) -> bool:
        """Whether more than one script of this tenant runs, or waits to."""
        with self._lock:
            return self.scripts[tenant] > 1

    @contextmanager
    def reserve_for_hashing(self) -> Iterator[bool]:
        """Reserve a thread to hash a password, or to wait until another is hashed, inside the block. Yields
        whether there was one."""
        with self._reserve("hashing", most_hashing(threads_of_process())) as found:
            yield found

    def _has_room(self) -> bool:
        """Whether a thread can be kept, and one is left. Under the lock."""
        return self.running + self.hashing < max(1, threads_of_process() - 1)

    @contextmanager
    def _reserve(self, kind: str, most: int) -> Iterator[bool]:
        with self._lock:
            of_kind = getattr(self, kind)
            if is_free := of_kind < most and self._has_room():
                setattr(self, kind, of_kind + 1)
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    setattr(self, kind, getattr(self, kind) - 1)


thread_slots = ThreadSlots()
