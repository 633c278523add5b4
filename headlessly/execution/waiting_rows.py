"""Changes of rows that wait for the hooks of their verb: a row is written once, with what these change in it.

Written, it is written in every index of its table, and one that a verb and a hook of it change would be so
twice. Nobody can tell that it waits: a statement that names its table, or one that the database fills from
it, has it written first, and so has the end of its verb. The past has every version of it. Before what does
not go through Django's cursor, or reads by a view or a function of its own, a hook calls ``ctx.flush()``.
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

#: Tables that triggers fill from the rows of others.
FILLED_BY_TRIGGERS = ("headlessly_externalid", "headlessly_indexedvalue", "headlessly_uniquevalue")
#: Statements behind which a part of the transaction may be undone by itself, or no longer.
PARTS = ("savepoint", "release")
UNDOING = ("rollback",)
#: The statements of which is kept what they name: most come again and again, and are long.
MOST_KEPT = 4_096


@lru_cache(MOST_KEPT)
def _begins(sql: str, words: tuple[str, ...]) -> bool:
    return sql.lstrip().lower().startswith(words)


@lru_cache(MOST_KEPT)
def _names(sql: str, table: str) -> bool:
    return table in sql.lower()


@dataclass
class WaitingRow:
    record: Record  #: the one that verbs and hooks have in their hands
    depth: int  #: how many verbs were running when it was changed first
    read: Record  #: as the database has it
    states: list[Record]  #: what it was changed to, the last one last

    @property
    def table(self) -> str:
        return self.record._meta.db_table

    def write(self) -> None:
        # Whoever asks may have another tenant open, or none: there the row would not be found.
        with scoped_to(self.read.tenant_id):
            table_of(type(self.record)).rewrite(self.read, self.states)


class WaitingRows:
    """The changes of an execution that the database does not have yet; ``failed`` is told of one that it does
    not take."""

    def __init__(self, failed: Callable[[WaitingRow, Exception], None]) -> None:
        self._rows: list[WaitingRow] = []
        self._failed = failed

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, record: Record, depth: int) -> None:
        """Take over what has changed in a record that is locked."""
        read, state = record.take_as_written()
        row = next((row for row in self._rows if row.record.pk == record.pk), None)
        if row is None:
            # Of two rows of a table the second may have what the first lets go.
            self.write_named_in(record._meta.db_table)
            row = WaitingRow(record, depth, read, [])
            self._rows.append(row)
        row.states.append(state)

    def write_named_in(self, sql: str) -> None:
        """Write what a statement may ask for; what it undoes, forget."""
        if _begins(sql, UNDOING):
            self._rows.clear()
        elif _begins(sql, PARTS) or any(_names(sql, table) for table in FILLED_BY_TRIGGERS):
            self.write_all()
        else:
            self._write(lambda row: _names(sql, row.table))

    def write_all(self) -> None:
        self._write(lambda row: True)

    def write_of(self, depth: int) -> None:
        """Write what the verb at this depth changed, and those that it caused."""
        self._write(lambda row: row.depth >= depth)

    def forget_of(self, depth: int) -> None:
        """The same verbs have failed."""
        self._rows = [row for row in self._rows if row.depth < depth]

    def _write(self, wanted: Callable[[WaitingRow], bool]) -> None:
        while (row := next(filter(wanted, self._rows), None)) is not None:
            self._rows.remove(row)
            try:
                row.write()
            except Exception as problem:
                self._failed(row, problem)
                raise
