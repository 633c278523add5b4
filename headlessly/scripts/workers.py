"""The interpreters: a limited number of worker processes, one for each running script.

Workers belong to the process that started them, and end with it, however it ends, because their input is
closed. One that crashes or is killed is replaced.
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

#: How many scripts one process runs at once; one more than one tenant may run with four threads.
SCRIPTS_AT_ONCE = 3
#: How long a script waits for another one to end, in seconds.
PATIENCE = 5
#: The nice value of workers, so that the site goes first if there are too few cores: at first, and after
#: their script has run for ``SHORT`` seconds.
NICE, NICE_WHEN_LONG = 3, 10
#: A worker is replaced after this many scripts.
RETIREMENT = 500
#: Starts an interpreter in a session of its own. Linux shares the cores among sessions first and then among
#: their processes, and scripts should not take from the site's share.
LAUNCHER = """#!/bin/sh
exec {setsid} {interpreter} "$@"
"""

_pool: Monty | None = None
_lock = threading.Lock()
_inherited: list[Any] = []


def _workers() -> Monty:
    """Returns this process's workers, started with the first script."""
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
    """Returns the path of the launcher, a file in memory; None to start the interpreter directly if the
    system has no sessions, or cannot execute files in memory."""
    setsid = shutil.which("setsid")
    if setsid is None or not hasattr(os, "memfd_create"):
        return None
    file = os.memfd_create("launcher")  # stays open as long as the process
    interpreter = find_monty_binary()
    text = LAUNCHER.format(setsid=shlex.quote(setsid), interpreter=shlex.quote(interpreter))
    os.write(file, text.encode())
    path = f"/proc/{os.getpid()}/fd/{file}"
    return path if os.access(path, os.X_OK) else None


@atexit.register
def stop_workers() -> None:
    """Stop the workers; the next script starts new ones."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.__exit__(None, None, None)


def _forget_workers_of_parent() -> None:
    """In a forked child, leave the workers to the parent.

    The library's threads do not survive a fork and cannot be started again. So servers fork first, and each
    of their processes starts its workers with the first script.
    """
    global _pool, _lock
    if _pool is not None:
        _inherited.append(_pool)  # never garbage-collected here, which would stop them
    _pool, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_workers_of_parent)


@contextmanager
def reserve_worker(
    limits: Limits, *, moment: datetime | None = None, seed: str | None = None
) -> Iterator[MontySession]:
    """A session of a worker process for one script; the worker is free again after the block.

    The script's clock stands still at ``moment`` (by default now), and its random numbers follow from
    ``seed``. Raises Busy if no worker becomes free within ``PATIENCE`` seconds, or if waiting would occupy
    the process's last thread.
    """
    # A script has the product's clock, standing still, and cannot sleep.
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
    """Lets the site have the cores first, and short scripts before long ones.

    Scripts of a tenant that runs several at once have a lower priority from the beginning, because among many
    there is always one that has just begun. Only root can raise a process's priority again, so a worker with
    a lower priority is replaced, which takes some milliseconds.
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
            # Without root, the system allows one change in a tenth of a second.
            except BlockingIOError:
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
    """Lower the priority of all threads of a worker: it is a property of threads, and the computing one is
    not the first."""
    with suppress(OSError):  # it is gone already, which its next use will show
        try:
            threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
        except FileNotFoundError:  # not Linux: the priority is the process's
            threads = [pid]
        for each in threads:
            os.setpriority(os.PRIO_PROCESS, each, nice)


def lower_session(pid: int, nice: int) -> None:
    """Lower the priority of a worker's session, if it has its own: with autogroups, Linux compares threads
    only within a session. Raises BlockingIOError if it is too soon after another change."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
