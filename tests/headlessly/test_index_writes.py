"""What an update writes beside its row: an index is paid for by every verb."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from headlessly.declaration.registry import registry


@pytest.mark.parametrize("name", ["Contact", "Deal", "Lead", "Organization"])
def test_it_has_no_index_on_what_every_update_changes(name: str, acme: Any) -> None:
    """Else no update is within its page, and each writes in every index of the table."""
    table = registry[name]._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = %s "
            "AND indexdef ~ '\\y(updated_at|version)\\y'",
            [table],
        )
        assert cursor.fetchall() == []


def test_it_has_no_second_index_for_like_on_what_is_compared_byte_by_byte(db: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
            "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
            "WHERE c.relname LIKE '%\\_like' "
            "AND a.attcollation = (SELECT oid FROM pg_collation WHERE collname = 'C')"
        )
        assert cursor.fetchall() == []


def test_it_changes_one_row_quickly_after_it_has_changed_many(lead: Any) -> None:
    """The plan for many rows, which a connection keeps, reads the whole past for each."""
    with connection.cursor() as cursor:
        many = "UPDATE crm_lead SET need = 'more', updated_at = clock_timestamp()"
        for _ in range(3):
            cursor.execute(many)
        cursor.execute("SELECT count(*), count(valid_to) FROM crm_lead_version")
        assert cursor.fetchone() == (4, 3)
        cursor.execute(
            "SELECT tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
            "WHERE tgname LIKE '%\\_version\\_update' AND tgtype & 1 = 0"
        )
        assert cursor.fetchall() == [], "for each row"
