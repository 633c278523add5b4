"""The command line: ``headlessly Lead.find --status Qualified``.

It is the Python client with words for names. What it knows of a noun it asks the server, as the client
does; what it says goes to stdout, what it says about that to stderr.
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
    """Run the command line, and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line. Returns the exit code; see :mod:`.failures`."""
    state = State()
    try:
        code = _command().main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=state)
        sys.stdout.flush()
        return int(code or 0)
    except (BrokenPipeError, failures.ReaderGone):
        # Whoever read has enough. Nothing is left to be said when Python closes the pipe.
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
    """The program, read once from what it is declared by."""
    return typer.main.get_command(app)


def _complain(text: str) -> None:
    lines = map(printable, text.splitlines())
    sys.stderr.write("\n".join([f"{PROGRAM}: {next(lines, '')}", *lines]) + "\n")
