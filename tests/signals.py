"""Children that Ctrl-C reaches, whatever started the tests."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """Processes started within this block take SIGINT as from a terminal.

    A shell starts what it puts in the background with SIGINT ignored, and so do some CI runners; children
    inherit that, and Python then never raises KeyboardInterrupt.
    """
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
