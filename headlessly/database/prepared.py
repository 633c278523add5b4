"""The statements that the executor and the readers run most often, written once and prepared.

Django's ORM compiles a statement each time it is run; for the few that every verb needs (lock this row,
insert, update) that costs more than the database does. Here they are written once per noun from its model and
prepared by the server. Everything else is the ORM's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Field, Model
from psycopg.adapt import Transformer

from headlessly.context.running import write_rows_before
from headlessly.database.instances import loaded_instance
from headlessly.database.row_security import AS_IT_IS, in_scope
from headlessly.database.schema_editor import tenant_field
from headlessly.database.slow import asked, timed

#: Sets for a transaction whether prepared statements are planned for their parameters.
PLANS = "SELECT set_config('plan_cache_mode', %s, true)"
#: A cursor whose last result had more rows than this is closed, because it would keep them.
MOST_ROWS = 1_000


class KeptCursor(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor that runs all statements of a connection. The driver determines for each statement, except the
    one that it ran last, how values become parameters and columns become values, which costs more than
    sending it. This cursor keeps what it determined."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection)
        self._tx = Transformer(self)

    def run(self, sql: str, parameters: Any, *, prepare: bool, binary: bool) -> None:
        self._last_query = sql  # the driver's cache depends on it
        self.execute(sql, parameters, prepare=prepare, binary=binary)

    def rows(self) -> list[tuple[Any, ...]]:
        found = self.fetchall()
        if len(found) > MOST_ROWS:
            self.close()
        return found


def _cursor_of(pg: Any) -> KeptCursor:
    cursor: KeptCursor | None = pg.__dict__.get("kept_cursor")
    if cursor is None or cursor.closed:
        cursor = pg.kept_cursor = KeptCursor(pg)
    return cursor


def execute_prepared(
    sql: str,
    parameters: Sequence[Any],
    *,
    rows: bool = True,
    binary: bool = False,
    scoped: bool = True,
) -> list[tuple[Any, ...]]:
    """Run a statement prepared on the server, through Django's connection, and logged like its own.

    ``binary`` rows are read faster, because numbers and moments are not sent as text. ``scoped=False`` is for
    tables without a tenant, whose rows are the same for all.
    """
    return _execute(sql, parameters, rows=rows, binary=binary, prepare=True, scoped=scoped)


def execute_planned(
    sql: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Run a statement over many rows: it is planned for its parameters each time, which pays off there, and
    read as binary rows. A prepared statement would get a generic plan after some runs."""
    return _execute(sql, parameters, rows=True, binary=True, prepare=False)


@contextmanager
def planned_for_any() -> Iterator[None]:
    """Let prepared statements inside the block use a generic plan, in a transaction: for statements that take
    longer to plan than to run, and whose best plan does not depend on parameters."""
    if not connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(PLANS, ["force_generic_plan"])
        yield
        cursor.execute(PLANS, ["auto"])


def _execute(
    sql: str,
    parameters: Sequence[Any] | Mapping[str, Any],
    *,
    rows: bool,
    binary: bool,
    prepare: bool,
    scoped: bool = True,
) -> list[tuple[Any, ...]]:
    write_rows_before(sql)
    # The proxy ``connection`` would look it up for each attribute.
    wrapper = connections[DEFAULT_DB_ALIAS]
    if wrapper.connection is None:
        wrapper.ensure_connection()
    wrapper.validate_no_broken_transaction()
    with wrapper.wrap_database_errors:
        cursor = _cursor_of(wrapper.connection)
        with in_scope(wrapper) if scoped else AS_IT_IS, timed(sql) as run:
            cursor.run(sql, parameters, prepare=prepare, binary=binary)
        found = cursor.rows() if rows else []
    if wrapper.force_debug_cursor or asked.debug:
        wrapper.queries_log.append({"sql": sql, "time": f"{run.took:.3f}"})
    return found


def quoted(column: Field[Any, Any]) -> str:
    """Returns the name of a column, quoted for a handwritten statement."""
    assert column.column is not None, f"{column.name} is no column."
    return connection.ops.quote_name(column.column)


def quoted_column(model: type[Model], name: str) -> str:
    """Returns the quoted column of a model's field; ``pk`` is the primary key, whatever its name."""
    column = model._meta.pk if name == "pk" else model._meta.get_field(name)
    assert isinstance(column, Field), f"{name} is the other side of a reference."
    return quoted(column)


def fetch_by_unique(model: type[Model], **values: Any) -> Any:
    """Returns the row of a platform table with these values, which are unique together, or None. Prepared,
    because every request does such look-ups."""
    sql, made = select_by_unique(model, *values)
    scoped = tenant_field(model) is not None
    found = execute_prepared(sql, [*values.values()], scoped=scoped)
    return made(found[0]) if found else None


@cache
def select_by_unique(model: type[Model], *names: str) -> tuple[str, Callable[[Sequence[Any]], Any]]:
    """Returns the statement that finds the row with values of these fields, and the function that makes an
    object of the row."""
    quote = connection.ops.quote_name
    fields = model._meta.concrete_fields
    columns = ", ".join(quoted(f) for f in fields)
    where = " AND ".join(f"{quoted_column(model, name)} = %s" for name in names)
    attributes = [f.attname for f in fields]
    converted = [(n, f) for n, f in enumerate(fields) if hasattr(f, "from_db_value")]

    def made(row: Sequence[Any]) -> Any:
        values = list(row)
        for number, column in converted:
            values[number] = column.from_db_value(values[number], None, connection)
        return loaded_instance(model, attributes, values)

    return f"SELECT {columns} FROM {quote(model._meta.db_table)} WHERE {where}", made
