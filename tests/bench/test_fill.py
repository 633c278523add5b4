"""What is measured can be filled in: a column that a declaration adds is noticed here first."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from tests.bench import attribution, fill

INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]+)\)")


@pytest.mark.django_db
def test_it_gives_every_column_that_needs_a_value() -> None:
    statements = "\n".join([*fill.insert_statements(1_000).values(), attribution.MADE])
    given: list[tuple[str, set[str]]] = [
        (table, set(re.findall(r"\w+", columns))) for table, columns in INSERT.findall(statements)
    ]
    with connection.cursor() as cursor:
        for table, columns in given:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                "AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
                [table],
            )
            assert {name for (name,) in cursor.fetchall()} - columns == set(), table
    assert len(given) == 13
