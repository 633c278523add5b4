"""How closely the database looks at the expressions of indexes; renewed after each ``migrate``.

By the values that are kept of an expression the planner tells how many rows have a word. Of the hundred
that PostgreSQL keeps by itself none or eight have a word of one row in twenty, as ANALYZE happens to draw
them. What is kept of an index of some rows the planner never asks for.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

#: How many values are kept of an expression of an index of all rows.
KEPT = 400

#: The expressions in indexes of tables, of which another number is kept than should be.
OTHERWISE = f"""
SELECT quote_ident(x.relname), a.attnum, wanted
FROM pg_index i
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_attribute a ON a.attrelid = x.oid AND i.indkey[a.attnum - 1] = 0
CROSS JOIN LATERAL (SELECT CASE WHEN i.indpred IS NULL THEN {KEPT} ELSE 0 END AS wanted) w
WHERE t.relnamespace = current_schema()::regnamespace AND t.relname = ANY(%s)
    AND a.attstattarget IS DISTINCT FROM wanted
ORDER BY 1, 2
"""


def look_closely(tables: Sequence[str]) -> None:
    """Have the next ANALYZE of these tables keep so many values. Nobody who reads or writes waits."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERWISE, [list(tables)])
        for index, number, wanted in cursor.fetchall():
            cursor.execute(f"ALTER INDEX {index} ALTER COLUMN {number} SET STATISTICS {wanted}")
