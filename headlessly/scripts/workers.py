"""The interpreters: a bounded number of worker processes, one for each script that runs.

Workers belong to the process that started them. They end with it: what they read is closed, whatever ended
it. One that crashes or is killed is replaced.
"""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic_monty import Monty, MontySession, OSPolicy
from pydantic_monty._binary import find_monty_binary

from headlessly.access import tenancy
from headlessly.background.slots import thread_slots
from headlessly.context import clock
from headlessly.scripts.failures import Busy
from headlessly.scripts.limits import Limits
from headlessly.web.front.short_requests import SHORT

#: Scripts at once in one process; one more than one tenant has in one of four threads.
SCRIPTS_AT_ONCE = 3
#: How long a script waits for one of them to end, in seconds.
PATIENCE = 5
#: How far workers stand back behind the site where there are too few cores for both, as `nice` counts: at
#: first, and when their script has run for ``SHORT`` seconds.
NICE, NICE_WHEN_LONG = 3, 10
#: A worker is replaced after this many scripts.
RETIREMENT = 500
#: Starts an interpreter in a session of its own: Linux shares the cores out among sessions before it does
#: among their processes, and what a script computes is not to be of the site's share.
LAUNCHER = """#!/bin/sh
exec {setsid} {interpreter} "$@"
"""

_pool: Monty | None = None
_lock = threading.Lock()
_inherited: list[Any] = []


def _workers() -> Monty:
    """This process's workers, started when the first script comes."""
    global _pool
    if _inherited:
        raise RuntimeError("This process was forked from one that ran scripts: it cannot run any.")
    with _lock:
        if _pool is None:
            _pool = Monty(
                binary_path=_launcher(),
                min_processes=1,
                max_processes=SCRIPTS_AT_ONCE,
                checkout_timeout=PATIENCE,
                request_timeout=60,
                max_checkouts_per_worker=RETIREMENT,
            )
            _pool.__enter__()
        return _pool


def _launcher() -> str | None:
    """What starts a worker, in memory of this process; None for the interpreter itself, where the system
    knows no sessions or lets nothing of memory be started."""
    setsid = shutil.which("setsid")
    if setsid is None or not hasattr(os, "memfd_create"):
        return None
    file = os.memfd_create("launcher")  # open as long as the process is
    interpreter = find_monty_binary()
    text = LAUNCHER.format(setsid=shlex.quote(setsid), interpreter=shlex.quote(interpreter))
    os.write(file, text.encode())
    path = f"/proc/{os.getpid()}/fd/{file}"
    return path if os.access(path, os.X_OK) else None


@atexit.register
def stop_workers() -> None:
    """End the workers; another script starts new ones."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.__exit__(None, None, None)


def _forget_workers_of_parent() -> None:
    """In a forked child: the workers are the parent's, and stay so.

    The library's threads do not live on in a fork, and it cannot start them again. So servers fork first,
    and each of their processes starts its workers when the first script comes.
    """
    global _pool, _lock
    if _pool is not None:
        _inherited.append(_pool)  # never collected here, which would end them
    _pool, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_workers_of_parent)


@contextmanager
def reserve_worker(
    limits: Limits, *, moment: datetime | None = None, seed: str | None = None
) -> Iterator[MontySession]:
    """A session of a worker process for one script; the worker is free again after the block.

    The script's clock stands still at ``moment`` (else now), and its random numbers follow from ``seed``.
    Raises Busy when no worker is free within ``PATIENCE`` seconds, or when waiting for one would take the
    process's last thread.
    """
    # A script has the product's clock, standing still, and cannot wait.
    policy: OSPolicy = {
        "datetime": moment or clock.now(),
        "sleep": "call_host",
        "random_start": "system" if seed is None else {"seed": seed},
    }
    tenant = tenancy.current()
    tenant_id = tenant and tenant.pk
    with (
        thread_slots.reserve_for_script(tenant_id, PATIENCE) as is_free,
        ExitStack() as stack,
    ):
        if not is_free:
            raise Busy(PATIENCE)
        checkout = _workers().checkout(
            script_name="script",
            limits={
                "max_feed_duration_secs": limits.seconds,
                "max_memory": limits.memory,
                "max_recursion_depth": limits.depth,
                "max_suspensions": limits.turns,
            },
            os_policy=policy,
        )
        try:
            session = stack.enter_context(checkout)
        except TimeoutError:
            raise Busy(PATIENCE) from None
        with StandingBack(session, is_one_of_several=thread_slots.runs_another_of(tenant_id)):
            yield session


class StandingBack:
    """Lets the site have the cores first, and short scripts before those that have run for long.

    Those of who runs several at once stand back from their beginning: among many there is always one that
    has just begun. Who is not root cannot take a process's lower priority back: a worker that was lowered is
    replaced, which takes some milliseconds.
    """

    def __init__(self, session: MontySession, *, is_one_of_several: bool) -> None:
        self.session, self.pid = session, session.worker_pid
        self.is_one_of_several = is_one_of_several
        self.is_lowered = self.is_over = False
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if self.is_one_of_several:
            self._lower()
        else:
            if self.pid is not None:
                lower_priority(self.pid, NICE)
            self._wait()
        return self

    def _wait(self) -> None:
        self._timer = threading.Timer(SHORT, self._lower)
        self._timer.daemon = True
        self._timer.start()

    def _lower(self) -> None:
        with self._lock:
            if self.is_over or self.pid is None:
                return
            self.is_lowered = True
            lower_priority(self.pid, NICE_WHEN_LONG)
            try:
                lower_session(self.pid, NICE_WHEN_LONG)
            except BlockingIOError:  # the system takes one a tenth of a second from who is not root
                self._wait()

    def __exit__(self, *problem: object) -> None:
        with self._lock:
            self.is_over = True
            if self._timer is not None:
                self._timer.cancel()
        if self.is_lowered and self.pid is not None and self.session.worker_pid == self.pid:
            with suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)


def lower_priority(pid: int, nice: int) -> None:
    """Have all threads of a worker stand back: the one that computes is not its first, and a priority is a
    thread's own."""
    with suppress(OSError):  # it is gone already, which its first use will tell
        try:
            threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
        except FileNotFoundError:  # no Linux: there it is the process's
            threads = [pid]
        for each in threads:
            os.setpriority(os.PRIO_PROCESS, each, nice)


def lower_session(pid: int, nice: int) -> None:
    """Have the session of a worker stand back, if it is its own, behind others that want the core: Linux
    compares threads of the same session only, if it groups them. Raises BlockingIOError where it is too soon
    after another."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
