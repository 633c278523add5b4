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


@pytest.mark.parametrize("name", ["Contact", "Deal", "Lead", "Organization"])
def test_it_makes_no_second_index_on_a_key_for_like(name: str, db: Any) -> None:
    with connection.schema_editor(collect_sql=True) as editor:
        editor.create_model(registry[name])
        made = "\n".join([*editor.collected_sql, *map(str, editor.deferred_sql)])
        editor.deferred_sql.clear()
    assert "PRIMARY KEY" in made and "pattern_ops" not in made
