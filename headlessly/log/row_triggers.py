"""Triggers that maintain a narrow table beside the records, only for rows with something to put into it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


def added_rows_function(name: str, lock: int, statement: str) -> str:
    """Returns the SQL of the trigger function ``name`` for ``added`` rows. For each ``tenant`` with own
    fields in new records it runs ``statement``, holding the tenant's advisory lock ``lock`` in shared
    mode."""
    return f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE tenant bigint;
BEGIN
  FOR tenant IN
    SELECT DISTINCT tenant_id FROM added WHERE custom IS NOT NULL AND deleted_at IS NULL ORDER BY 1
  LOOP
    PERFORM pg_advisory_xact_lock_shared({lock}, tenant::integer);
    {statement};
  END LOOP;
  RETURN NULL;
END $$;"""


def install_row_triggers(
    nouns: Iterable[type[Record]],
    name: str,
    columns: str | tuple[str, ...],
    function: str,
    inserted: str | None = None,
) -> None:
    """Call ``function``, with the noun's name, for each row in which one of the ``columns`` is filled,
    changed or emptied, and for such a row when it is deleted or restored. Other rows cost nothing.

    ``inserted`` is called instead once for all rows of an ``INSERT``, which it finds in ``added``, because an
    import inserts a thousand in one.
    """
    columns = (columns,) if isinstance(columns, str) else columns
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    filled = " OR ".join(f"{{0}}.{column} IS NOT NULL" for column in columns)
    conditions = {
        "insert": filled.format("NEW"),
        "update": f"{changed} OR (({filled.format('NEW')}) AND "
        "OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)",
        "delete": filled.format("OLD"),
    }
    with connection.cursor() as cursor:
        for noun in nouns:
            table = noun._meta.db_table
            for event, condition in conditions.items():
                each, called = f"FOR EACH ROW WHEN ({condition})", function
                if inserted and event == "insert":
                    each, called = "REFERENCING NEW TABLE AS added", inserted
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {table}_{name}_{event} AFTER {event} ON {table} "
                    f"{each} EXECUTE FUNCTION {called}('{noun.__name__}')"
                )
