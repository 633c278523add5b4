"""A database that is empty again without a TRUNCATE of all its tables, which makes a new file for each of
their hundreds of indexes: most tests write a few rows into a few tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: What is the same in an empty database.
KEPT = ("django_content_type", "auth_permission")
#: In bytes. Deleted rows stay in their table's file for a while; a table of up to ten pages is planned for
#: as if it were new, so that no test finds plans which hang on those before it.
SMALL = 10 * 8192
#: Locks as TRUNCATE does: whoever still writes is waited for. Rows are deleted without the product's
#: triggers, and whether one is still referred to is asked at the end.
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
    """Have Django empty those tables only that have rows, on each of its connections: beside a running event
    loop, as Playwright's is, it opens others. Nothing is made anew afterwards: what ``migrate`` would look
    after is kept."""
    from django.core.management.commands import flush

    def sql_flush(operations: Any, style: Any, tables: Sequence[str], **_: Any) -> list[str]:
        quoted = [operations.quote_name(name) for name in tables if name not in KEPT]
        names = ", ".join(f"'{name}'" for name in quoted)
        return [EMPTY.format(tables=", ".join(quoted), names=names, most=SMALL)]

    type(connection.ops).sql_flush = sql_flush
    flush.emit_post_migrate_signal = lambda *_, **__: None
