"""API calls and their retries, without any I/O.

An operation of the client is a generator. It yields the I/O to perform, a :class:`Send` or a
:class:`Pause`, is sent the outcome, and returns its result. The code that performs I/O, in a thread or an
event loop, knows nothing of retries, pages or errors; the code that knows them performs no I/O.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any, TypeVar

import httpx

from headlessly.client import errors
from headlessly.client.wire import dumps

T = TypeVar("T")


@dataclass(frozen=True)
class Upload:
    """A file to send. ``open`` opens it at its beginning, once for each attempt."""

    name: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Call:
    """A call, the same on every attempt; ``path`` is relative to the tenant's address, and encoded.

    A POST has an idempotency key, so that the server executes it once however often it arrives.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    upload: Upload | None = None
    if_match: int | None = None
    #: How many seconds the server may take on purpose, in addition to the timeout.
    wait: float = 0
    more_headers: tuple[tuple[str, str], ...] = ()
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def headers(self) -> dict[str, str]:
        headers = dict(self.more_headers)
        if self.method == "POST":
            headers["Idempotency-Key"] = self.key
        if self.if_match is not None:
            headers["If-Match"] = f'"{self.if_match}"'
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        return headers

    @property
    def content(self) -> bytes | None:
        return None if self.body is None else dumps(self.body)


@dataclass(frozen=True)
class Send:
    """A request to send. Its outcome is the response, or the error of the connection.

    With ``stream`` the content of a successful response is left unread.
    """

    call: Call
    stream: bool = False


@dataclass(frozen=True)
class Pause:
    """A number of seconds to wait."""

    seconds: float


#: An operation: yields sends and pauses, is sent the outcome of each, and returns its result.
Steps = Generator[Send | Pause, Any, T]

#: Statuses that are temporary.
RETRIED_STATUSES = (429, 502, 503, 504)
#: Errors that another attempt cannot change.
NEVER_RETRIED = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True)
class Retries:
    """How often a call is tried, and how many seconds to wait in between.

    The pauses double from ``first`` up to ``longest``, each randomly shortened by up to half, so that many
    clients do not return at the same time. A Retry-After of up to ``patience`` seconds is obeyed; for a
    longer one the error is raised at once.
    """

    attempts: int = 5
    first: float = 0.25
    longest: float = 8.0
    patience: float = 75.0

    def pause(self, attempt: int) -> float:
        """Returns how long to wait after this many attempts."""
        return min(self.longest, self.first * 2 ** (attempt - 1)) * random.uniform(0.5, 1)


NO_RETRIES = Retries(attempts=1)


def exchange(call: Call, retries: Retries, *, stream: bool = False) -> Steps[httpx.Response]:
    """Returns the successful response to a call; also the 404 of a DELETE that an earlier attempt may have
    executed. Raises ApiError, NotUnderstood or ConnectionFailed."""
    uncertain = False
    attempt = 0
    while True:
        attempt += 1
        outcome = yield Send(call, stream)
        again = attempt < retries.attempts
        if isinstance(outcome, httpx.HTTPError):
            if not again or isinstance(outcome, NEVER_RETRIED):
                raise errors.ConnectionFailed(
                    _connection_problem(outcome, call), attempt
                ) from outcome
            uncertain = uncertain or not isinstance(outcome, httpx.ConnectError)
            yield Pause(retries.pause(attempt))
            continue
        response: httpx.Response = outcome
        status = response.status_code
        if response.is_success:
            return response
        if status == 404 and call.method == "DELETE" and uncertain:
            return response  # deleted by the attempt whose response was lost
        problem = errors.error_from_response(response)
        if status in RETRIED_STATUSES:
            asked = retry_after(response)
            if isinstance(problem, errors.RateLimited):
                problem.retry_after = asked
            if again and (asked or 0) <= retries.patience:
                uncertain = uncertain or status in (502, 504)
                yield Pause(max(asked or 0, retries.pause(attempt)))
                continue
        if isinstance(problem, errors.ApiError) and uncertain:
            problem.uncertain = True
            problem.add_note("An attempt before this one was cut off, and may have been done.")
        raise problem


def may_be_over_soon(problem: errors.HeadlesslyError) -> bool:
    """Whether the same call may succeed later, although all attempts failed."""
    if isinstance(problem, errors.ConnectionFailed):
        return not isinstance(problem.__cause__, NEVER_RETRIED)
    return getattr(problem, "status", None) in RETRIED_STATUSES


def retry_after(response: httpx.Response) -> float | None:
    """Returns the seconds to wait according to Retry-After, which is a number or a date; None without one."""
    header = response.headers.get("Retry-After", "").strip()
    if header.isascii() and header.isdecimal():
        return float(header[:9])
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def parse_json(response: httpx.Response) -> Any:
    """Returns the parsed JSON of a response; None for one without content. Raises NotUnderstood."""
    if response.status_code == 404:  # of a record that was deleted before
        return None
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise errors.NotUnderstood(
            f"{response.request.url.copy_with(query=None)} answered no JSON. "
            "Is this the address of a tenant?",
            response.status_code,
        ) from None


def _connection_problem(problem: httpx.HTTPError, call: Call) -> str:
    """Returns a sentence on what happened to a connection."""
    try:
        url = problem.request.url
        where = f"{url.scheme}://{url.netloc.decode()}"
    except RuntimeError:  # there is no request yet
        where = "the server"
    if isinstance(problem, httpx.ConnectTimeout | httpx.ConnectError):
        return f"Cannot connect to {where}: {str(problem) or 'no answer'}."
    if isinstance(problem, httpx.TimeoutException):
        return f"{where} did not answer {call.method} {call.path} in time."
    return f"The connection to {where} broke: {str(problem) or type(problem).__name__}."
