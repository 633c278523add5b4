"""Logs as lines of JSON: one event a line, for whatever collects them."""

import json
import logging
import re
from datetime import UTC, datetime

from django.http import HttpRequest

from headlessly import errors

#: A part of a path that may be a secret, as tokens of links are: no word and no id is as long.
LONG_PART = re.compile(r"[^/]{24,}")


def path_without_token(request: HttpRequest, path: str) -> str:
    """The path without what its route captures as ``token``: whoever has that link sets a password. Of an
    address without a route, nobody knows what is
    secret in it: its long parts."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return LONG_PART.sub("<hidden>", path)
    token = match.kwargs.get("token")
    return path.replace(token, "<token>") if token else path


class RefusalFilter(logging.Filter):
    """Logging filter: a request that is refused is one line, and one for another host a warning. Whoever
    likes sends them all day, and where in Django that was found helps nobody. No line holds the token of a
    link."""

    def filter(self, record: logging.LogRecord) -> bool:
        is_wrong_host = record.name == "django.security.DisallowedHost"
        if is_wrong_host:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        is_refused = record.name.startswith(("django.request", "django.security"))
        if is_wrong_host or (is_refused and getattr(record, "status_code", 500) < 500):
            record.exc_info, record.exc_text = None, None
        if is_refused and isinstance(record.args, tuple):
            request = getattr(record, "request", None)
            if isinstance(request, HttpRequest):
                # As Django writes it into a line, whatever stands in it.
                path = request.path.encode("unicode_escape").decode("ascii")
                hidden = path_without_token(request, path)
                record.args = tuple(hidden if arg == path else arg for arg in record.args)
        return True


class PassingFilter(logging.Filter):
    """Logging filter: what is over by itself, as the database that is away for a moment, is one line with its
    reason, and a warning. Every request and every job says so until then."""

    def filter(self, record: logging.LogRecord) -> bool:
        problem: BaseException | None = record.exc_info[1] if record.exc_info else None
        while problem is not None and errors.problem_of(problem).status != 503:
            problem = problem.__cause__
        if problem is not None:
            record.exc_info, record.exc_text = None, None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            said = str(problem).partition("\n")[0]
            record.msg, record.args = f"{record.getMessage()}: {said}", ()
        return True


class JsonLines(logging.Formatter):
    """time, level, logger, message; and the request's id, its answer's status, what is given as
    ``extra={"fields": {...}}`` and the traceback where there are any."""

    def format(self, record):
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", "-")
        if request_id != "-":
            line["requestId"] = request_id
        if status := getattr(record, "status_code", None):
            line["status"] = status
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
