"""The worker beside the server: `manage.py serve` keeps one `manage.py work` running while it serves."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

logger = logging.getLogger(__name__)

#: How long a worker that fell over stays down, in seconds: it may fall over again.
PAUSE = 2
#: How long a worker may take to finish what it is doing, in seconds; see `work`. With what else has to end, a
#: server is gone 20 seconds after it was told to.
PATIENCE = 12


class WorkerSupervisor:
    """One worker process, started again whenever it ends by itself."""

    def __init__(self, concurrency: int) -> None:
        program = "headlessly.management.command_line"
        self.command = [sys.executable, "-m", program, "work", "--beside-server"]
        self.command += ["--concurrency", str(concurrency)]
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.keep_running, name="background", daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.RLock()  # a signal may come while it is held

    def start(self) -> None:
        # A process of the server that is forked while the worker is being started would keep open what tells
        # that the worker runs: the start would never end, and with it nothing that waits for the lock.
        os.register_at_fork(
            before=self.lock.acquire,
            after_in_parent=self.lock.release,
            after_in_child=self.lock.release,
        )
        self.thread.start()

    def keep_running(self) -> None:
        """Start the worker, and again whenever it ends, until :meth:`stop`; runs in a thread of its own."""
        while True:
            with self.lock:
                if self.ending.is_set():
                    return
                # A session of its own: what a terminal says to the server is not said to it.
                self.process = subprocess.Popen(
                    self.command,
                    env=os.environ | {"DJANGO_SETTINGS_MODULE": "headlessly.settings"},
                    start_new_session=True,
                )
            status = self.process.wait()
            if self.ending.wait(PAUSE):
                return
            logger.error("The background worker ended with status %s: another one starts.", status)

    def begin_to_stop(self) -> None:
        """Tell the worker to finish what it is doing; no other one is started. Told twice, it would end at
        once."""
        with self.lock:
            if self.process is not None and not self.ending.is_set():
                self.process.terminate()
            self.ending.set()

    def stop(self) -> None:
        """Let it finish what it is doing, within reason."""
        self.begin_to_stop()
        if self.process is None:
            return
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            # Until it is gone it counts as a user of the embedded database, which would stay for it.
            self.process.wait()
