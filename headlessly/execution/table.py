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
        # Django has the driver leave JSON as text.
        self.json = [n for n, f in enumerate(self.fields) if f.get_internal_type() == "JSONField"]
        self.json_names = [self.names[n] for n in self.json]
        # Only these need Django's hand; the driver knows the other types.
        self.adapted = {
            f.attname: ADAPTED_TYPES[type](f)
            for f in self.fields
            if (type := f.get_internal_type()) in ADAPTED_TYPES
        }

    def find(self, id: str) -> Any:
        """The row of the active tenant, where it is not deleted and the actor sees it; else None."""
        visible, parameters = visibility.visible_rows(self.noun, "r")
        found = execute_prepared(f"{self._select} id = %s AND {visible}", [id, *parameters])
        return self._make(found[0]) if found else None

    def lock(self, id: str, *, deleting: bool, restoring: bool) -> Any:
        """The row of the active tenant, locked; against foreign keys too if ``deleting``. None where there is
        none.

        Not a deleted one, unless somebody is ``restoring`` it.
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
        """These rows of the active tenant, deleted ones too, locked in the order of their ids; against
        foreign keys too if ``deleting``."""
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
        """Insert versions that were over before their records were written: each with its end, oldest first.

        What holds from then on comes to the past with the row itself, by the trigger of its table.
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
        """Make the last of these ``states`` of a row that is locked and was ``read`` so. Those before it were
        over when the next began: they go into the past."""
        changed = tuple(tuple(state.columns_unlike(read)) for state in states)
        where, values = (read.pk, read.tenant_id), []
        for state, names, later in zip(states, changed, states[1:], strict=False):
            span = (state.updated_at, later.updated_at)
            values += self._values(state, names, (*span, *where))
        values += self._values(states[-1], changed[-1], where)
        execute_prepared(_rewrite(self, changed), values, rows=False)

    def rewrite_many(self, records: Sequence[Record], names: Sequence[str]) -> None:
        """Write these columns of rows of the active tenant that are locked, in one statement."""
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
        """What a record has in these columns, as the driver takes it, and ``more``."""
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
    adapt = _adapt_as_django_does(field)  # which refuses what is no number
    return lambda value: value if type(value) is Decimal and value.is_finite() else adapt(value)


#: Clients choose which columns change: not every statement that was ever run is kept.
MOST_KEPT = 1_000
#: How values of the types that the driver does not know as Django does are made parameters.
ADAPTED_TYPES = {"JSONField": _adapt_as_django_does, "DecimalField": _adapt_decimal}


@lru_cache(MOST_KEPT)
def _rewrite(table: Table, changed: tuple[tuple[str, ...], ...]) -> str:
    """The statement for a row of which ``changed`` names the columns that were others: in each version that
    is over, and as it is written."""
    *passed, written = changed
    where = "WHERE id = %s AND tenant_id = %s"
    columns = [quoted(field) for field in table.fields]
    inserts = []
    for number, names in enumerate(passed):
        # The row is still the one that was read: what did not change is taken from there.
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
    """The statements of this noun, written once per process."""
    return Table(noun)
