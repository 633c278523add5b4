"""The errors of the product, in the same form on every surface.

The domain raises them; :func:`status_and_body` turns any exception into ``(status, body)`` for REST, MCP and
forms alike. A body always has ``error`` (a code) and ``message`` (a sentence), and ``type``, ``id``,
``field`` and ``details`` if they apply.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext as _

from headlessly.context import tracing


class HeadlesslyError(Exception):
    """Base of all errors of the product. ``extra`` goes into the body as it is."""

    status = 500
    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        type: str | None = None,
        id: str | None = None,
        field: str | None = None,
        details: list[dict[str, str]] | None = None,
        code: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.type = type
        self.id = id
        self.field = field
        self.details = details
        self.reason = code
        self.extra = extra

    @property
    def by_field(self) -> list[dict[str, str]]:
        """The messages by field; without fields, the whole message with the field that it is about or
        ``""``."""
        return self.details or [{"field": self.field or "", "message": self.message}]

    @property
    def first_message(self) -> str:
        """The message about the first of several fields, without its name; else the whole message."""
        return self.by_field[0]["message"]

    def body(self) -> dict[str, Any]:
        """Returns the error as a JSON object, without the request's id."""
        body: dict[str, Any] = {"error": self.code, "message": self.message}
        for key in ("type", "id", "field", "details", "reason"):
            if (value := getattr(self, key)) is not None:
                body[key] = value
        return body | self.extra


class BadRequest(HeadlesslyError):
    """The request cannot be understood: malformed JSON, an unknown parameter."""

    status, code = 400, "bad_request"


class InvalidFilter(HeadlesslyError):
    """A filter, sort or include that does not fit the noun."""

    status, code = 400, "invalid_filter"


class Unauthorized(HeadlesslyError):
    """Nobody known is asking."""

    status, code = 401, "unauthorized"


class Forbidden(HeadlesslyError):
    """Somebody known asks for more than their role allows."""

    status, code = 403, "forbidden"


class NotFound(HeadlesslyError):
    """No such record in this tenant; the same for deleted and for other tenants' records."""

    status, code = 404, "not_found"


class MethodNotAllowed(HeadlesslyError):
    status, code = 405, "method_not_allowed"


class Conflict(HeadlesslyError):
    """The record's present state does not allow it, or another record stands in the way."""

    status, code = 409, "conflict"


class Stale(HeadlesslyError):
    """The caller's version is no longer the current one."""

    status, code = 412, "stale"


class TooLarge(HeadlesslyError):
    status, code = 413, "too_large"


class UnsupportedMediaType(HeadlesslyError):
    status, code = 415, "unsupported_media_type"


class Invalid(HeadlesslyError):
    """Input that does not fit the declaration; ``details`` names each field and what is allowed."""

    status, code = 422, "validation_error"

    @classmethod
    def for_fields(cls, problems: dict[str, str], *, type: str | None = None) -> Invalid:
        """Returns one error for ``{field: message}``."""
        details = [{"field": field, "message": message} for field, message in problems.items()]
        first = details[0]
        message = " ".join(f"{d['field']}: {d['message']}" for d in details)
        return cls(message, type=type, field=first["field"], details=details)


class VerbRefused(HeadlesslyError):
    """A hook said no. Raise it in a before-hook with a sentence for the user; ``code`` is for programs."""

    status, code = 422, "refused"


class BatchFailed(HeadlesslyError):
    """One operation of an atomic batch failed, so nothing of it was done; ``results`` says why."""

    status, code = 422, "refused"


class DependencyFailed(HeadlesslyError):
    """An operation of a batch that depends on one that failed."""

    status, code = 424, "dependency_failed"


class RateLimited(HeadlesslyError):
    """More requests than this key, or this address, may send in a minute."""

    status, code = 429, "rate_limited"


class TimedOut(HeadlesslyError):
    """The database was at it for longer than a request may be; nothing was changed."""

    status, code = 503, "timed_out"


class ReadOnly(HeadlesslyError):
    """This server has a database that only reads; another one writes."""

    status, code = 503, "read_only"

    def __init__(self) -> None:
        super().__init__(
            _("This server only reads. Send what changes something to the one that writes.")
        )


class Unavailable(HeadlesslyError):
    """Nothing is wrong with what was asked, but it cannot be done now; nothing was changed."""

    status, code = 503, "unavailable"

    def __init__(self, message: str, seconds: int = 1) -> None:
        super().__init__(message, retryAfter=seconds)


class Moving(Unavailable):
    """The tenant is closed, as it goes on in another database."""

    def __init__(self) -> None:
        super().__init__(_("This is moving to another server. Nothing was changed: try again."))


