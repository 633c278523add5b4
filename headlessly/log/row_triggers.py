"""Triggers that keep a narrow table beside the records, of those alone that have something for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


def install_row_triggers(
    nouns: Iterable[type[Record]], name: str, column: str, function: str
) -> None:
    """Have ``function`` called, with the noun's name, for each row whose ``column`` is filled, changed or
    emptied, and where such a row is deleted or restored. Others cost nothing."""
    changed = (
        f"OLD.{column} IS DISTINCT FROM NEW.{column} OR (NEW.{column} IS NOT NULL AND "
        "OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)"
    )
    conditions = {
        "insert": f"NEW.{column} IS NOT NULL",
        "update": changed,
        "delete": f"OLD.{column} IS NOT NULL",
    }
    with connection.cursor() as cursor:
        for noun in nouns:
            table = noun._meta.db_table
            for event, condition in conditions.items():
                cursor.execute(
                    f"CREATE OR REPLACE TRIGGER {table}_{name}_{event} AFTER {event} ON {table} "
                    f"FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {function}('{noun.__name__}')"
                )
