"""Changed rows that wait until their verb and its hooks are done, so that each row is written only once.

Every write of a row also writes all indexes of its table, so a verb and a hook that change the same record
would pay twice. Nobody can see that a row waits: it is written before any statement that names its table, or
a table that the database fills from it, and at the end of its verb at the latest. Every version gets into the
past. A hook that reads otherwise than by Django's cursor, or through a database view or function, calls
``ctx.flush()`` first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from headlessly.context.tenant_scope import scoped_to
from headlessly.execution.table import table_of

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Tables that triggers fill from the rows of other tables.
FILLED_BY_TRIGGERS = ("headlessly_externalid", "headlessly_indexedvalue", "headlessly_uniquevalue")
#: The statements that begin or end a part of the transaction which can be rolled back alone.
PARTS = ("savepoint", "release")
UNDOING = ("rollback",)
#: For how many statements we remember which tables they name: most are long, and come again and again.
MOST_KEPT = 4_096


@lru_cache(MOST_KEPT)
def _begins(sql: str, words: tuple[str, ...]) -> bool:
    return sql.lstrip().lower().startswith(words)


@lru_cache(MOST_KEPT)
def _names(sql: str, table: str) -> bool:
    return table in sql.lower()


@dataclass
class WaitingRow:
    record: Record  #: the object that verbs and hooks have
    depth: int  #: how many verbs were running when it was first changed
    read: Record  #: as it is in the database
    states: list[Record]  #: its changed states, the latest last

    @property
    def table(self) -> str:
        return self.record._meta.db_table

    def write(self) -> None:
        # The current code may run in another tenant, or in none: there the row would not be found.
        with scoped_to(self.read.tenant_id):
            table_of(type(self.record)).rewrite(self.read, self.states)


class WaitingRows:
    """The changes of an execution that are not in the database yet. ``failed`` is called with a row that the
    database refuses."""

    def __init__(self, failed: Callable[[WaitingRow, Exception], None]) -> None:
        self._rows: list[WaitingRow] = []
        self._failed = failed

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, record: Record, depth: int) -> None:
        """Take over the changes of a locked record."""
        read, state = record.take_as_written()
        row = next((row for row in self._rows if row.record.pk == record.pk), None)
        if row is None:
            # The second row may take a unique value that the first one gives up.
            self.write_named_in(record._meta.db_table)
            row = WaitingRow(record, depth, read, [])
            self._rows.append(row)
        row.states.append(state)

    def write_named_in(self, sql: str) -> None:
        """Write the rows that a statement may read, or forget them if it rolls back."""
        if _begins(sql, UNDOING):
            self._rows.clear()
        elif _begins(sql, PARTS) or any(_names(sql, table) for table in FILLED_BY_TRIGGERS):
            self.write_all()
        else:
            self._write(lambda row: _names(sql, row.table))

    def write_all(self) -> None:
        self._write(lambda row: True)

    def write_of(self, depth: int) -> None:
        """Write the rows changed by the verb at this depth and by the verbs that it caused."""
        self._write(lambda row: row.depth >= depth)

    def forget_of(self, depth: int) -> None:
        """Forget the rows changed by those verbs, because they failed."""
        self._rows = [row for row in self._rows if row.depth < depth]

    def _write(self, wanted: Callable[[WaitingRow], bool]) -> None:
        while (row := next(filter(wanted, self._rows), None)) is not None:
            self._rows.remove(row)
            try:
                row.write()
            except Exception as problem:
                self._failed(row, problem)
                raise
