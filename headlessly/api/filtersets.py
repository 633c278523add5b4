"""Plain query parameters (``?status=New&score__gte=80``) as django-filter's filters.

A noun has more than a hundred possible parameters and a query uses two of them, so a filterset
holds only those that it is asked for. What one means is :mod:`headlessly.query.querystring`' business.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet

from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import filters, querystring, reads
from headlessly.query.scope import Scope


class Condition(CharFilter):
    """One condition on a field, or on a field of a record that is referred to."""

    def __init__(self, path: str, lookup: str) -> None:
        super().__init__(field_name=path, lookup_expr=lookup, strip=False)

    def stated(self, noun: type[Noun], text: str) -> dict[str, Any]:
        """The same in the filter language."""
        return querystring.lookup_filter(noun, self.field_name, self.lookup_expr, text)

    def filter(self, queryset: QuerySet, value: str) -> QuerySet:
        scope = self.parent.scope
        return queryset.filter(filters.compile_filter(scope, self.stated(scope.noun, value)))


class NounFilterSet(FilterSet):
    """The conditions of one query on one noun. Made by :func:`of`."""

    noun: type[Noun]

    def __init__(self, data: dict[str, str], *, as_of: Any = None) -> None:
        # Not the base's: it copies every filter, for state that these do not have.
        self.data, self.is_bound = data, True
        self.filters = self.base_filters
        self.scope = Scope(self.noun, reads.check_moment(as_of))

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """The conditions, for a reader that puts the query together itself."""
        return [f.stated(self.noun, self.data[name]) for name, f in self.filters.items()]

    @property
    def qs(self) -> QuerySet:
        return self.scope.queryset().filter(*self.conditions)


@lru_cache(maxsize=512)
def of(noun: type[Noun], names: tuple[str, ...], others: tuple[str, ...]) -> type[NounFilterSet]:
    """The filterset with these parameters. Raises InvalidFilter for one that does not exist."""
    filters = {name: Condition(*_parsed(noun, name, others)) for name in names}
    return type(f"{noun.__name__}FilterSet", (NounFilterSet,), filters | {"noun": noun})


def _parsed(noun: type[Noun], name: str, others: tuple[str, ...]) -> tuple[str, str]:
    try:
        return querystring.parse_lookup(noun, name)
    except InvalidFilter as problem:
        problem.message += f" Other parameters: {', '.join(others)}."
        raise
