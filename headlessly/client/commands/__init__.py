"""The command line: ``headlessly Lead.find --status Qualified``.

It offers the operations of the Python client as commands. Like the client, it asks the server about nouns.
Answers go to stdout, notes about them to stderr.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

import typer

from headlessly.client.commands import failures
from headlessly.client.commands.app import app
from headlessly.client.commands.output import printable
from headlessly.client.commands.state import State

PROGRAM = "headlessly"


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line, and exits with its code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Runs the command line. Returns the exit code; see :mod:`.failures`."""
    state = State()
    try:
        code = _command().main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=state)
        sys.stdout.flush()
        return int(code or 0)
    except (BrokenPipeError, failures.ReaderGone):
        # The reader closed the pipe. Redirecting stdout keeps Python from failing when it flushes it at
        # exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failures.BROKEN_PIPE
    except (KeyboardInterrupt, typer.Abort):
        return failures.INTERRUPTED
    except failures.EXPECTED as problem:
        _complain(failures.problem_text(problem, verbose=state.verbose))
        return failures.exit_code_of(problem)
    except Exception as problem:
        if not hasattr(problem, "format_message"):
            raise
        _complain(failures.typer_problem_text(problem))
        return failures.USAGE
    finally:
        state.close()


@cache
def _command() -> Any:
    """Returns the click command, which is built once."""
    return typer.main.get_command(app)


def _complain(text: str) -> None:
    lines = map(printable, text.splitlines())
    sys.stderr.write("\n".join([f"{PROGRAM}: {next(lines, '')}", *lines]) + "\n")
