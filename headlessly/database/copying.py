"""COPY: writing many rows into a table, and reading its output in blocks of many rows."""

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
    """Write rows into columns of a table; both are given by their names in SQL. Iterating over the rows must
    not use the database."""
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    write_rows_before(sql)
    with (
        every_tenant(),  # with row-level security, COPY FROM is only possible for the table's owner
        connection.wrap_database_errors,
        in_scope(connection),
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(sql) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def read_blocks(copy: psycopg.Copy, size: int, first: bytes = b"") -> Generator[bytes, None, bytes]:
    """Yields whole rows, joined to blocks of at least ``size`` bytes, with ``first`` before them. Returns the
    rest, when the connection is free again.

    The driver waits for each row separately, which takes longer than joining them. This takes rows that have
    already arrived without waiting. Raises psycopg's errors.
    """
    arrived = copy.connection.pgconn
    block = bytearray(first)
    while True:
        count, row = arrived.get_copy_data(1)  # does not wait
        if count == 0:
            # Waits for a row; empty at the end.
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
