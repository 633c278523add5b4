"""Queries that are asked again and again with other arguments: made by Django once, then prepared.

Django compiles a query each time it is asked, which costs ten times what the database takes to answer one
that finds a record by its key. What verbs and hooks ask of each record is declared as a function that answers
the query::

    @prepared_query
    def open_tasks(lead: str) -> QuerySet:
        return Activity.objects.filter(lead=lead, status__in=Activity.OPEN).values_list("pk")

    for (id,) in open_tasks(lead.pk): ...

It is compiled once for each tenant, and for whoever sees less than others; the statement is the same for all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from django.db import models

from headlessly.access import tenancy, visibility
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.shapes import cached_by_shape

P = ParamSpec("P")

#: How many compiled queries are kept of each shape, and of all tenants without one.
MOST_KEPT = 2_048


class _Argument(str):
    """The name of an argument, which stands for it while its query is compiled."""


def prepared_query(
    build: Callable[P, models.QuerySet[Any, tuple[Any, ...]]],
) -> Callable[P, list[tuple[Any, ...]]]:
    """Answer the rows of the query that ``build`` makes: of columns as the driver reads them.

    Its arguments are texts, such as keys. What the query is made of depends neither on them nor on the time.
    """
    names = tuple(inspect.signature(build).parameters)

    @wraps(build)
    def ask(*args: P.args, **kwargs: P.kwargs) -> list[tuple[Any, ...]]:
        given = dict(zip(names, args, strict=False)) | kwargs
        sql, wanted = _compiled(build, names, tenancy.require().pk, visibility.visible_owner())
        return execute_prepared(
            sql, [given[each] if type(each) is _Argument else each for each in wanted]
        )

    return ask


@cached_by_shape(most=MOST_KEPT)
def _compiled(
    build: Callable[..., models.QuerySet], names: tuple[str, ...], tenant: int, person: str | None
) -> tuple[str, tuple[Any, ...]]:
    """The statement of a query, and its parameters."""
    sql, wanted = build(*map(_Argument, names)).query.sql_with_params()
    if lost := set(names) - {each for each in wanted if type(each) is _Argument}:
        raise TypeError(f"{build.__name__} makes its query of {', '.join(sorted(lost))}.")
    return sql, tuple(wanted)
