"""Empties the database without a TRUNCATE of all tables.

TRUNCATE creates a new file for each of their hundreds of indexes, but most tests write only a few rows
into a few tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Tables that are not emptied, as an empty database has the same rows.
KEPT = ("django_content_type", "auth_permission")
#: Larger tables are truncated, in bytes. Deleted rows stay in their table's file for a while; PostgreSQL
#: plans a table of up to ten pages like a new one, so that plans do not depend on earlier tests.
SMALL = 10 * 8192
#: Locks the tables like TRUNCATE, so that it waits for other writers. Deletes rows without the product's
#: triggers, and checks references at the end.
EMPTY = """
DO $$
DECLARE
    name text;
    filled boolean;
    small text[] := '{{}}';
    large text[] := '{{}}';
BEGIN
    LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;
    FOREACH name IN ARRAY ARRAY[{names}] LOOP
        IF pg_relation_size(name::regclass) > {most} THEN
            large := large || name;
        ELSIF pg_relation_size(name::regclass) > 0 THEN
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO filled;
            IF filled THEN
                small := small || name;
            END IF;
        END IF;
    END LOOP;
    IF large <> '{{}}' THEN
        EXECUTE 'TRUNCATE ' || array_to_string(large, ', ') || ' CASCADE';
    END IF;
    FOREACH name IN ARRAY small LOOP
        EXECUTE 'ALTER TABLE ' || name || ' DISABLE TRIGGER USER';
    END LOOP;
    SET CONSTRAINTS ALL DEFERRED;
    FOREACH name IN ARRAY small LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    SET CONSTRAINTS ALL IMMEDIATE;
    FOREACH name IN ARRAY small LOOP
        EXECUTE 'ALTER TABLE ' || name || ' ENABLE TRIGGER USER';
    END LOOP;
END $$
"""


def empty_quickly(connection: Any) -> None:
    """Lets Django empty only the tables with rows, on each of its connections: beside a running event
    loop, such as Playwright's, it opens others.

    Nothing is created again afterwards, as the rows that ``migrate`` creates are kept.
    """
    from django.core.management.commands import flush

    def sql_flush(operations: Any, style: Any, tables: Sequence[str], **_: Any) -> list[str]:
        quoted = [operations.quote_name(name) for name in tables if name not in KEPT]
        names = ", ".join(f"'{name}'" for name in quoted)
        return [EMPTY.format(tables=", ".join(quoted), names=names, most=SMALL)]

    type(connection.ops).sql_flush = sql_flush
    flush.emit_post_migrate_signal = lambda *_, **__: None
