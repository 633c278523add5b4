"""What can go wrong with a script, and how it is said: with its line, and the error of REST inside."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from headlessly.errors import HeadlesslyError, RateLimited

#: The maximum length of a message, in characters, because a script can raise its own.
MAX_MESSAGE_LENGTH = 1_000


class ScriptError(HeadlesslyError):
    """The script itself is wrong: its syntax, a name, what it raises or answers."""

    status, code = 422, "script_error"


class LimitExceeded(HeadlesslyError):
    """The script used more than its role may: ``limit`` is its name, ``most`` its value."""

    status, code = 422, "limit_exceeded"

    def __init__(self, limit: str, most: float, message: str) -> None:
        super().__init__(message, limit=limit, most=most)


class Busy(RateLimited):
    """As many scripts as this process runs at once are running, and none ended in time."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many scripts are running. Try again in {seconds} s.", retryAfter=seconds
        )


class ScriptFailed(ScriptError):
    """A script ended with an error, and nothing of it was done.

    It has the message of ``inner``, the ``line`` of the script where it happened, with its ``source``, and
    the ``output`` so far. The line is None where nobody knows it, as at a limit of the interpreter.
    """

    def __init__(
        self, inner: HeadlesslyError, *, line: int | None, source: str = "", output: str = ""
    ) -> None:
        message = inner.message[:MAX_MESSAGE_LENGTH]
        super().__init__(
            _("Line %(number)d: %(problem)s") % {"number": line, "problem": message}
            if line
            else message,
            type=inner.type,
            id=inner.id,
            field=inner.field,
            details=inner.details,
            code=inner.reason,
            **inner.extra,
        )
        self.inner = inner
        self.line = line
        self.source = source
        self.output = output
        self.status, self.code = inner.status, inner.code  # type: ignore[misc]

    def body(self) -> dict[str, Any]:
        """Returns the inner error's body with what is known of the place."""
        where = {"line": self.line, "source": self.source or None, "output": self.output or None}
        return super().body() | {key: value for key, value in where.items() if value is not None}
