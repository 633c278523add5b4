"""What can go wrong between a script and the server, as exceptions.

Everything raised by the client is a :class:`HeadlesslyError`. What the server refused is an
:class:`ApiError`, of the class that belongs to its code; a name that the schema does not have is an
AttributeError or a TypeError, as in any Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx


class HeadlesslyError(Exception):
    """Base of all that the client raises; ``message`` is the sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConnectionFailed(HeadlesslyError, ConnectionError):
    """No answer came, however often it was tried; ``attempts`` says how often.

    A write may have been done all the same: the answer, not the request, may be what was lost.
    """

    def __init__(self, message: str, attempts: int = 1) -> None:
        super().__init__(message)
        self.attempts = attempts


class NotUnderstood(HeadlesslyError):
    """Something answered that is not the API of a tenant: a wrong address, a proxy's page."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ImportFailed(HeadlesslyError):
    """A file that could not be imported as a whole; ``result`` is the import."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class UndoFailed(HeadlesslyError):
    """A large request that could not be taken back to its end; ``result`` is the undo."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class NotSignedIn(HeadlesslyError):
    """No address or no key was given, and none is stored."""


class ApiError(HeadlesslyError):
    """The server's error: ``code``, ``message``, ``details``, ``status``, ``request_id``, ``body``.

    ``details`` is a list of ``{"field", "message"}``. ``body`` has what else the server says: ``allowed``,
    ``existingId``, ``referredBy``. ``uncertain`` says that an attempt before this one was cut off, and
    may have been done.
    """

    code: ClassVar[str] = ""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.body = dict(body)
        super().__init__(str(body.get("message") or f"The server answered {status}."))
        self.status = status
        self.error = str(body.get("error") or self.code or f"http_{status}")
        self.details: list[dict[str, str]] = list(body.get("details") or ())
        self.field: str | None = body.get("field")
        self.reason: str | None = body.get("reason")
        self.request_id: str | None = body.get("requestId")
        self.line: int | None = body.get("line")  #: of a script
        self.uncertain = False
        if not self.code:
            self.__dict__["code"] = self.error


class BadRequest(ApiError):
    """The request cannot be understood: an unknown parameter, say."""

    code = "bad_request"


class InvalidFilter(BadRequest):
    """A filter, sort or include that does not fit the noun."""

    code = "invalid_filter"


class Unauthorized(ApiError):
    """The key is unknown here: wrong, revoked, expired or another tenant's."""

    code = "unauthorized"


class Forbidden(ApiError):
    """The key may not do this."""

    code = "forbidden"


class NotFound(ApiError):
    """No such record in this tenant."""

    code = "not_found"


class MethodNotAllowed(ApiError):
    code = "method_not_allowed"


class Conflict(ApiError):
    """The record's present state does not allow it (``body["allowed"]`` does), or another record is in
    the way (``body["existingId"]``)."""

    code = "conflict"


class Stale(ApiError):
    """The version given as ``if_match`` is no longer the current one."""

    code = "stale"


class TooLarge(ApiError):
    code = "too_large"


class UnsupportedMediaType(ApiError):
    code = "unsupported_media_type"


class ValidationFailed(ApiError):
    """Input that does not fit; ``details`` names each field and what is allowed."""

    code = "validation_error"


class Refused(ApiError):
    """A rule of the business said no, or one operation of an atomic batch failed
    (``body["results"]``)."""

    code = "refused"


class DependencyFailed(ApiError):
    """An operation of a batch that refers to one that failed, or was undone with the others."""

    code = "dependency_failed"


class ScriptFailed(ApiError):
    """A script is wrong in itself; ``line`` says where. Nothing of it was done."""

    code = "script_error"


class LimitExceeded(ApiError):
    """A script used more time, memory or calls than the key's role may. Nothing of it was done."""

    code = "limit_exceeded"


class RateLimited(ApiError):
    """More requests than this key may send in a minute; ``retry_after`` is in seconds."""

    code = "rate_limited"
    retry_after: float | None = None


class ServerFailed(ApiError):
    """Something went wrong on the server's side; quote ``request_id`` when you report it."""

    code = "internal_error"


#: As they are called in process, so that a script reads the same here and there.
Invalid, VerbRefused, BatchFailed = ValidationFailed, Refused, Refused


def _subclasses(of: type[ApiError]) -> list[type[ApiError]]:
    return [each for sub in of.__subclasses__() for each in (sub, *_subclasses(sub))]


BY_CODE: dict[str, type[ApiError]] = {each.code: each for each in _subclasses(ApiError)}


def error_from_body(status: int, body: Mapping[str, Any]) -> ApiError:
    """The exception for an error as the API says it; one of an unknown code is a plain ApiError."""
    code = str(body.get("error") or "")
    fallback = ServerFailed if status >= 500 else ApiError
    return BY_CODE.get(code, fallback)(status, body)


#: The statuses that REST has for what a tool says without one.
STATUSES = {
    "bad_request": 400, "invalid_filter": 400, "unauthorized": 401, "forbidden": 403,
    "not_found": 404, "conflict": 409, "stale": 412, "too_large": 413, "rate_limited": 429,
    "internal_error": 500,
}  # fmt: skip


def error_from_tool(body: Mapping[str, Any]) -> ApiError:
    """The exception for an error of one of MCP's tools, which is REST's without its status."""
    return error_from_body(STATUSES.get(str(body.get("error")), 422), body)


def error_from_response(response: httpx.Response) -> HeadlesslyError:
    """The exception for an answer that is no success, whoever gave it."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"].get("data")  # of JSON-RPC, with REST's error inside
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        return error_from_body(status, body)
    if 300 <= status < 400:
        to = response.headers.get("Location", "elsewhere")
        return NotUnderstood(
            f"{_asked_url(response)} leads on to {to}: use the address where the tenant is.", status
        )
    if status == 429 or status >= 500:  # a proxy's own words
        words = f"{status} {response.reason_phrase}".strip()
        body_of_proxy = {"message": f"{_asked_url(response)} answered {words}."}
        return error_from_body(
            status, body_of_proxy | {"error": "rate_limited" if status == 429 else ""}
        )
    return NotUnderstood(
        f"{_asked_url(response)} answered {status}, and not as headlessly does. Is the address right?",
        status,
    )


def _asked_url(response: httpx.Response) -> str:
    return str(response.request.url.copy_with(query=None))
