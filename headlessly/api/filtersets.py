"""The conditions of a query string (``?status=New&score__gte=80``) as django-filter's filters.

Each noun has one filter set, made from its declaration and set as ``filterset_class`` on what lists it. Its
filters clean a parameter into the filter language, ``{"score": {"$gte": 80}}``; what a condition does to a
statement is :mod:`headlessly.query.filters`' business, for every surface alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet

from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.declaration.shapes import cached_by_shape
from headlessly.query import filters, querystring

_TEXT_LOOKUPS = ("exact", "in", "icontains", "istartswith", "isnull")
_CHOICE_LOOKUPS = ("exact", "in", "nin", "isnull")
_ORDERED_LOOKUPS = ("exact", "gt", "gte", "lt", "lte", "isnull")
#: The lookups that a field of each type is declared with. Others are taken where they mean something
#: (:data:`headlessly.query.querystring.LOOKUP_OPERATORS`), as paths over references are.
LOOKUPS_BY_TYPE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("string", "text", "email", "url"), _TEXT_LOOKUPS),
    **dict.fromkeys(("enum", "reference"), _CHOICE_LOOKUPS),
    **dict.fromkeys(("number", "integer", "money", "date", "datetime"), _ORDERED_LOOKUPS),
    "bool": ("exact", "isnull"),
    "choices": ("exact", "in", "all", "nin", "isnull"),
    "json": ("isnull",),
}
#: What every record carries, by the names that need no escaping; ``$createdAt`` is taken as well.
META_CONDITIONS = {
    "$id": ("exact", "in"),
    "createdAt": ("gt", "gte", "lt", "lte"),
    "updatedAt": ("gt", "gte", "lt", "lte"),
    "createdBy": ("exact", "in"),
}


class ConditionFilter(CharFilter):
    """One condition: a lookup on a field of the noun, or on one behind its references."""

    def __init__(self, noun: type[Record], field_name: str, lookup_expr: str) -> None:
        super().__init__(field_name=field_name, lookup_expr=lookup_expr, strip=False)
        self.noun = noun

    @property
    def declared_field(self) -> Field:
        """The field of the declaration that the condition is about."""
        return querystring.field_at_path(self.noun, self.field_name)

    def clean(self, text: str) -> dict[str, Any]:
        """The condition in the filter language. Raises InvalidFilter for a value that does not fit."""
        return querystring.lookup_filter(self.noun, self.field_name, self.lookup_expr, text)

    def filter(self, qs: QuerySet, value: str) -> QuerySet:
        return qs.filter(filters.compile_filter(self.noun, self.clean(value)))


class NounFilterSet(FilterSet):
    """The filters of one noun; :func:`filterset_for` makes its class.

    ``conditions`` is what a list is read by: it has to know what is asked, to find the index that carries it.
    ``qs`` filters a queryset of one's own by the same.
    """

    noun: ClassVar[type[Record]]

    @classmethod
    def get_filters(cls) -> dict[str, ConditionFilter]:
        """The declared filters by parameter, in the order of the noun's fields."""
        if (noun := getattr(cls, "noun", None)) is None:
            return {}
        lookups = {f.wire: LOOKUPS_BY_TYPE[f.type] for f in noun.schema.stored}
        if noun.schema.machine and filters.REACHED[1] not in lookups:
            lookups[filters.REACHED[1]] = ("exact", "in")
        lookups |= dict.fromkeys(noun.schema.joins, LOOKUPS_BY_TYPE["reference"])
        lookups |= {f.wire: LOOKUPS_BY_TYPE["reference"] for f in noun.schema.joined_facets}
        return {
            cls.get_filter_name(path, lookup): ConditionFilter(noun, path, lookup)
            for path, named in (lookups | META_CONDITIONS).items()
            for lookup in named
        }

    def __init__(
        self, data: Mapping[str, str], queryset: QuerySet | None = None, **options: Any
    ) -> None:
        # Not the base's, which copies every declared filter: a noun has a hundred, a list asks for two.
        self.data, self.queryset, self.is_bound = data, queryset, True
        self.request, self.form_prefix = options.get("request"), options.get("prefix")
        self.filters = {name: self._filter_by_name(name) for name in data}

    def _filter_by_name(self, name: str) -> ConditionFilter:
        """The filter of a parameter. Raises InvalidFilter for a field or a lookup that does not exist."""
        if (declared := self.base_filters.get(name)) is not None:
            return declared
        return ConditionFilter(self.noun, *querystring.parse_lookup(self.noun, name))

    @cached_property
    def conditions(self) -> list[dict[str, Any]]:
        """What was asked for, in the filter language. Raises InvalidFilter."""
        return [self.filters[name].clean(text) for name, text in self.data.items()]

    @property
    def qs(self) -> QuerySet:
        """The given queryset, else all records, under these conditions. Raises InvalidFilter."""
        found = self.noun.objects.all() if self.queryset is None else self.queryset
        for name, text in self.data.items():
            found = self.filters[name].filter(found, text)
        return found


@cached_by_shape
def filterset_for(noun: type[Record]) -> type[NounFilterSet]:
    """The noun's own filter set."""
    return type(f"{noun.__name__}FilterSet", (NounFilterSet,), {"noun": noun})
