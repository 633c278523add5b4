"""The statements that the executor and the readers run all day, written once and prepared.

Django's ORM compiles a statement each time it is run; for the few that every verb needs (lock this row,
insert, update) that costs more than the database does. Here they are written once per noun from its
model and prepared by the server. Everything else is the ORM's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
import psycopg
from django.db import connection

if TYPE_CHECKING:
    from django.db.models import Model

    from .nouns import Noun


def run(
    sql: str, parameters: Sequence[Any], *, rows: bool = True, binary: bool = False
) -> list[tuple[Any, ...]]:
    """Run a statement prepared on the server, through Django's connection, and logged like its own.

    ``binary`` rows are read four times as fast: Django's own reading of a moment is Python's.
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    started = time.monotonic()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, parameters, prepare=True, binary=binary)
        found = cursor.fetchall() if rows else []
    if connection.queries_logged:
        took = time.monotonic() - started
        connection.queries_log.append({"sql": sql, "time": f"{took:.3f}"})
    return found


def one(model: type[Model], field: str, value: Any) -> Any:
    """The row of a table of the platform with this unique value, or None; asked by every request."""
    sql, made = finding(model, field)
    found = run(sql, [value])
    return made(found[0]) if found else None


@cache
def finding(model: type[Model], field: str) -> tuple[str, Callable[[Sequence[Any]], Any]]:
    """The statement that finds the row with a value of ``field``, and what makes an object of the row."""
    quote = connection.ops.quote_name
    fields = model._meta.concrete_fields
    columns = ", ".join(quote(f.column) for f in fields)
    where = f"{quote(model._meta.get_field(field).column)} = %s"
    names = [f.attname for f in fields]
    converted = [(n, f) for n, f in enumerate(fields) if hasattr(f, "from_db_value")]

    def made(row: Sequence[Any]) -> Any:
        values = list(row)
        for number, column in converted:
            values[number] = column.from_db_value(values[number], None, connection)
        return model.from_db(connection.alias, names, values)

    return f"SELECT {columns} FROM {quote(model._meta.db_table)} WHERE {where}", made


class Table:
    """A noun's table: lock a row, insert one, rewrite columns of one."""

    def __init__(self, noun: type[Noun]) -> None:
        quote = connection.ops.quote_name
        self.noun = noun
        self.fields = list(noun._meta.concrete_fields)
        self.names = [f.attname for f in self.fields]
        self.name = quote(noun._meta.db_table)
        columns = ", ".join(quote(f.column) for f in self.fields)
        marks = ", ".join(["%s"] * len(self.fields))
        self._insert = f"INSERT INTO {self.name} ({columns}) VALUES ({marks})"
        self._lock = f"SELECT {columns} FROM {self.name} WHERE id = %s AND tenant_id = %s "

        self.by_name = {f.attname: f for f in self.fields}
        # Django has the driver leave JSON as text.
        self.json = [n for n, f in enumerate(self.fields) if f.get_internal_type() == "JSONField"]

    def lock(self, id: str, tenant: int, *, deleting: bool, restoring: bool) -> Noun | None:
        """The row of this tenant, locked; against foreign keys too if ``deleting``.

        Not a deleted one, unless somebody is ``restoring`` it.
        """
        there = "" if restoring else "AND deleted_at IS NULL "
        strength = "FOR UPDATE" if deleting else "FOR NO KEY UPDATE"
        found = run(self._lock + there + strength, [id, tenant])
        if not found:
            return None
        row = list(found[0])
        for position in self.json:
            row[position] = None if row[position] is None else orjson.loads(row[position])
        return self.noun.from_db(connection.alias, self.names, row)

    def insert(self, record: Noun) -> None:
        run(self._insert, [self._value(f, record) for f in self.fields], rows=False)

    def copy(self, records: Sequence[Noun]) -> None:
        """Insert many rows at once."""
        columns = ", ".join(connection.ops.quote_name(f.column) for f in self.fields)
        adapted = [n for n, f in enumerate(self.fields) if f.get_internal_type() == "JSONField"]
        sql = f"COPY {self.name} ({columns}) FROM STDIN"
        with (
            connection.wrap_database_errors,
            psycopg.Cursor(connection.connection) as cursor,
            cursor.copy(sql) as rows,
        ):
            for record in records:
                row = [record.__dict__[name] for name in self.names]
                for at in adapted:
                    row[at] = self.fields[at].get_db_prep_save(row[at], connection)
                rows.write_row(row)

    def rewrite(self, record: Noun, names: Sequence[str]) -> None:
        """Write these columns of a row that is locked."""
        values = [self._value(self.by_name[name], record) for name in names]
        run(
            _update(self.name, tuple(self.by_name[n].column for n in names)),
            [*values, record.pk],
            rows=False,
        )

    @staticmethod
    def _value(field: Any, record: Noun) -> Any:
        value = getattr(record, field.attname)
        # Only these need Django's hand; the driver knows the other types.
        return (
            field.get_db_prep_save(value, connection)
            if field.get_internal_type() in ADAPTED
            else value
        )


ADAPTED = {"JSONField", "DecimalField"}


@cache
def _update(table: str, columns: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{connection.ops.quote_name(c)} = %s" for c in columns)
    return f"UPDATE {table} SET {assignments} WHERE id = %s"


@cache
def table(noun: type[Noun]) -> Table:
    """The statements of this noun, written once per process."""
    return Table(noun)
