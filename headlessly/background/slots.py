"""How many threads of a process may be occupied by work that takes longer than a usual response.

Running a script or waiting to run one, and hashing a password occupy a thread. If all threads were occupied,
anybody who may do so could block everybody else, so one is always left. Waiting for an event occupies none
(:mod:`headlessly.web.front.held_requests`).
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

#: The variable by which `manage.py serve` tells its workers how many requests to answer at once.
THREADS = "HEADLESSLY_THREADS"


def threads_of_process() -> int:
    """Returns how many requests this process answers at once."""
    return int(os.environ.get(THREADS) or 4)


def most_hashing(threads: int) -> int:
    """Returns how many of so many threads may hash passwords, or wait for it: a quarter of them, and no fewer
    than two."""
    return max(2, threads // 4)


class ThreadSlots:
    """The threads of this process that are occupied, counted by kind and limited in total."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script_ended = threading.Condition(self._lock)
        self.running = self.hashing = 0
        self.scripts: Counter[object] = Counter()  #: running or waiting scripts by tenant

    @contextmanager
    def reserve_for_script(self, tenant: object, patience: float = 0) -> Iterator[bool]:
        """Reserve a thread for a script of this tenant inside the block. Yields whether there was one.

        One tenant may use all but one of the threads for scripts. It waits up to ``patience`` seconds for one
        of its own scripts to end, unless waiting would occupy the last thread. A process with one thread has
        one for scripts.
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
        """Whether more than one script of this tenant is running or waiting."""
        with self._lock:
            return self.scripts[tenant] > 1

    @contextmanager
    def reserve_for_hashing(self) -> Iterator[bool]:
        """Reserve a thread to hash a password, or to wait for that, inside the block. Yields whether there
        was one."""
        with self._reserve("hashing", most_hashing(threads_of_process())) as found:
            yield found

    def _has_room(self) -> bool:
        """Whether a thread can be occupied with one left over. Call it under the lock."""
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