#: How many names are suggested if several may be meant.
MOST_MEANT = 3


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Returns ``" Did you mean 'score'?"`` for a name that is close to a known one, else an empty text.

    It is appended to a message.
    """
    # Case does not matter: lead and lostreason mean the names all the same.
    names = {name.lower(): name for name in known}
    meant = given[:64].lower()
    close = get_close_matches(meant, names, n=1, cutoff=0.7)
    # revenue may mean targetRevenue and actualRevenue
    ending = [n for n, name in names.items() if n.endswith(meant) and name[-len(meant)].isupper()]
    near = [repr(names[n]) for n in dict.fromkeys([*close, *(ending if meant else ())])][
        :MOST_MEANT
    ]
    if len(near) > 1:
        return " " + _("Did you mean %s?") % ", ".join(near)
    return " " + _("Did you mean %r?") % names[(close or ending)[0]] if near else ""


#: What a disk says that is full, or that the system has made read-only because it fails.
NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class NoTenant(RuntimeError):
    """Raised for a query on a noun while no tenant is active. It is a mistake of the program, never of the
    user."""


def status_and_body(exc: Exception) -> tuple[int, dict[str, Any]]:
    """Returns the HTTP status and body for any exception; a 500 reveals nothing internal."""
    problem = problem_of(exc)
    return problem.status, problem.body() | {"requestId": tracing.request_id()}


def problem_of(exc: BaseException) -> HeadlesslyError:
    """Returns the product's error for any exception."""
    return exc if isinstance(exc, HeadlesslyError) else _translate_exception(exc)


def _translate_exception(exc: BaseException) -> HeadlesslyError:
    """Returns the product's error for one of Django or Django REST framework."""
    # Imported here: REST framework needs the settings when it is imported, and the settings raise these
    # errors.
    from django.conf import settings
    from django.core import exceptions as django
    from django.db import Error as DatabaseError
    from django.http import Http404, UnreadablePostError
    from django.http.multipartparser import MultiPartParserError
    from psycopg import errors as postgres
    from rest_framework import exceptions as drf

    cause = exc.__cause__ if isinstance(exc, DatabaseError) else exc
    if (known := _translate_database_error(cause)) is not None:
        return known
    match cause:
        case postgres.QueryCanceled():
            return TimedOut(
                _(
                    "This took the database too long and was stopped; nothing was changed. Ask for less: a "
                    "filter that finds fewer records, a later `since`, fewer words, no count."
                )
            )
    match exc:
        case OSError(errno=number) if number in NOT_WRITABLE:
            return no_room_left()
        case django.ValidationError():
            fields = (
                {k: " ".join(v) for k, v in exc.message_dict.items()}
                if hasattr(exc, "error_dict")
                else {"body": " ".join(exc.messages)}
            )
            return Invalid.for_fields(fields)
        case Http404() | drf.NotFound():
            return NotFound(_("There is nothing at this address."))
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return Unauthorized(
                "Sign in, or send an API key as `Authorization: Bearer hly_sk_...`."
            )
        case drf.PermissionDenied() | django.PermissionDenied():
            return Forbidden(str(exc) or _("You may not do this."))
        case drf.MethodNotAllowed():
            return MethodNotAllowed(str(exc.detail))
        case drf.UnsupportedMediaType():
            return UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
        case drf.ParseError():
            return BadRequest(str(exc.detail))
        case drf.NotAcceptable():
            return BadRequest("This answers JSON: send Accept: application/json or none.")
        case django.TooManyFieldsSent():
            return BadRequest(
                _("A request has %s parameters at the most.")
                % settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
            )
        case django.RequestDataTooBig():
            return TooLarge(_("The body is larger than 10 MB."))
        case (
            django.BadRequest()
            | django.SuspiciousOperation()
            | MultiPartParserError()
            | UnreadablePostError()
        ):
            return BadRequest(_("The request is malformed."))
    return HeadlesslyError(
        "Something went wrong on our side. Quote the requestId when you report it."
    )


def no_room_left() -> Unavailable:
    """Returns the error for a full disk, or for a lack of memory or connections."""
    return Unavailable(_("There is no room left at the moment. Nothing was changed."), 10)


def _translate_database_error(cause: BaseException | None) -> HeadlesslyError | None:
    """Returns the error for a caller whose request met an error of the database, or None for any other
    error."""
    from psycopg import errors as postgres

    match cause:
        case postgres.QueryCanceled():
            return None  # the database could be reached, but took too long
        case postgres.ReadOnlySqlTransaction():
            return ReadOnly()
        case (
            postgres.DeadlockDetected()
            | postgres.SerializationFailure()
            | postgres.LockNotAvailable()
        ):
            return Unavailable(
                _("Others are writing the same records. Nothing was changed: try again.")
            )
        case postgres.OperationalError() if (cause.sqlstate or "").startswith("53"):
            # Its disk or memory is full, or it has no connection left.
            return no_room_left()
        case (
            postgres.InterfaceError()
            | postgres.OperationalError()
            | postgres.IdleInTransactionSessionTimeout()
        ):
            return Unavailable(_("The database cannot be reached at the moment."), 2)
        case postgres.DatabaseError() if cause.sqlstate is None:
            # The connection broke off during a response.
            return Unavailable(_("The database cannot be reached at the moment."), 2)
    return None
