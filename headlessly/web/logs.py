"""Logs as lines of JSON: one event a line, for whatever collects them."""

import json
import logging
from datetime import UTC, datetime


class RefusalFilter(logging.Filter):
    """Logging filter: a request that is refused is one line, and one for another host a warning. Whoever
    likes sends them all day, and where in Django that was found helps nobody."""

    def filter(self, record: logging.LogRecord) -> bool:
        is_wrong_host = record.name == "django.security.DisallowedHost"
        if is_wrong_host:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        is_refused = record.name.startswith(("django.request", "django.security"))
        if is_wrong_host or (is_refused and getattr(record, "status_code", 500) < 500):
            record.exc_info, record.exc_text = None, None
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
