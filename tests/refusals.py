"""A refusal is proven twice: by what it says, and by nothing having happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from headlessly.context.tenant_scope import every_tenant
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.log.names import SECURITY


def everything() -> list[tuple[Any, ...]]:
    """All rows of all nouns, their past and the log, of every tenant, as one number per table.

    That somebody came in is in the log too, and is no more than that.
    """
    with every_tenant():
        return execute_prepared(_of_all_tables(), ())


@cache
def _of_all_tables() -> str:
    """The statement, always the same: to plan it for that many tables takes longer than to run it."""
    tables = [Event._meta.db_table]
    for noun in registry.values():
        tables += [noun._meta.db_table, noun.past._meta.db_table]
    one = "SELECT '{0}', count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {0} t{1}"
    ours = f" WHERE target_type IS DISTINCT FROM '{SECURITY}'"
    all_of_them = " UNION ALL ".join(
        one.format(table, "" if n else ours) for n, table in enumerate(tables)
    )
    # In an order of its own: large tables are read by several workers at once.
    return f"{all_of_them} ORDER BY 1"


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
