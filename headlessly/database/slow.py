"""Slow statements are named, with the route of who asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings

from headlessly.context import tracing
from headlessly.context.spans import span

logger = logging.getLogger("headlessly.database")

#: How much of a statement a line of the log shows. Values are not in it.
SHOWN = 1_000


class timed:
    """Trace ``sql``, which the block runs, where that is asked for, and log it when it takes
    ``settings.SLOW_STATEMENT`` seconds or more.

    Every statement comes here: written out, for a generator would cost it twice as much.
    """

    __slots__ = ("span", "sql", "started")

    def __init__(self, sql: Any) -> None:
        self.sql = sql

    def __enter__(self) -> None:
        self.span = _span_of(self.sql) if settings.TRACES else None
        self.started = time.monotonic()
        if self.span is not None:
            self.span.__enter__()

    def __exit__(self, *raised: Any) -> None:
        if self.span is not None:
            self.span.__exit__(*raised)
        if (took := time.monotonic() - self.started) >= settings.SLOW_STATEMENT:
            fields = {"route": tracing.route(), "seconds": round(took, 3)}
            logger.warning(
                "%.2f s for %s: %s",
                took,
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
    """Django's wrapper of a statement (``connection.execute_wrappers``)."""
    with timed(sql):
        return execute(sql, params, many, context)
