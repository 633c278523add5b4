"""The worker beside the server: started while the server forks its own processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import pytest

from headlessly.background import supervisor


class Worker:
    """A process that runs until it is told to end."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def wait(self, timeout: float | None = None) -> int:
        self.ended.wait(timeout)
        return 0

    def terminate(self) -> None:
        assert not self.ended.is_set(), "told twice, a worker ends at once"
        self.ended.set()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_nothing_is_forked_while_the_worker_is_being_started(monkeypatch: Any) -> None:
    # What is forked would hold the end of the pipe that tells of the start, which would then never be over.
    starts, may_go_on, happened = threading.Event(), threading.Event(), []

    def start(*_args: Any, **_kwargs: Any) -> Worker:
        starts.set()
        may_go_on.wait(10)
        happened.append("started")
        return Worker()

    def fork() -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        happened.append("forked")
        os.waitpid(child, 0)

    monkeypatch.setattr(supervisor.subprocess, "Popen", start)
    background = supervisor.WorkerSupervisor(1)
    background.start()
    assert starts.wait(10)
    forking = threading.Thread(target=fork, daemon=True)
    forking.start()
    forking.join(0.3)
    may_go_on.set()
    forking.join(10)
    assert happened == ["started", "forked"]
    background.begin_to_stop()  # as a signal says, and the end of the server once more
    background.stop()
    background.thread.join(10)
    assert not background.thread.is_alive()


def test_a_worker_that_does_not_end_is_gone_when_it_has_stopped(monkeypatch: Any) -> None:
    # Else the server would leave the embedded database running, for somebody who is about to go.
    monkeypatch.setattr(supervisor, "PATIENCE", 0.2)
    background = supervisor.WorkerSupervisor(1)
    deaf = "from signal import *; signal(SIGTERM, SIG_IGN); print(flush=True); sigwait([SIGUSR1])"
    background.command = [sys.executable, "-c", deaf]
    told, tells = os.pipe()
    start = partial(subprocess.Popen, stdout=tells)
    monkeypatch.setattr(supervisor.subprocess, "Popen", start)
    background.start()
    os.read(told, 1)
    background.stop()
    assert background.process is not None
    assert background.process.returncode == -signal.SIGKILL
    background.thread.join(10)
    os.close(told)
    os.close(tells)
