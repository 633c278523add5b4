"""What COPY sends, read in blocks of many rows."""

from __future__ import annotations

from collections.abc import Generator

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus


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
