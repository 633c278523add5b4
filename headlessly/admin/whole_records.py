"""Loads a record with all records that it refers to, for its page, forms and card. The statement is
compiled by Django once, because it is run so often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.query import ModelIterable, get_related_populators

from headlessly.access import tenancy, visibility
from headlessly.access.prepared_queries import MOST_KEPT, Statement, mark_text
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.shapes import cached_by_shape
from headlessly.declaration.values import is_storable
from headlessly.nouns import Noun

N = TypeVar("N", bound=Noun)


def find_whole(noun: type[N], id: str) -> N:
    """Returns ``noun.get(id)`` with every record that it refers to. Raises NotFound."""
    reading = _reading(noun, tenancy.require().pk, visibility.visible_owner())
    if reading is None:
        return noun.get(id, include=[*noun.schema.references])
    rows = reading.rows(id) if is_storable(id) else []
    return reading.made(rows[0]) if rows else noun.get(id)


@dataclass(frozen=True)
class _Reading:
    """The statement that finds a record by its id, and the function that makes the record and those it
    refers to from a row."""

    statement: Statement
    made: Callable[[Sequence[Any]], Any]

    def rows(self, id: str) -> list[tuple[Any, ...]]:
        return execute_prepared(self.statement.sql, self.statement.fill([id]))


@cached_by_shape(most=MOST_KEPT)
def _reading(noun: type[Noun], tenant: int, person: str | None) -> _Reading | None:
    """Returns the reading of a noun; None if the row does not have all references: those of the tenant's
    own fields, or those that the actor may not see."""
    found: Any = visibility.load_visible_references(
        noun.objects.filter(pk=mark_text(0)), noun.schema.references
    )
    if found._iterable_class is not ModelIterable or found._prefetch_related_lookups:
        return None
    compiler = found.order_by().query.get_compiler(using=DEFAULT_DB_ALIAS)
    statement = Statement.of(*compiler.as_sql())
    columns, record = [column for column, *_ in compiler.select], compiler.klass_info
    converters = compiler.get_converters(columns)
    start, end = record["select_fields"][0], record["select_fields"][-1] + 1
    names = [column.target.attname for column in columns[start:end]]
    # The stubs are for a later Django.
    others = get_related_populators(record, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]

    def made(row: Sequence[Any]) -> Any:
        values = list(row)
        for number, (convert, column) in converters.items():
            for each in convert:
                values[number] = each(values[number], column, connections[DEFAULT_DB_ALIAS])
        whole = noun.from_db(DEFAULT_DB_ALIAS, names, values[start:end])
        for other in others:
            other.populate(values, whole)
        return whole

    return _Reading(statement, made)
