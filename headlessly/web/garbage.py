"""How often a process that answers requests looks for garbage."""

import gc

#: After how many new objects the collector looks at the young ones, and after how many such looks at older
#: ones. A page makes some ten thousand: with Python's 700 it looked through what caches hold every few
#: requests, which was a tenth of their time.
YOUNG, OLDER, OLDEST = 20_000, 20, 20


def settle_garbage() -> None:
    """Leave what is loaded by now to itself until the process ends: looked through again and again, it would
    stop a request for a tenth of a second now and then. Look at what comes later less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDEST)
