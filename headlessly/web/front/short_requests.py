"""Short requests go before long work in the same process: between two of its steps, that lets them pass.

The threads of a process compute one at a time. Whoever asks the nouns again and again for seconds would slow
every short request by as much as there are of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: For how many seconds after it came a request is short, and other work long after it began.
SHORT = 0.1


class ShortRequests:
    """The requests of this process that are being answered, and when each of them came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._came: dict[object, float] = {}

    @contextmanager
    def count(self) -> Iterator[None]:
        """A request is being answered, or waits for its turn, inside the block."""
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
        """Wait until none is left that came within the last ``SHORT`` seconds; so long at the most, and no
        longer than ``seconds``. Returns how many seconds that took."""
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: not self._has_any(), min(seconds, SHORT))
        return time.monotonic() - began

    def _has_any(self) -> bool:
        since = time.monotonic() - SHORT
        return any(came > since for came in self._came.values())


short_requests = ShortRequests()
