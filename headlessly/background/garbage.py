"""When a process collects garbage, that is, objects that refer to each other in cycles."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: After how many new objects the collector examines the young generation, and after how many such collections
#: the older ones. A page creates about ten thousand objects: with Python's default of 700 the collector would
#: examine all that caches hold every few requests.
YOUNG, OLDER, OLDEST = 20_000, 20, 20


_loading = False


def load_without_collecting() -> None:
    """Collect no garbage while the process loads its modules, until :func:`loaded`, nor when it ends.

    There is hardly any garbage meanwhile, and when the process ends the system frees everything. Python would
    examine the objects again and again, which takes a third of a short command's time.
    """
    global _loading
    _loading = True
    gc.disable()
    atexit.register(gc.freeze)


def loaded() -> None:
    """Collect garbage from now on, of objects made later. Does nothing where loading collected as usual."""
    global _loading
    if _loading:
        _loading = False
        gc.freeze()
        gc.set_threshold(YOUNG, OLDER, OLDEST)
        gc.enable()


def settle_garbage() -> None:
    """Exclude everything loaded so far from garbage collection: examining it again and again would now and
    then stop a request for a tenth of a second. Collect later objects less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)
    atexit.register(gc.freeze)


@contextmanager
def collecting_later() -> Iterator[None]:
    """Delay garbage collection until the block ends. A thousand records at work create no cycles, but
    collections during an import took a quarter of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
