"""Runs one script in a worker process with the interpreter (:mod:`headlessly.scripts.workers`)."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, Self

from pydantic_monty import (
    FunctionSnapshot,
    FutureSnapshot,
    MontyComplete,
    MontyCrashedError,
    MontyError,
    MontySession,
    NameLookupSnapshot,
)

from headlessly.context import running
from headlessly.errors import Conflict, Forbidden, HeadlesslyError, NotFound, Stale
from headlessly.scripts import hints, prelude
from headlessly.scripts.failures import (
    MAX_MESSAGE_LENGTH,
    LimitExceeded,
    ScriptError,
    ScriptFailed,
)
from headlessly.scripts.host import Host
from headlessly.scripts.limits import Limits
from headlessly.scripts.source import line_text

#: How long after its time a script is killed from outside, in seconds.
GRACE = 0.1
#: The script's name in tracebacks of the interpreter, in which the prelude comes first.
SCRIPT = "<python-input-1>"


class DeadlineTimer:
    """Kills the worker of a script that has run out of time, wherever it is, which releases its locks.

    The interpreter only counts its own time, and only checks it while it computes.
    """

    def __init__(self, session: MontySession, host: Host) -> None:
        self.pid, self.host = session.worker_pid, host
        self.has_come = self.is_over = False
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        self.host.on_shorter_deadline = self._start
        self._start()
        return self

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # The interpreter's own limit comes first if possible, because it names the line.
        left = self.host.deadline - time.monotonic() + GRACE
        self._timer = threading.Timer(max(0, left), self._end_worker)
        self._timer.daemon = True
        self._timer.start()

    def _end_worker(self) -> None:
        with self._lock:
            if self.is_over or time.monotonic() < self.host.deadline:
                return
            self.has_come = True
            if self.pid is not None:
                with suppress(OSError):
                    os.kill(self.pid, signal.SIGKILL)

    def __exit__(self, *problem: object) -> None:
        with self._lock:
            self.is_over = True
        if self._timer is not None:
            self._timer.cancel()


@dataclass
class RunningScript:
    """A running script: its host, its output, and its errors."""

    session: MontySession
    code: str
    limits: Limits
    host: Host
    printed: list[str] = field(default_factory=list)
    printed_bytes: int = 0
    flooded: bool = False
    raised_errors: dict[str, HeadlesslyError] = field(default_factory=dict)
    line: int | None = None
    end: DeadlineTimer = field(init=False)

    def run(self, code: str) -> Any:
        """Run the prepared script ``code`` and return its last expression. Raises ScriptFailed.

        Errors that no script may catch are raised as they are; ``line`` says where they occurred.
        """
        with DeadlineTimer(self.session, self.host) as self.end:
            try:
                self._go_on(lambda: self.session.feed_run(prelude.prelude_code()))
                turn = self._go_on(
                    lambda: self.session.feed_start(code, print_callback=self._print)
                )
                while not isinstance(turn, MontyComplete):
                    turn = self._go_on(partial(turn.resume, *self._answer_turn(turn)))
                # The output is only decoded here.
                return self._go_on(lambda: turn.output)
            except MontyError as problem:
                raise self._explain_failure(problem) from None

    def _go_on(self, step: Callable[[], Any]) -> Any:
        """Let the script run until its next call, or its end. Raises MontyError; and ScriptFailed for a value
        that cannot be read, which is the script's mistake, whatever exception that raises."""
        try:
            return step()
        except MontyError:
            raise
        except Exception as problem:
            raise self.as_failure(_unreadable(problem), self.last_line()) from problem

    def _raising_line(self) -> int | None:
        """Returns the line that raises, if there is only one: for some errors the interpreter gives no
        line."""
        lines = enumerate(self.code.split("\n"), 1)
        raising = [n for n, text in lines if re.match(r"\s*raise\b", text)]
        return raising[0] if len(raising) == 1 else None

    def last_line(self) -> int | None:
        """Returns the line of the script's value, which is its last; None if there are only comments."""
        lines = self.code.rstrip().split("\n")
        numbered = [n for n, text in enumerate(lines, 1) if text.strip()[:1] not in ("", "#")]
        return numbered[-1] if numbered else None

    @property
    def output(self) -> str:
        return "".join(self.printed)

    def _print(self, stream: str, text: str) -> None:
        self.printed_bytes += len(text.encode("utf-8", "replace"))
        if self.printed_bytes > self.limits.output:
            self.flooded = True
            raise RuntimeError("too much output")
        self.printed.append(text)

    # -- one turn ---------------------------------------------------------------------------------

    def _answer_turn(self, turn: Any) -> tuple[Any, ...]:
        """Returns the arguments with which to resume the script. Raises what it cannot continue from."""
        if time.monotonic() > self.host.deadline:
            return self._end_script(turn, self.host.exceeded_time())
        if isinstance(turn, NameLookupSnapshot):
            return ()  # an unknown name: the sandbox reports it
        if isinstance(turn, FutureSnapshot):
            return self._end_script(turn, ScriptError("Nothing here has to be awaited."))
        if turn.is_os_function:
            return (_refuse_system_call(turn),)
        if turn.object_id is not None or turn.function_name != prelude.ASK:
            message = f"name '{str(turn.function_name)[:64]}' is not defined"
            return ({"exc_type": "NameError", "message": message},)
        try:
            question, named = turn.args, turn.kwargs
        except Exception as problem:
            self._end_script(turn, _unreadable(problem))
        try:
            answer = self.host.answer(question, named)
        except LimitExceeded as problem:
            return self._end_script(turn, problem)
        except HeadlesslyError as problem:
            if failed_after_writing():
                return self._end_script(turn, problem)
            message = problem.message[:MAX_MESSAGE_LENGTH]
            self.raised_errors[message] = problem
            return ({"exc_type": _python_exception(problem), "message": message},)
        except Exception as problem:
            return self._end_script(turn, problem)
        return ({"return_value": answer},)

    def _end_script(self, turn: Any, problem: Exception) -> NoReturn:
        """Raise an error inside the script that it cannot continue from, to learn the line, and then end
        it."""
        if isinstance(turn, FunctionSnapshot):
            try:
                turn.resume({"exc_type": "BaseException", "message": "The script ends here."})
            except MontyError as heard:
                self.line = _script_line(heard)
            except Exception:  # whatever it does in response does not matter
                self.line = None
        raise problem

    # -- what went wrong --------------------------------------------------------------------------

    def as_failure(self, inner: HeadlesslyError, line: int | None = None) -> ScriptFailed:
        """Returns ``inner`` as the error of this script."""
        line = line or self.line
        return ScriptFailed(inner, line=line, source=line_text(self.code, line), output=self.output)

    def _explain_failure(self, problem: MontyError) -> ScriptFailed:
        line = _script_line(problem)
        if isinstance(problem, MontyCrashedError):
            if problem.timed_out or self.end.has_come:
                return self.as_failure(self.host.exceeded_time())
            # For example if one of the script's own classes is passed to a record.
            mistake = ScriptError(
                "The script brought its interpreter down. Answer values and records, no classes."
            )
            return self.as_failure(mistake, line or self.last_line())
        inner, text = problem.exception(), str(problem)
        limit = "output" if self.flooded else _exceeded_limit(inner, text)
        if limit is not None:
            return self.as_failure(self.limits.exceeded(limit), line)
        if line is None and hints.NO_TEXT in text:
            line = self._raising_line()
        message = str(inner)[:MAX_MESSAGE_LENGTH] if str(inner) else ""
        if known := self.raised_errors.get(message):
            return self.as_failure(known, line)
        source = line_text(self.code, line)
        return self.as_failure(ScriptError(hints.explain_error(inner, message, source)), line)


