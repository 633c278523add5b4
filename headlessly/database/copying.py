"""What COPY sends, read in blocks of many rows."""

from __future__ import annotations

from collections.abc import Generator

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus


def read_blocks(copy: psycopg.Copy, size: int, first: bytes = b"") -> Generator[bytes, None, None]:
    """Whole rows, joined to blocks of at least ``size`` bytes but for the last; ``first`` goes before them.

    The driver waits for each row by itself, which takes longer than to join them. Here those that have
    arrived already are taken as they are, and it waits when there are none. Raises psycopg's errors.
    """
    arrived = copy.connection.pgconn
    block = bytearray(first)
    while True:
        count, row = arrived.get_copy_data(1)  # which does not wait
        if count == 0:
            row = copy.read()
            count = len(row) or -1
        if count < 0:
            break
        block += row
        if len(block) >= size:
            yield bytes(block)
            block.clear()
    while (result := arrived.get_result()) is not None:
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result, encoding="utf-8")
    yield bytes(block)
