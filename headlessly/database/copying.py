"""COPY: many rows into a table, and what it sends read in blocks of many rows."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any

import psycopg
from django.db import connection
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from headlessly.context.running import write_rows_before
from headlessly.context.tenant_scope import every_tenant
from headlessly.database.row_security import in_scope


def copy_rows(table: str, columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows, which ask the database nothing, into columns of a table; both by their names in SQL."""
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    write_rows_before(sql)
    with (
        every_tenant(),  # PostgreSQL copies into no table with row-level security, but for its owner
        connection.wrap_database_errors,
        in_scope(connection),
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(sql) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def read_blocks(copy: psycopg.Copy, size: int, first: bytes = b"") -> Generator[bytes, None, bytes]:
    """Whole rows, joined to blocks of at least ``size`` bytes, with ``first`` before them. What is left at
    the end is returned: the connection is free then.

    The driver waits for each row by itself, which takes longer than to join them. Here those that have
    arrived already are taken as they are, and it waits when there are none. Raises psycopg's errors.
    """
    arrived = copy.connection.pgconn
    block = bytearray(first)
    while True:
        count, row = arrived.get_copy_data(1)  # which does not wait
        if count == 0:
            # It waits for a row, and answers none when it has waited for the end.
            block += (waited_for := copy.read())
            if not waited_for:
                break
        elif count < 0:
            break
        else:
            block += row
        if len(block) >= size:
            yield bytes(block)
            block.clear()
    while (result := arrived.get_result()) is not None:
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result, encoding="utf-8")
    return bytes(block)
