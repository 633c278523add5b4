"""Orders: ``"-score,createdAt"`` or ``{"score": "desc"}``, nulls last, ties broken by id.

Text is sorted folded (:mod:`headlessly.declaration.folding`): one order for every language, so that one
index has it and a cursor means the same place for every reader. Amounts of several currencies are sorted
converted (:mod:`headlessly.query.money`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q

from headlessly.declaration.folding import Folded, fold
from headlessly.errors import InvalidFilter
from headlessly.query import money
from headlessly.query.filters import META_FIELDS, find_field
from headlessly.query.scope import NOTHING, Scope

MAX_SORT_KEYS = 8
#: The way in which other languages write a direction.
DIRECTION = re.compile(r"(?P<name>\S+)(?:\s+|:)(?P<direction>asc|desc)", re.IGNORECASE)
#: Text that people write is sorted ignoring case and accents, as they look names up.
WRITTEN = ("string", "text", "email")


@dataclass(frozen=True)
class SortKey:
    """One column of an order, with the conditions that compare rows with a value in it."""

    name: str
    type: str
    descending: bool
    nullable: bool

    def value_of(self, record: Any) -> Any:
        """Returns the value in this column by which a list sorts ``record``."""
        if self.name.endswith(f"__{money.Converted.lookup_name}"):
            found = type(record).with_deleted.filter(pk=record.pk)
            return found.values_list(self.name, flat=True).first()
        column, is_folded, _rest = self.name.partition(f"__{Folded.lookup_name}")
        value = getattr(record, column)
        return fold(value) if is_folded and value is not None else value

    @property
    def expression(self) -> Any:
        """The order with nulls last in either direction; this is explicit only if there can be nulls, as in
        the declaration of the index."""
        if not self.descending:
            return models.F(self.name).asc()
        return models.F(self.name).desc(**({"nulls_last": True} if self.nullable else {}))

    def after_value(self, value: Any) -> Q:
        """Returns the condition for rows strictly after ``value`` in this column, without nulls."""
        return Q(**{f"{self.name}__{'lt' if self.descending else 'gt'}": value})

    def from_value(self, value: Any) -> Q:
        """Returns the condition for rows with ``value`` and those after it, without nulls."""
        return Q(**{f"{self.name}__{'lte' if self.descending else 'gte'}": value})

    def equal_to(self, value: Any) -> Q:
        return Q(**({f"{self.name}__isnull": True} if value is None else {self.name: value}))

    def after_value_or_null(self, value: Any) -> Q:
        """Returns the condition for rows strictly after ``value``, including nulls, which come last."""
        if value is None:
            return NOTHING
        return (
            self.after_value(value) | self.equal_to(None)
            if self.nullable
            else self.after_value(value)
        )


def sort_keys(scope: Scope, sort: Any) -> list[SortKey]:
    """Returns the sort keys of an order, of which the record's id is the last. Raises InvalidFilter for other
    fields."""
    noun = scope.noun
    named = _parse_sort(sort) if sort else _parse_sort(noun.Surface.ordering)
    found: list[SortKey] = []
    descending = False
    for name, descending in named:
        field = find_field(noun, name)
        if field.computed is not None or field.type in ("json", "choices"):
            raise InvalidFilter(f"{name} cannot be sorted by.", field=name)
        if field.column == "pk":
            return [*found, SortKey(scope.key, "string", descending, nullable=False)]
        nullable = field.nullable
        written = field.type in WRITTEN and field not in META_FIELDS.values()
        column = f"{field.column}__{Folded.lookup_name}" if written else field.column
        if money.is_converted(noun, field):
            column, nullable = money.converted_name(noun, field), True
        found.append(SortKey(column, field.type, descending, nullable))
    return [*found, SortKey(scope.key, "string", descending, nullable=False)]


def columns_of(found: models.QuerySet) -> list[SortKey]:
    """Returns the order of a queryset that is not of records, whose columns all have a value; nothing if it
    has an expression."""
    named = [str(name) for name in found.query.order_by if isinstance(name, str)]
    if len(named) < len(found.query.order_by):
        return []
    return [
        SortKey(name, _column_type(found.model, name), each.startswith("-"), nullable=False)
        for each in named
        for name in [each.removeprefix("-")]
    ]


def _column_type(model: type[models.Model], name: str) -> str:
    column = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if isinstance(column, models.DateTimeField):
        return "datetime"
    return "integer" if isinstance(column, models.IntegerField) else "string"


def order_by_expressions(scope: Scope, sort: Any) -> list[Any]:
    """Returns the order as ``QuerySet.order_by`` takes it."""
    return [column.expression for column in sort_keys(scope, sort)]


def _parse_sort(sort: Any) -> list[tuple[str, bool]]:
    """Returns the fields to sort by, and whether each is in descending order."""
    if isinstance(sort, Mapping):
        pairs = []
        for name, direction in sort.items():
            if direction not in ("asc", "desc", 1, -1):
                raise InvalidFilter('A sort looks like {"score": "desc"}.', field=str(name)[:64])
            pairs.append((str(name), direction in ("desc", -1)))
    elif isinstance(sort, str | list | tuple):
        names = sort.split(",") if isinstance(sort, str) else sort
        if not all(isinstance(name, str) for name in names):
            raise InvalidFilter("A sort is a list of names of fields.", field="sort")
        stripped = [name.strip() for name in names if name.strip()]
        for name in stripped:
            if (said := DIRECTION.fullmatch(name)) is not None:
                sign = "-" if said["direction"].lower() == "desc" else ""
                raise InvalidFilter(
                    f"{name[:64]} is said as {sign}{said['name'][:64]}.", field=name[:64]
                )
        pairs = [(name.removeprefix("-"), name.startswith("-")) for name in stripped]
    else:
        raise InvalidFilter(
            'A sort looks like "-score,createdAt" or {"score": "desc"}.', field="sort"
        )
    if len(pairs) > MAX_SORT_KEYS:
        raise InvalidFilter(f"At most {MAX_SORT_KEYS} fields can be sorted by.", field="sort")
    return pairs
