"""Slow statements are named, with the route of who asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from headlessly.context import tracing
from headlessly.context.spans import span

logger = logging.getLogger("headlessly.database")

#: How much of a statement a line of the log shows. Values are not in it.
SHOWN = 1_000


@contextmanager
def timed(sql: Any) -> Iterator[None]:
    """Trace ``sql``, which the block runs, where that is asked for, and log it when it takes
    ``settings.SLOW_STATEMENT`` seconds or more."""
    started = time.monotonic()
    try:
        if settings.TRACES:
            text = str(sql)[:SHOWN]
            name = text.split(None, 1)[0].upper() if text.strip() else "SQL"
            with span(name, "CLIENT", db__system__name="postgresql", db__query__text=text):
                yield
        else:
            yield
    finally:
        if (took := time.monotonic() - started) >= settings.SLOW_STATEMENT:
            fields = {"route": tracing.route(), "seconds": round(took, 3)}
            logger.warning(
                "%.2f s for %s: %s",
                took,
                tracing.route(),
                str(sql)[:SHOWN],
                extra={"fields": fields},
            )


def time_statement(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Django's wrapper of a statement (``connection.execute_wrappers``)."""
    with timed(sql):
        return execute(sql, params, many, context)
