"""Logs slow statements with the route of the request or job."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from headlessly.context import tracing
from headlessly.context.spans import span

logger = logging.getLogger("headlessly.database")

#: How much of a statement a log line shows. It contains no values.
SHOWN = 1_000


class Asked:
    """The settings that every statement needs. Django would look them up each time."""

    def __init__(self) -> None:
        setting_changed.connect(self._read, weak=False)
        self._read()

    def _read(self, **_: Any) -> None:
        self.slow, self.traces, self.debug = (
            settings.SLOW_STATEMENT, settings.TRACES, settings.DEBUG
        )  # fmt: skip


asked = Asked()


class timed:
    """Trace ``sql``, which the block runs, if tracing is on, and log it if it takes
    ``settings.SLOW_STATEMENT`` seconds or more. Afterwards ``took`` has the seconds.

    A class, because every statement uses it, and a generator would cost twice as much.
    """

    __slots__ = ("span", "sql", "started", "took")

    def __init__(self, sql: Any) -> None:
        self.sql = sql

    def __enter__(self) -> timed:
        self.span = _span_of(self.sql) if asked.traces else None
        self.started = time.monotonic()
        if self.span is not None:
            self.span.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        if self.span is not None:
            self.span.__exit__(*raised)
        self.took = time.monotonic() - self.started
        if self.took >= asked.slow:
            fields = {"route": tracing.route(), "seconds": round(self.took, 3)}
            logger.warning(
                "%.2f s for %s: %s",
                self.took,
                tracing.route(),
                str(self.sql)[:SHOWN],
                extra={"fields": fields},
            )


def _span_of(sql: Any) -> AbstractContextManager[Any]:
    text = str(sql)[:SHOWN]
    name = text.split(None, 1)[0].upper() if text.strip() else "SQL"
    return span(name, "CLIENT", db__system__name="postgresql", db__query__text=text)


def time_statement(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """An execute wrapper that times statements (``connection.execute_wrappers``)."""
    with timed(sql):
        return execute(sql, params, many, context)
