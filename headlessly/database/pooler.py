"""Checks whether a pooler in front of the database supports prepared statements."""

from __future__ import annotations

from contextlib import suppress

from django.db import connection
from psycopg import OperationalError, connect
from psycopg.pq import ExecStatus

STATEMENT = b"headlessly_probe"


def pooler_problem() -> str | None:
    """Returns what is wrong and what to set if the pooler does not support the prepared statements in use,
    else None.

    Two clients prepare a statement with the same name. Such a pooler sends both to the connection that was
    last returned to it, where the second fails because the name is taken.
    """
    parameters = connection.get_connection_params()
    if parameters["prepare_threshold"] is None:
        return None
    with suppress(OperationalError), connect(**parameters) as first:
        asked = first.pgconn.exec_(b"SELECT pg_backend_pid()")
        if asked.get_value(0, 0) == str(first.pgconn.backend_pid).encode():
            return None
        with connect(**parameters) as second:
            told = [each.pgconn.prepare(STATEMENT, b"SELECT 1") for each in (first, second)]
        first.pgconn.exec_(b"DEALLOCATE " + STATEMENT)
        if any(result.status == ExecStatus.FATAL_ERROR for result in told):
            return (
                "The database is reached through a pooler that gives each transaction another connection and "
                "does not know prepared statements. Set DB_PREPARE=0; or, with PgBouncer 1.21 or later, "
                "max_prepared_statements = 200 in its configuration."
            )
    return None
