"""Lets short requests go first: long work in the same process pauses for them between its steps.

The threads of a process compute one at a time. Each long computation that keeps using the nouns would slow
every short request down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: For how many seconds after its arrival a request counts as short, and after how many other work counts as
#: long.
SHORT = 0.1


class ShortRequests:
    """The requests that this process is answering, and when each of them arrived."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._came: dict[object, float] = {}

    @contextmanager
    def count(self) -> Iterator[None]:
        """Count a request inside the block, in which it is answered or waits for its turn."""
        request = object()
        with self._changed:
            self._came[request] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._came[request]
                self._changed.notify_all()

    def let_pass(self, seconds: float) -> float:
        """Wait until there is no request that arrived within the last ``SHORT`` seconds; at most for that
        long, and for ``seconds``. Returns how long it took."""
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: not self._has_any(), min(seconds, SHORT))
        return time.monotonic() - began

    def _has_any(self) -> bool:
        since = time.monotonic() - SHORT
        return any(came > since for came in self._came.values())


short_requests = ShortRequests()
