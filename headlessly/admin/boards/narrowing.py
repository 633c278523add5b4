"""What the board takes from the list: its filters, its search, its chips and its addresses."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.http import HttpRequest

from headlessly.admin.lists.address import Address, SearchFilter
from headlessly.admin.sites import TenantSite
from headlessly.declaration.schema import Field
from headlessly.nouns import Noun
from headlessly.query import filters, reads
from headlessly.query.search import Search

#: What a list may be asked for and a board may not: it is about now, and about all columns.
NOT_HERE = ("asOf", "deleted", "columns", "p", "view")


class Narrowing:
    """The records that an address asks for, without a page of them."""

    def __init__(self, request: HttpRequest, noun: type[Noun], site: TenantSite) -> None:
        asked = request.GET.copy()
        for name in NOT_HERE:
            asked.pop(name, None)
        self.address = Address(noun, asked, site)
        self.problem = self.address.problem

    @cached_property
    def queryset(self) -> models.QuerySet:
        """The records that fit, whatever words are searched for."""
        stated = self.address.filter_of(c for c in self.active if not isinstance(c, SearchFilter))
        return self.address.scope.queryset().filter(
            filters.compile_filter(self.address.scope, stated)
        )

    @cached_property
    def search(self) -> Search | None:
        return reads.make_search(self.address.scope, self.address.query)

    @property
    def active(self) -> list[Any]:
        return self.address.active

    @property
    def params(self) -> dict[str, str]:
        return self.address.given

    def chips(self) -> list[dict[str, str]]:
        return [
            {"label": c.label, "value": c.in_words(), "without": self.address.without(c)}
            for c in self.active
        ]

    def chosen(self, field: Field) -> list[str]:
        """The values of ``field`` that the address asks for; empty when it does not."""
        return next((f.values() for f in self.address.facets if f.name == field.wire), [])

    def get_query_string(self, changes: dict[str, Any] | None = None) -> str:
        asked = {k: v for k, v in (self.params | (changes or {})).items() if v}
        return f"?{urlencode(asked, safe=',')}"
