"""Logs as lines of JSON: one event a line, for log collectors."""

import json
import logging
import re
from datetime import UTC, datetime

from django.http import HttpRequest

from headlessly import errors

#: A part of a path that may be a secret, such as the token of a link: no word and no id is that long.
LONG_PART = re.compile(r"[^/]{24,}")


def path_without_token(request: HttpRequest, path: str) -> str:
    """Returns the path without what its route captures as ``token``, because whoever has that link can set a
    password. Without a route all long parts are hidden, because any of them may be secret."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return LONG_PART.sub("<hidden>", path)
    token = match.kwargs.get("token")
    return path.replace(token, "<token>") if token else path


class RefusalFilter(logging.Filter):
    """Logging filter: logs a refused request in one line, and one for another host as a warning. Anybody can
    send such requests all day, and a traceback through Django helps nobody. Tokens of links are hidden."""

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
                # As Django writes it into a line, with control characters escaped.
                path = request.path.encode("unicode_escape").decode("ascii")
                hidden = path_without_token(request, path)
                record.args = tuple(hidden if arg == path else arg for arg in record.args)
        return True


class PassingFilter(logging.Filter):
    """Logging filter: logs a temporary problem, such as a database that is away for a moment, as a warning in
    one line with the reason, because every request and job reports it until it is over."""

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
    """One JSON object per line: time, level, logger, message; and if there are any, the request's id, the
    status of its response, the fields in ``extra={"fields": {...}}``, and the traceback."""

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
