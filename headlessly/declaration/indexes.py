"""Which filters and orders the declared indexes of a noun can answer without sorting."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from django.db import models
from django.db.models.expressions import OrderBy

from headlessly.declaration.folding import Folded

#: The condition of an index without deleted records. Every list has the same condition.
LIVE = models.Q(deleted_at=None)
#: A column of an index, and whether it is descending.
IndexColumn = tuple[str, bool]


def index_of_reference(reference: str, *order: str, name: str) -> models.Index:
    """Returns an index of the records of a tenant that have this reference. Records without it cost
    nothing."""
    return models.Index(
        fields=["tenant", reference, *order],
        condition=models.Q(**{f"{reference}__isnull": False}),
        name=name,
    )


def first_filled(*columns: str) -> Any:
    """Returns the expression of the first of these columns that has a value, for an index and what it is to
    find: PostgreSQL uses no index on COALESCE where a policy protects the rows, as it takes it for
    something that might reveal them."""
    *others, last = columns
    if not others:
        return models.F(last)
    filled = [models.When(**{f"{name}__isnull": False}, then=name) for name in others]
    return models.Case(*filled, default=last)


@cache
def _orders_of_tenant(
    model: type[models.Model],
) -> tuple[tuple[models.Q | None, tuple[IndexColumn, ...]], ...]:
    """Returns for each index that begins with the tenant its condition and its further columns."""
    named = (
        (index.condition, index_columns(model, index))
        for index in model._meta.indexes
        if type(index) is models.Index
    )
    return tuple(
        (condition, tuple(columns[1:]))
        for condition, columns in named
        if columns[:1] == [("tenant_id", False)]
    )


@cache
def index_orders(model: type[models.Model]) -> tuple[tuple[IndexColumn, ...], ...]:
    """Returns the further columns of each index that begins with the tenant and has all live records."""
    found = _orders_of_tenant(model)
    return tuple(columns for condition, columns in found if condition in (None, LIVE))


def index_columns(model: type[models.Model], index: models.Index) -> list[IndexColumn]:
    """Returns the columns of an index in its order, up to an expression that is no column, folded or not."""
    named = [(name, bool(sign)) for name, sign in index.fields_orders]
    for expression in index.expressions:
        ordered = expression if isinstance(expression, OrderBy) else None
        column = ordered.expression if ordered else expression
        suffix = ""
        if isinstance(column, Folded):
            column, suffix = column.get_source_expressions()[0], f"__{Folded.lookup_name}"
        if not isinstance(column, models.F):
            break
        name: str = column.name  # type: ignore[attr-defined]  # the stubs do not know of it
        named.append((name + suffix, bool(ordered and ordered.descending)))
    fields = {field.name: field.attname for field in model._meta.concrete_fields}
    return [(fields.get(name, name), descending) for name, descending in named]


def has_index_for(
    model: type[models.Model], equal: Collection[str], columns: Sequence[Any]
) -> bool:
    """Whether an index yields the records with one value in each column of ``equal`` in this order."""
    either = _both_ways(model, columns)
    return any(_fits_order(steps, set(equal), either) for steps in index_orders(model))


def has_index_of_each(
    model: type[models.Model], column: str, values: Collection[Any], columns: Sequence[Any]
) -> bool:
    """Whether an index yields the records with any one of these values in ``column`` in this order. A partial
    index will do, if it has all these values."""
    either = _both_ways(model, columns)
    return any(
        _fits_order(steps, {column}, either)
        and ((held := _values_held(condition, column)) is None or held.issuperset(values))
        for condition, steps in _orders_of_tenant(model)
    )


def _values_held(condition: models.Q | None, column: str) -> set[Any] | None:
    """Returns the values of ``column`` that an index has; None for all, an empty set if its condition is of
    another form."""
    if condition in (None, LIVE):
        return None
    stated: dict[str, Any] = dict(each for each in condition.children if isinstance(each, tuple))
    plain = condition.connector == models.Q.AND and not condition.negated
    if (
        not plain
        or len(stated) != len(condition.children)
        or stated.pop("deleted_at", 0) is not None
    ):
        return set()
    held = stated.pop(f"{column}__in", ())
    return set() if stated else set(held)


def _both_ways(model: type[models.Model], columns: Sequence[Any]) -> list[list[IndexColumn]]:
    """Returns the order of these columns and its reverse, because an index can be read both ways."""
    key = model._meta.pk.attname
    wanted = [(key if c.name == "pk" else c.name, c.descending) for c in columns]
    return [wanted, [(name, not descending) for name, descending in wanted]]


def _fits_order(
    steps: Sequence[IndexColumn], equal: set[str], either: Iterable[list[IndexColumn]]
) -> bool:
    led, rest = steps[: len(equal)], list(steps[len(equal) :])
    return (
        bool(rest)
        and {name for name, _ in led} == equal
        and any(rest in (way[: len(rest)], [*way, *rest[len(way) :]]) for way in either)
    )


def has_descending_index(model: type[models.Model], name: str) -> bool:
    """Whether an index has the column in descending order. Read backwards, it has the nulls first."""
    return any((name, True) in steps for steps in index_orders(model))


def has_index_of_ranges(model: type[models.Model], name: str) -> bool:
    """Whether an index has the records of a tenant in the order of this column, at least all live ones with a
    value: then a range is found without reading others."""
    there = {LIVE, models.Q(**{f"{name}__isnull": False}), _live_with(name)}
    return any(
        type(index) is models.Index
        and (index.condition is None or index.condition in there)
        and [column for column, _ in index_columns(model, index)[:2]] == ["tenant_id", name]
        for index in model._meta.indexes
    )


def _live_with(name: str) -> models.Q:
    """Returns the condition for live records with a value, as nouns write it."""
    return models.Q(**{f"{name}__isnull": False, "deleted_at": None})
