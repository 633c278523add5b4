"""The prepared statements that find, lock, insert and rewrite the row of a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any

import orjson
from django.db import connection
from django.db.models import Field

from headlessly.access import visibility
from headlessly.database.copying import copy_rows
from headlessly.database.instances import loaded_instance
from headlessly.database.prepared import execute_prepared, quoted
from headlessly.log.versions import version_table

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


class Table:
    """A noun's table: find or lock a row, insert one, rewrite columns of one."""

    def __init__(self, noun: type[Record]) -> None:
        quote = connection.ops.quote_name
        self.noun = noun
        self.fields = list(noun._meta.concrete_fields)
        self.names = [f.attname for f in self.fields]
        self.name = quote(noun._meta.db_table)
        columns = ", ".join(quoted(f) for f in self.fields)
        marks = ", ".join(["%s"] * len(self.fields))
        self._insert = f"INSERT INTO {self.name} ({columns}) VALUES ({marks})"
        self.past = quote(version_table(noun))
        self._select = f"SELECT {columns} FROM {self.name} r WHERE"

        self.by_name = {f.attname: f for f in self.fields}
        # Django makes the driver return JSON as text.
        self.json = [n for n, f in enumerate(self.fields) if f.get_internal_type() == "JSONField"]
        self.json_names = [self.names[n] for n in self.json]
        # Only these need Django's conversion; the driver knows the other types.
        self.adapted = {
            f.attname: ADAPTED_TYPES[type](f)
            for f in self.fields
            if (type := f.get_internal_type()) in ADAPTED_TYPES
        }

    def find(self, id: str) -> Any:
        """Returns the row of the active tenant, or None if it is deleted or the actor does not see it."""
        visible, parameters = visibility.visible_rows(self.noun, "r")
        found = execute_prepared(f"{self._select} id = %s AND {visible}", [id, *parameters])
        return self._make(found[0]) if found else None

    def lock(self, id: str, *, deleting: bool, restoring: bool) -> Any:
        """Returns the row of the active tenant, locked, or None; if ``deleting``, nobody can begin to refer
        to it either.

        Deleted rows are found only if ``restoring``.
        """
        there, tenant = visibility.tenant_rows("r", deleted=restoring)
        strength = "FOR UPDATE" if deleting else "FOR NO KEY UPDATE"
        sql = f"{self._select} id = %s AND {there} {strength}"
        found = execute_prepared(sql, [id, *tenant])
        return self._make(found[0]) if found else None

    def _make(self, columns: Sequence[Any]) -> Any:
        row = list(columns)
        for position in self.json:
            row[position] = None if row[position] is None else orjson.loads(row[position])
        record = loaded_instance(self.noun, self.names, row)
        record._read = dict(record.__dict__)
        return record

    def lock_many(self, ids: Sequence[str], *, deleting: bool = False) -> list[Any]:
        """Returns these rows of the active tenant, deleted ones too, locked in the order of their ids. If
        ``deleting``, nobody can begin to refer to them either."""
        there, tenant = visibility.tenant_rows("r", deleted=True)
        strength = "FOR UPDATE" if deleting else "FOR NO KEY UPDATE"
        sql = f"{self._select} id = ANY(%s) AND {there} ORDER BY id {strength}"
        return [self._make(row) for row in execute_prepared(sql, [list(ids), *tenant])]

    def insert(self, record: Record) -> None:
        execute_prepared(self._insert, self._values(record, self.names), rows=False)

    def copy(self, records: Sequence[Record]) -> None:
        """Insert many rows at once."""
        self._copy(self.name, records)

    def copy_past(self, states: Sequence[tuple[Record, datetime]]) -> None:
        """Insert versions that had ended before their records were written: each with its end, oldest first.

        The current version gets into the past with the row itself, by the trigger of its table.
        """
        spans = [(state.updated_at, end) for state, end in states]
        self._copy(self.past, [state for state, _end in states], ("valid_from", "valid_to"), spans)

    def _copy(
        self,
        table: str,
        records: Sequence[Record],
        more: Sequence[str] = (),
        values: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        rows = (
            self._values(record, self.names, also)
            for record, also in zip(records, values or repeat(()), strict=False)
        )
        copy_rows(table, (*map(quoted, self.fields), *more), rows)

    def rewrite(self, read: Record, states: Sequence[Record]) -> None:
        """Write the last of ``states`` to a locked row that was ``read``. The earlier states have ended
        already and are inserted into the past."""
        changed = tuple(tuple(state.columns_unlike(read)) for state in states)
        where, values = (read.pk, read.tenant_id), []
        for state, names, later in zip(states, changed, states[1:], strict=False):
            span = (state.updated_at, later.updated_at)
            values += self._values(state, names, (*span, *where))
        values += self._values(states[-1], changed[-1], where)
        execute_prepared(_rewrite(self, changed), values, rows=False)

    def rewrite_many(self, records: Sequence[Record], names: Sequence[str]) -> None:
        """Write these columns of locked rows of the active tenant in one statement."""
        fields = [self.by_name[name] for name in names]
        columns = [quoted(f) for f in fields]
        arrays = ", ".join(f"%s::{f.db_type(connection)}[]" for f in fields)
        sql = (
            f"UPDATE {self.name} AS r SET {', '.join(f'{c} = w.{c}' for c in columns)} "
            f"FROM unnest(%s::text[], {arrays}) AS w(id, {', '.join(columns)}) "
            "WHERE r.id = w.id AND r.tenant_id = %s"
        )
        values = zip(*(self._values(record, names) for record in records), strict=True)
        ids = [record.pk for record in records]
        execute_prepared(sql, [ids, *map(list, values), records[0].tenant_id], rows=False)

    def _values(self, record: Record, names: Iterable[str], more: Iterable[Any] = ()) -> list[Any]:
        """Returns the record's values of these columns as the driver takes them, followed by ``more``."""
        held, adapted = record.__dict__, self.adapted
        values = [
            value if (value := held[name]) is None or name not in adapted else adapted[name](value)
            for name in names
        ]
        values += more
        return values


def _adapt_as_django_does(field: Field[Any, Any]) -> Callable[[Any], Any]:
    return lambda value: field.get_db_prep_save(value, connection)


def _adapt_decimal(field: Field[Any, Any]) -> Callable[[Any], Any]:
    adapt = _adapt_as_django_does(field)  # refuses what is no number
    return lambda value: value if type(value) is Decimal and value.is_finite() else adapt(value)


#: How many statements are kept. Clients choose which columns change, so there could be any number of them.
MOST_KEPT = 1_000
#: Conversions to parameters for column types that the driver does not treat as Django does.
ADAPTED_TYPES = {"JSONField": _adapt_as_django_does, "DecimalField": _adapt_decimal}


@lru_cache(MOST_KEPT)
def _rewrite(table: Table, changed: tuple[tuple[str, ...], ...]) -> str:
    """Returns the statement that writes a row. ``changed`` names the columns that differ from the row as it
    was read: for each version that has ended, and last for the row itself."""
    *passed, written = changed
    where = "WHERE id = %s AND tenant_id = %s"
    columns = [quoted(field) for field in table.fields]
    inserts = []
    for number, names in enumerate(passed):
        # The row still is as it was read: unchanged values are copied from it.
        values = ("%s" if f.attname in names else quoted(f) for f in table.fields)
        inserts.append(
            f"passed_{number} AS (INSERT INTO {table.past} ({', '.join(columns)}, valid_from, valid_to) "
            f"SELECT {', '.join(values)}, %s, %s FROM {table.name} {where})"
        )
    assignments = ", ".join(f"{quoted(table.by_name[name])} = %s" for name in written)
    update = f"UPDATE {table.name} SET {assignments} {where}"
    return f"WITH {', '.join(inserts)} {update}" if inserts else update


@cache
def table_of(noun: type[Record]) -> Table:
    """Returns the statements of this noun, created once per process."""
    return Table(noun)
