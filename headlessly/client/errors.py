"""The exceptions of the client.

Everything raised by the client is a :class:`HeadlesslyError`. An error response of the server is an
:class:`ApiError`, of the class for its code. A name that the schema does not have is an AttributeError or
a TypeError, as in any Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx


class HeadlesslyError(Exception):
    """Base of all exceptions of the client; ``message`` is the sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConnectionFailed(HeadlesslyError, ConnectionError):
    """No response arrived in any of the ``attempts``.

    A write may have been executed all the same: what was lost may be the response and not the request.
    """

    def __init__(self, message: str, attempts: int = 1) -> None:
        super().__init__(message)
        self.attempts = attempts


class NotUnderstood(HeadlesslyError):
    """The response is not from a tenant's API: a wrong address, a proxy's page."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ImportFailed(HeadlesslyError):
    """A file could not be imported as a whole; ``result`` is the import."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class UndoFailed(HeadlesslyError):
    """A large request could not be undone completely; ``result`` is the undo."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class NotSignedIn(HeadlesslyError):
    """No address or no key was given, and none is stored."""


class ApiError(HeadlesslyError):
    """An error response: ``code``, ``message``, ``details``, ``status``, ``request_id``, ``body``.

    ``details`` is a list of ``{"field", "message"}``. ``body`` has everything else the server says:
    ``allowed``, ``existingId``, ``referredBy``. ``uncertain`` says that an earlier attempt was cut off and
    may have been executed.
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
    """The request cannot be understood, for example an unknown parameter."""

    code = "bad_request"


class InvalidFilter(BadRequest):
    """A filter, sort or include does not fit the noun."""

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
    """The record's state does not allow this (``body["allowed"]`` lists what it does), or another record
    conflicts with it (``body["existingId"]``)."""

    code = "conflict"


class Stale(ApiError):
    """The version given as ``if_match`` is no longer the current one."""

    code = "stale"


class TooLarge(ApiError):
    code = "too_large"


class UnsupportedMediaType(ApiError):
    code = "unsupported_media_type"


class ValidationFailed(ApiError):
    """Invalid input; ``details`` names each field and what is allowed."""

    code = "validation_error"


class Refused(ApiError):
    """A business rule refused, or one operation of an atomic batch failed (``body["results"]``)."""

    code = "refused"


class DependencyFailed(ApiError):
    """An operation of a batch refers to one that failed, or was rolled back with the others."""

    code = "dependency_failed"


class ScriptFailed(ApiError):
    """A script has an error of its own, at ``line``. Nothing of it was executed."""

    code = "script_error"


class LimitExceeded(ApiError):
    """A script used more time, memory or calls than the key's role may. Nothing of it was executed."""

    code = "limit_exceeded"


class RateLimited(ApiError):
    """The key sent too many requests in a minute; ``retry_after`` is in seconds."""

    code = "rate_limited"
    retry_after: float | None = None


class ServerFailed(ApiError):
    """The server failed; quote ``request_id`` when you report it."""

    code = "internal_error"


#: The names that the exceptions have in process, so that a script reads the same here and there.
Invalid, VerbRefused, BatchFailed = ValidationFailed, Refused, Refused


def _subclasses(of: type[ApiError]) -> list[type[ApiError]]:
    return [each for sub in of.__subclasses__() for each in (sub, *_subclasses(sub))]


BY_CODE: dict[str, type[ApiError]] = {each.code: each for each in _subclasses(ApiError)}


def error_from_body(status: int, body: Mapping[str, Any]) -> ApiError:
    """Returns the exception for an error of the API; a plain ApiError for an unknown code."""
    code = str(body.get("error") or "")
    fallback = ServerFailed if status >= 500 else ApiError
    return BY_CODE.get(code, fallback)(status, body)


#: REST's statuses for the errors of MCP's tools, which have none.
STATUSES = {
    "bad_request": 400, "invalid_filter": 400, "unauthorized": 401, "forbidden": 403,
    "not_found": 404, "conflict": 409, "stale": 412, "too_large": 413, "rate_limited": 429,
    "internal_error": 500,
}  # fmt: skip


def error_from_tool(body: Mapping[str, Any]) -> ApiError:
    """Returns the exception for an error of an MCP tool, which is REST's without its status."""
    return error_from_body(STATUSES.get(str(body.get("error")), 422), body)


def error_from_response(response: httpx.Response) -> HeadlesslyError:
    """Returns the exception for an unsuccessful response, of the API or of anything in between."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"].get("data")  # a JSON-RPC error with REST's error inside
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        return error_from_body(status, body)
    if 300 <= status < 400:
        to = response.headers.get("Location", "elsewhere")
        return NotUnderstood(
            f"{_asked_url(response)} leads on to {to}: use the address where the tenant is.", status
        )
    if status == 429 or status >= 500:  # from a proxy
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
