"""How a process ends that is told to: as at the end of its program, with what it has to put in order then."""

from __future__ import annotations

import signal
import sys

#: By default these end Python at once, without its ``finally`` and its exit handlers. The second comes where
#: the connection to a machine breaks off.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def end_by_exit() -> None:
    """Have the signals that end this process raise SystemExit, where nobody has said otherwise. Of the main
    thread."""
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
