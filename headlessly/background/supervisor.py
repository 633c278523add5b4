"""The worker beside the server: `manage.py serve` keeps one `manage.py work` running while it serves."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading

logger = logging.getLogger(__name__)

#: The pause before a crashed worker is restarted, in seconds, because it may crash again.
PAUSE = 2
#: How long a worker may take to finish its current jobs, in seconds; see `work`. With everything else that
#: has to end, a server is gone 20 seconds after it was told to stop.
PATIENCE = 12


class WorkerSupervisor:
    """One worker process, restarted whenever it ends by itself."""

    def __init__(self, concurrency: int) -> None:
        program = "headlessly.management.command_line"
        self.command = [sys.executable, "-m", program, "work", "--beside-server"]
        self.command += ["--concurrency", str(concurrency)]
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.keep_running, name="background", daemon=True)
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.RLock()  # a signal handler may need it while it is held

    def start(self) -> None:
        # A server process forked while the worker is being started would inherit the pipe by which Popen
        # waits for the start. Popen would never return, and everybody would wait for the lock.
        os.register_at_fork(
            before=self.lock.acquire,
            after_in_parent=self.lock.release,
            after_in_child=self.lock.release,
        )
        self.thread.start()

    def keep_running(self) -> None:
        """Start the worker, and again whenever it ends, until :meth:`stop`; runs in its own thread."""
        while True:
            with self.lock:
                if self.ending.is_set():
                    return
                # In its own session, so that it does not get the terminal's signals to the server.
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
        """Tell the worker to finish its current jobs, and start no other one. A second signal would end it
        immediately."""
        with self.lock:
            if self.process is not None and not self.ending.is_set():
                self.process.terminate()
            self.ending.set()

    def stop(self) -> None:
        """Stop the worker: give it time to finish its jobs, then kill it."""
        self.begin_to_stop()
        if self.process is None:
            return
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            # Until it is gone it counts as a user of the embedded database, which would stay for it.
            self.process.wait()
