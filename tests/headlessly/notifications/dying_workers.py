"""Workers that are killed at the worst moments.

Run as a program, it is a process that starts once and forks a worker for each line that it reads: where the
worker must die, and after how many passes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
#: Where a worker dies: after writing notifications from the log or from the clock, before the commit; or when
#: an email is begun, about to be sent, taken by the server, or recorded and committed.
READ, CLOCK, BEGUN, BEFORE, SENT, NOTED = "read", "clock", "begun", "before", "sent", "noted"


class Workers:
    """The process that forks workers on the database of a test."""

    def __init__(self, database: str, mail_port: int) -> None:
        env = os.environ | {"DJANGO_SETTINGS_MODULE": "headlessly.settings"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, database, str(mail_port)],
            cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def run(self, dies_at: str = "", time: int = 1) -> int:
        """Let a worker do what is due. Returns the signal that ended it, or 0."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{dies_at} {time}\n")
        return int(self._process.stdout.readline())

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)


def _dies(times: list[int]) -> None:
    times[0] -= 1
    if not times[0]:
        os.kill(os.getpid(), signal.SIGKILL)


def _deadly(dies_at: str, time: int) -> None:
    """Let this process die at that place."""
    from headlessly.notifications import from_clock, from_log, letters

    times = [time]

    def around(module: Any, name: str, *, before: bool = False) -> None:
        real: Callable[..., Any] = getattr(module, name)

        def deadly(*given: Any, **more: Any) -> Any:
            if before:
                _dies(times)
            found = real(*given, **more)
            if not before:
                _dies(times)
            return found

        setattr(module, name, deadly)

    class Closing:
        """The connection to the server, which is closed after the commit."""

        def __init__(self, real: Any) -> None:
            self._real = real

        def __enter__(self) -> Any:
            return self._real.__enter__()

        def __exit__(self, *problem: Any) -> None:
            _dies(times)
            self._real.__exit__(*problem)

    match dies_at:
        case "read":
            around(from_log, "tell")
        case "clock":
            around(from_clock, "tell")
        case "begun":
            around(letters, "_begin_letters")
        case "before":
            around(letters, "send_letter", before=True)
        case "sent":
            around(letters, "send_letter")
        case "noted":
            connect = letters.get_connection
            letters.get_connection = lambda: Closing(connect())  # type: ignore[assignment]


def _main(database: str, mail_port: int) -> None:
    import django

    from headlessly import settings

    settings.DATABASES["default"]["NAME"] = database
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail_port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.MAIL_IS_SET_UP = True
    django.setup()
    from django.core.management import call_command

    from headlessly.log import readers
    from headlessly.notifications import letters, telling

    telling.GATHERED_FOR = 0
    # A late email tells of all rounds at once, and would count what exceeds this limit.
    letters.MOST = 1_000
    readers.PAGE = 2
    for line in sys.stdin:
        dies_at, time = line.split(" ")
        pid = os.fork()
        if not pid:
            _deadly(dies_at, int(time))
            for _again in range(2):  # the second run does the jobs that the first one deferred
                call_command("work", "--until-idle", "--concurrency", "4")
            os._exit(0)
        _pid, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
