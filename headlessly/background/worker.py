"""One of the processes behind `manage.py serve`, and how it ends with its parent."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Die when the parent says so, or dies itself; leave what a terminal says to the parent."""
    # Inherited at the fork is the parent's own handler, which would swallow an early SIGTERM.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A terminal sends Ctrl-C, and its own end, to every process of the group. The parent acts on it
    # and stops its workers with SIGTERM: one that got both signals would hang.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    if sys.platform == "linux":
        # A parent killed with -9 takes its workers along, and the port becomes free.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_forks_with_parent() -> None:
    """Have every process forked from here on call :func:`end_with_parent` first."""
    os.register_at_fork(after_in_child=end_with_parent)