def _unreadable(problem: Exception) -> ScriptError:
    """Returns the error for a value that a script passes and that cannot be read."""
    return ScriptError(f"This cannot be handed over: {hints.explain_unreadable(problem)}")


def _exceeded_limit(inner: BaseException, text: str) -> str | None:
    """Returns the limit that was exceeded, according to the interpreter."""
    match inner:
        case MemoryError() if "memory limit" in text:
            return "memory"
        case TimeoutError() if "time limit exceeded" in text:
            return "seconds"
        case RuntimeError() if "suspension limit" in text:
            return "turns"
    return None


def failed_after_writing() -> bool:
    """Whether something failed after a write, so that nothing may be kept."""

    execution = running.current_execution()
    return execution is not None and execution.failure is not None


def _script_line(problem: MontyError) -> int | None:
    """Returns the innermost line of the script itself."""
    frames = problem.traceback() if hasattr(problem, "traceback") else []
    return next((f.line for f in reversed(frames) if f.filename in (SCRIPT, "script")), None)


def _python_exception(problem: HeadlesslyError) -> str:
    """Returns the Python exception that a script can catch for a refusal."""
    match problem:
        case NotFound():
            return "LookupError"
        case Forbidden():
            return "PermissionError"
        case Conflict() | Stale():
            return "RuntimeError"
    return "ValueError"


def _refuse_system_call(turn: FunctionSnapshot) -> Any:
    """Returns the error for a call of the operating system, which is not available."""
    if turn.function_name == "import":
        return {"exc_type": "ImportError", "message": "Imports are not available."}
    return {
        "exc_type": "PermissionError",
        "message": f"There are no files, no network and no waiting here: {turn.function_name}.",
    }
