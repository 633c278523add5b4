"""The texts that records have in a field with several values, and how many records have each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from headlessly.access import visibility
from headlessly.declaration import custom_values

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: How many records are counted, and how many texts are returned, at most.
MOST_COUNTED, MOST_ANSWERED = 10_000, 100


def used_choices(noun: type[Record], field: Field) -> list[tuple[str, int]]:
    """Returns the texts in the actor's records, the most used first, each with its number of records."""
    quote = connection.ops.quote_name
    visible, mine = visibility.visible_rows(noun, "n")
    column = (
        custom_values.column_sql("n", field.column)
        if field.is_custom
        else f"n.{quote(field.column)}"
    )
    sql = (
        f"SELECT e, count(*) FROM (SELECT {column} AS texts FROM {quote(noun._meta.db_table)} n "
        f"WHERE {visible} AND {column} IS NOT NULL LIMIT %s) AS several, "
        "jsonb_array_elements_text(several.texts) AS e GROUP BY e ORDER BY count(*) DESC, e LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*mine, MOST_COUNTED, MOST_ANSWERED])
        return [(text, count) for text, count in cursor.fetchall()]
