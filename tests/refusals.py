"""A refusal is proven twice: by what it says, and by nothing having happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.log.names import SECURITY


def everything() -> list[tuple[Any, ...]]:
    """All rows of all nouns, their past and the log, of every tenant, as one number per table.

    That somebody came in is in the log too, and is no more than that.
    """
    tables = [Event._meta.db_table]
    for noun in registry.values():
        tables += [noun._meta.db_table, noun.past._meta.db_table]
    one = "SELECT '{0}', count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {0} t{1}"
    ours = f" WHERE target_type IS DISTINCT FROM '{SECURITY}'"
    with connection.cursor() as cursor:
        # In an order of its own: large tables are read by several workers at once.
        cursor.execute(
            " UNION ALL ".join(
                one.format(table, "" if n else ours) for n, table in enumerate(tables)
            )
            + " ORDER BY 1"
        )
        return cursor.fetchall()


@contextmanager
def refused(
    kind: type[Exception] | tuple[type[Exception], ...], *saying: str
) -> Iterator[pytest.ExceptionInfo]:
    """The block raises ``kind``, all these words in its message, and leaves every table alone."""
    before = everything()
    with pytest.raises(kind) as caught:
        yield caught
    assert everything() == before, "it was refused, but something happened"
    for words in saying:
        assert words in str(caught.value)


def details(caught: pytest.ExceptionInfo) -> dict[str, str]:
    """The fields that a validation error names, with what it says of each."""
    return {each["field"]: each["message"] for each in caught.value.details}
