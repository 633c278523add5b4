"""Child processes that Ctrl-C reaches, whatever started the tests."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """Lets processes that are started within the block react to SIGINT as in a terminal.

    A shell starts background processes with SIGINT ignored, and so do some CI runners; children inherit
    that, and Python then never raises KeyboardInterrupt.
    """
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
