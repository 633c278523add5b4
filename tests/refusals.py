"""Checks a refusal twice: by its message, and by the fact that nothing has changed."""

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
    """Returns a checksum for each table of nouns, of their past and of the log, over all tenants.

    Security events in the log, such as a login, are left out.
    """
    with every_tenant():
        return execute_prepared(_of_all_tables(), ())


@cache
def _of_all_tables() -> str:
    """Returns the statement. It is cached, as planning it for so many tables takes longer than running it."""
    tables = [Event._meta.db_table]
    for noun in registry.values():
        tables += [noun._meta.db_table, noun.past._meta.db_table]
    one = "SELECT '{0}', count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {0} t{1}"
    ours = f" WHERE target_type IS DISTINCT FROM '{SECURITY}'"
    all_of_them = " UNION ALL ".join(
        one.format(table, "" if n else ours) for n, table in enumerate(tables)
    )
    # Sorted, as parallel workers return large tables in any order.
    return f"{all_of_them} ORDER BY 1"


@contextmanager
def refused(
    kind: type[Exception] | tuple[type[Exception], ...], *saying: str
) -> Iterator[pytest.ExceptionInfo]:
    """Asserts that the block raises ``kind`` with all these words in its message, and changes no table."""
    before = everything()
    with pytest.raises(kind) as caught:
        yield caught
    assert everything() == before, "it was refused, but something happened"
    for words in saying:
        assert words in str(caught.value)


def details(caught: pytest.ExceptionInfo) -> dict[str, str]:
    """Returns the fields that a validation error names, with their messages."""
    return {each["field"]: each["message"] for each in caught.value.details}
