"""The processes behind `manage.py serve`, and how they end with their parent."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """End when the parent says so or dies; leave signals of the terminal to the parent."""
    # The fork inherits the parent's handler, which would swallow an early SIGTERM.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A terminal sends SIGINT and SIGHUP to every process of the group. The parent handles them and stops its
    # workers with SIGTERM; a worker that got both signals would hang.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    if sys.platform == "linux":
        # If the parent is killed with -9, its workers end too, and the port becomes free.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_forks_with_parent() -> None:
    """Let every process forked from here on call :func:`end_with_parent` first."""
    os.register_at_fork(after_in_child=end_with_parent)
