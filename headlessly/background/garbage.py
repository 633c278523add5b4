"""When a process looks for garbage: objects that hold each other in circles."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: After how many new objects the collector looks at the young ones, and after how many such looks at older
#: ones. A page makes some ten thousand: with Python's 700 it looked through what caches hold every few
#: requests.
YOUNG, OLDER, OLDEST = 20_000, 20, 20


def look_seldom() -> None:
    """While a process loads what it consists of, little of that is garbage; when it ends, the system takes
    all of it at once. Python would look through it again and again: a third of what a short command does."""
    gc.set_threshold(YOUNG, OLDER, OLDEST)
    atexit.register(gc.freeze)


def settle_garbage() -> None:
    """Leave what is loaded by now to itself until the process ends: looked through again and again, it would
    stop a request for a tenth of a second now and then. Look at what comes later less often."""
    gc.collect()
    gc.freeze()
    look_seldom()


@contextmanager
def collecting_later() -> Iterator[None]:
    """Look when the block is done: a thousand records at work make no circles, and all of the process was
    looked through for each of them, a quarter of the time that an import takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
