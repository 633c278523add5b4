"""The planner's statistics for expressions in indexes, and of new tables; set after each ``migrate``.

The planner estimates from the sampled values of an expression how many rows have a word. Of PostgreSQL's
default of one hundred values, between none and eight have a word that is in one of twenty rows, depending on
the sample. It never uses the statistics of partial indexes.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

#: How many values are kept for an expression of an index of all rows.
KEPT = 400

#: Selects the indexed expressions of tables with another target than wanted.
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


#: Says of each table that nobody has looked at yet that all its rows are of one tenant, and not deleted.
ONE_TENANT = """
SELECT pg_restore_attribute_stats(
    'schemaname', n.nspname::text, 'relname', t.relname::text, 'attname', a.attname::text,
    'inherited', false, 'avg_width', 8, 'n_distinct', 1::real,
    'null_frac', CASE a.attname WHEN 'tenant_id' THEN 0 ELSE 1 END::real
)
FROM pg_class t
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname IN ('tenant_id', 'deleted_at')
WHERE t.relkind = 'r' AND t.reltuples < 0 AND n.oid = current_schema()::regnamespace
"""


def look_closely(tables: Sequence[str]) -> None:
    """Set the statistics target for the next ANALYZE of these tables. This blocks neither reads nor
    writes."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERWISE, [list(tables)])
        for index, number, wanted in cursor.fetchall():
            cursor.execute(f"ALTER INDEX {index} ALTER COLUMN {number} SET STATISTICS {wanted}")


def expect_one_tenant() -> None:
    """Have the planner expect that the rows of a table are of one tenant and not deleted, until PostgreSQL
    has looked at it.

    Of a new table it takes one row in two hundred for that of a tenant, and as many for not deleted. Then any
    index that begins with the tenant costs as little as the primary key, and a statement that is prepared in
    the first minutes of an installation, or of a large import, reads all rows to find one. Before PostgreSQL
    18 nobody can say so.
    """
    version: int = connection.pg_version  # type: ignore[attr-defined]  # the stubs do not know of it
    if version >= 18_00_00:
        with connection.cursor() as cursor:
            cursor.execute(ONE_TENANT)
