"""The statements that read a list. One statement serves all lists that differ only in values.

Plain lists, whose filters are equalities and whose order has an index, have handwritten, prepared statements
(:func:`list_statements`). The others are built by functions that return querysets, which Django compiles only
once (:func:`~headlessly.access.prepared_queries.compiled_query`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.db.models.expressions import RawSQL

from headlessly.access.prepared_queries import Sql
from headlessly.database import prepared as statements
from headlessly.declaration import custom_values
from headlessly.declaration.folding import FOLD, Folded
from headlessly.log import versions
from headlessly.query.scope import Scope
from headlessly.query.search import Search
from headlessly.query.sorting import SortKey

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.query.rows import RowStatement

# -- written by hand ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ListStatements:
    """The statements of a plain list. Their parameters are the tenant, the values of the columns, the moment
    (only in the past), and how many; the ``source`` that they share takes all but the last."""

    page: str
    count: str
    source: str
    names: tuple[str, ...]  #: the columns of the order
    sorted_by: tuple[str, ...]  #: the direction of each, as SQL writes it after the name


@lru_cache(maxsize=1024)
def list_statements(
    noun: type[Record],
    visible: str,
    equal: tuple[str, ...],
    columns: tuple[SortKey, ...],
    *,
    past: bool,
) -> ListStatements:
    """Returns the page and the count of a list, written once per process for each set of columns."""
    quote = connection.ops.quote_name
    model = noun.past if past else noun

    def column(name: str) -> str:
        plain = name.removesuffix(f"__{Folded.lookup_name}")
        quoted = (
            custom_values.column_sql("r", plain)
            if custom_values.is_custom(plain)
            else f"r.{statements.quoted_column(model, plain)}"
        )
        return quoted if plain == name else f"{FOLD}({quoted})"

    values = "".join(f" AND {column(name)} = %s" for name in equal)
    valid = f" AND {versions.valid_sql('r')}" if past else ""
    source = f"FROM {quote(model._meta.db_table)} r WHERE {visible}{values}{valid}"
    names = tuple(column(each.name) for each in columns)
    sorted_by = tuple(
        (" DESC" if c.descending else "") + (" NULLS LAST" if c.nullable else "") for c in columns
    )
    order = ", ".join(map("".join, zip(names, sorted_by, strict=True)))
    row = ", ".join([column("record" if past else "pk"), *names])
    return ListStatements(
        f"SELECT {row} {source} ORDER BY {order} LIMIT %s OFFSET %s",
        f"SELECT count(*) FROM (SELECT {source} LIMIT %s) AS found",
        source,
        names,
        sorted_by,
    )


@lru_cache(maxsize=1024)
def first_page_statement(
    listed: ListStatements, reading: RowStatement, size: int, counted: int
) -> str:
    """Returns the statement for the number of records, up to ``counted``, and the first ``size`` of them:
    each with its key, its sort values, and the columns of ``reading``.

    Its parameters are those of ``listed`` twice, and the moments of the joins. The limits are no parameters:
    for an unknown limit the planner would join whole tables.
    """
    keys = [f"k{number}" for number in range(len(listed.names))]
    chosen = ", ".join(f"{name} AS {k}" for name, k in zip(listed.names, keys, strict=True))
    order = ", ".join(map("".join, zip(listed.names, listed.sorted_by, strict=True)))
    again = ", ".join(f"r.{k}{by}" for k, by in zip(keys, listed.sorted_by, strict=True))
    return (
        f"SELECT (SELECT count(*) FROM (SELECT {listed.source} LIMIT {counted}) AS found), "
        f"r.id, {', '.join(f'r.{k}' for k in keys)}, {reading.columns} "
        f"FROM (SELECT r.*, {chosen} {listed.source} ORDER BY {order} LIMIT {size}) AS r "
        f"{reading.joins} ORDER BY {again}"
    )


# -- compiled by Django ---------------------------------------------------------------------------------


def of_records(
    when: Q, where: Q, beyond: Q, scope: Scope, build: Callable[..., Any], *given: Any
) -> Any:
    """Returns what ``build`` makes of the current or past records that fulfil ``where``."""
    moments: list[Any] = [moment for _name, moment in when.children]  # type: ignore[misc]
    found = versions.valid_at(scope.noun, *moments) if moments else scope.queryset()
    return build(found.filter(where), beyond, *given)


def keys_in_order(
    found: models.QuerySet, beyond: Q, by: Sequence[SortKey], nulls_first: bool, *stretch: int
) -> models.QuerySet:
    """Returns the keys of a range of the records in order."""
    found = found.filter(beyond).order_by(*order_by(by, nulls_first))
    return found.values_list(*_columns(by))[slice(*stretch)]


def keys_of_one(
    found: models.QuerySet,
    beyond: Q,
    by: Sequence[SortKey],
    nulls_first: bool,
    column: str,
    most: int,
) -> models.QuerySet:
    """Returns the first keys in order of the records with one value in ``column``. The enclosing statement
    provides the value: ``apart.value``."""
    one = found.filter(**{column: RawSQL("apart.value", ())})
    return keys_in_order(one, beyond, by, nulls_first, 0, most)


def keys_in_any_order(
    found: models.QuerySet,
    beyond: Q,
    by: Sequence[SortKey],
    tells_beyond: bool,
    most: int,
    search: Search | None = None,
) -> Sql | None:
    """Returns keys in no order, ``most`` for each part of the search; with ``tells_beyond``, each with
    whether it is ``beyond``."""
    more = []
    if tells_beyond:
        found = found.annotate(_beyond=ExpressionWrapper(beyond, BooleanField()))
        more = ["_beyond"]
    parts = [found] if search is None else search.parts(found)
    return union_sql([p.order_by().values_list(*_columns(by), *more)[:most] for p in parts])


def keys_with_fit(
    found: models.QuerySet,
    beyond: Q,
    by: Sequence[SortKey],
    nulls_first: bool,
    most: int,
    search: Search,
) -> models.QuerySet:
    """Returns the first keys in order, each with whether its record has the words."""
    fits = ExpressionWrapper(search.record_condition, BooleanField())
    found = found.filter(beyond).order_by(*order_by(by, nulls_first)).annotate(_fits=fits)
    return found.values_list(*_columns(by), "_fits")[:most]


def some_keys(found: models.QuerySet, beyond: Q, most: int) -> models.QuerySet:
    return found.filter(beyond).order_by().values_list("pk")[:most]


def _columns(by: Sequence[SortKey]) -> list[str]:
    """Returns the columns of a key: the record's id, with which the order ends, and all of the order."""
    return [by[-1].name, *(column.name for column in by)]


def order_by(by: Sequence[SortKey], nulls_first: bool) -> list[Any]:
    order = [column.expression for column in by]
    return [F(by[0].name).asc(nulls_first=True), *order[1:]] if nulls_first else order


def union_sql(parts: Sequence[models.QuerySet]) -> Sql | None:
    """Returns the union of all parts as one statement; None if there can be no records."""
    statements, parameters = [], ()
    for part in parts:
        try:
            sql, given = part.query.sql_with_params()
        except EmptyResultSet:
            continue
        statements.append(f"({sql})")
        parameters += tuple(given)
    return (" UNION ".join(statements), parameters) if statements else None
