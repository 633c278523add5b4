"""Errors as one line for a person and an exit code for a script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from headlessly.client import errors
from headlessly.client.declarations import Unknown, unknown_text
from headlessly.client.wire import option_name

#: The exit codes. README and `headlessly --help` describe them as well.
OK, REFUSED, USAGE, NOT_SIGNED_IN, NOT_FOUND, CONFLICT, RATE_LIMITED, CANNOT_CONNECT = range(8)
INTERRUPTED, BROKEN_PIPE = 130, 141

CODES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.NotSignedIn, NOT_SIGNED_IN),
    (errors.Unauthorized, NOT_SIGNED_IN),
    (errors.NotFound, NOT_FOUND),
    (errors.Conflict, CONFLICT),
    (errors.Stale, CONFLICT),
    (errors.RateLimited, RATE_LIMITED),
    (errors.ConnectionFailed, CANNOT_CONNECT),
    (errors.NotUnderstood, CANNOT_CONNECT),
    (errors.HeadlesslyError, REFUSED),
    (TimeoutError, REFUSED),
    (Unknown, USAGE),
    (OSError, USAGE),
    (ValueError, USAGE),
    (TypeError, USAGE),
)
EXPECTED = tuple(kind for kind, _ in CODES)
MEANING = (
    "Exit codes: 0 done; 1 refused, or failed at the server; 2 wrong usage; 3 not signed in; 4 not "
    "found; 5 conflict, or another version; 6 too many requests; 7 no connection; 130 interrupted."
)


#: Options that go before the command, because a field may have the same name.
BEFORE = ("--profile", "--url", "--verbose")


class UsageError(ValueError):
    """A command line that makes no sense."""


class ReaderGone(Exception):
    """The reader of the output has closed the pipe."""


def exit_code_of(problem: BaseException) -> int:
    """Returns the exit code for an error."""
    return next((code for kind, code in CODES if isinstance(problem, kind)), REFUSED)


def problem_text(problem: BaseException, *, verbose: bool = False) -> str:
    """Returns the line for a problem. It names the field; with ``verbose`` also the request, to quote in a
    report."""
    line = _problem_line(problem)
    for note in getattr(problem, "__notes__", ()):
        line += f" {note}"
    if isinstance(problem, errors.RateLimited) and problem.retry_after:
        line += f" Wait {problem.retry_after:g} s."
    if verbose and isinstance(problem, errors.ApiError):
        line += f"\n{problem.status} {problem.error}, request {problem.request_id or 'unknown'}"
    return line


def _problem_line(problem: BaseException) -> str:
    if isinstance(problem, errors.ValidationFailed) and problem.details:
        return " ".join(
            f"--{option_name(each['field'])}: {each['message']}"
            if each.get("field")
            else each["message"]
            for each in problem.details
        )
    if isinstance(problem, errors.Unauthorized):
        return (
            "The API key is not known here: it is wrong, revoked, expired or another tenant's. "
            "`headlessly login` takes another."
        )
    if isinstance(problem, OSError) and problem.filename and problem.strerror:
        return f"{problem.filename}: {problem.strerror}."
    return str(problem)


def typer_problem_text(problem: Any) -> str:
    """Returns the line for a usage error that typer found, with the options that exist."""
    command = getattr(getattr(problem, "ctx", None), "command", None)
    option = getattr(problem, "option_name", None)
    message: Callable[[], str] = getattr(problem, "format_message", lambda: str(problem))
    if command is None or option is None or "such option" not in message():
        return " ".join(message().split())
    known = [
        name
        for parameter in command.params
        for name in parameter.opts[:1]
        if name.startswith("--") and not getattr(parameter, "hidden", False)
    ]
    return unknown_option_text(option, known, command.name or "headlessly")


def unknown_option_text(option: str, known: Iterable[str], command: str | None) -> str:
    """Returns the line for an unknown option, with the one that was probably meant and those that exist."""
    if option in BEFORE:
        return f"{option} goes before the command: headlessly {option} ... {command}."
    return unknown_text(f"{command} has no option {option}.", option, known)
