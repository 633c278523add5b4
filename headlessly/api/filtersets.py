"""Plain query parameters (``?status=New&score__gte=80``) as django-filter's filters.

A noun has more than a hundred possible parameters and a query uses two of them, so a filterset
holds only those that it is asked for. What one means is :mod:`headlessly.lookups`' business.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import Q, QuerySet
from django_filters import CharFilter, FilterSet

from .. import lookups, reads
from ..errors import InvalidFilter
from ..filters import Scope
from ..nouns import Noun


class Condition(CharFilter):
    """One condition on a field, or on a field of a record that is referred to."""

    def __init__(self, path: str, lookup: str) -> None:
        super().__init__(field_name=path, lookup_expr=lookup, strip=False)

    def q(self, scope: Scope, text: str) -> Q:
        return lookups.condition(scope, self.field_name, self.lookup_expr, text)


class NounFilterSet(FilterSet):
    """The conditions of one query on one noun. Made by :func:`of`."""

    noun: type[Noun]

    def __init__(self, data: dict[str, str], *, as_of: Any = None) -> None:
        # Not the base's: it copies every filter, for state that these do not have.
        self.data, self.is_bound = data, True
        self.filters = self.base_filters
        self.scope = Scope(self.noun, reads.when(as_of))

    @property
    def conditions(self) -> list[Q]:
        """The conditions, for a reader that puts the query together itself."""
        return [f.q(self.scope, self.data[name]) for name, f in self.filters.items()]

    @property
    def qs(self) -> QuerySet:
        return self.scope.queryset().filter(*self.conditions)


@lru_cache(maxsize=512)
def of(noun: type[Noun], names: tuple[str, ...]) -> type[NounFilterSet]:
    """The filterset with these parameters. Raises InvalidFilter for one that does not exist."""
    filters = {name: Condition(*_parsed(noun, name)) for name in names}
    return type(f"{noun.__name__}FilterSet", (NounFilterSet,), filters | {"noun": noun})


def _parsed(noun: type[Noun], name: str) -> tuple[str, str]:
    from .parameters import LIST

    try:
        return lookups.parse(noun, name)
    except InvalidFilter as problem:
        problem.message += f" Other parameters: {', '.join(LIST)}."
        raise
