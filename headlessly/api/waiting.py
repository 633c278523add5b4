"""How many requests may wait for an event at once: half of what a process answers at once.

Whoever waits keeps a thread. Were all of them kept, anybody who may read could stand in everybody's way,
health checks included. One too many is answered at once, as if its time were over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: How many requests a process answers at once, as `manage.py serve` tells its workers.
THREADS = "HEADLESSLY_THREADS"


class Room:
    """The places in which this process lets requests wait."""

    def __init__(self) -> None:
        self._lock, self._taken = threading.Lock(), 0

    @property
    def places(self) -> int:
        return int(os.environ.get(THREADS) or 4) // 2

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Whether there was a place; then it is kept inside the block."""
        with self._lock:
            if found := self._taken < self.places:
                self._taken += 1
        try:
            yield found
        finally:
            if found:
                with self._lock:
                    self._taken -= 1


room = Room()
