"""The neighbours of a record in the list that the person came from.

The address of a record keeps its list's query in ``in``, together with the record's position in the order
of the list at that time: working on the record may move it in the list or out of it, but its neighbours
stay the same. They are found by comparing with that position along the list's index; the list itself is
never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headlessly.admin import display
from headlessly.admin.lists import places
from headlessly.admin.lists.address import Address
from headlessly.admin.pages import keep_list
from headlessly.admin.sites import TenantSite
from headlessly.nouns import Noun
from headlessly.query import cursors, scope, sorting
from headlessly.query.paging import narrow_by_search

#: Up to how many records a position is counted: "12 of 84", but nothing in a list of thousands.
COUNTED = 500


@dataclass
class Neighbours:
    """The links from a record to its list and its neighbours, with the query that is carried along."""

    query: str
    list_url: str
    previous: str = ""
    next: str = ""
    place: int | None = None  #: counted from 1
    total: int | None = None
    left: bool = False  #: whether the record no longer matches the list
    queue_url: str = ""  #: the address of the whole order of the list

    @property
    def keep(self) -> str:
        """The query that the addresses of this record's pages carry on."""
        return keep_list(self.query)


class ListWalk:
    """A record in a list."""

    def __init__(self, site: TenantSite, record: Noun, query: str) -> None:
        self.record, self.query = record, query
        self.noun = type(record)
        self.list_query, self.anchor = places.split_query(query)
        self.address = Address(self.noun, self.list_query, site)
        self.many = False

    def neighbours(self) -> Neighbours:
        """Returns the neighbours, without any if the list no longer exists."""
        list_url = display.page_url(self.noun, "changelist") + (
            self.list_query and f"?{self.list_query}"
        )
        found = Neighbours(self.query, list_url)
        if self.queryset is None:
            return found
        found.queue_url = f"{display.page_url(self.noun, 'queue')}?{self.list_query}"
        after = cursors.conditions_after(self.columns, self.row)
        before = cursors.conditions_before(self.columns, self.row)
        found.next = self._address(self.queryset, after)
        found.previous = self._address(self.queryset.reverse(), before)
        found.left = not self._whole.filter(pk=self.record.pk).exists()
        total = COUNTED if self.many else self._count(self.queryset)
        if total < COUNTED and not found.left:
            found.place = sum(self._count(self.queryset.filter(part)) for part in before) + 1
            found.total = total + 1
        return found

    @cached_property
    def queryset(self) -> Any:
        """The other records of the list in its order; None if the list shows the past or deleted records."""
        if self.address.problem or not self.address.live:
            return None
        return self._whole.order_by(*self.address.order()).exclude(pk=self.record.pk)

    @cached_property
    def _whole(self) -> Any:
        found, self.many = narrow_by_search(self.address.narrowed(), self.address.search)
        return found

    @cached_property
    def columns(self) -> list[sorting.SortKey]:
        return sorting.sort_keys(scope.Scope(self.noun), ",".join(self.address.sort))

    @cached_property
    def row(self) -> list[Any]:
        then = places.read_place(self.anchor, self.columns, self.record.pk)
        return then or places.row_of(self.columns, self.record)

    def _address(self, found: Any, parts: list[Any]) -> str:
        """Returns the address of the first record of ``found`` that matches one of ``parts``, or an empty
        text."""
        names = [column.name for column in self.columns]
        for part in parts:
            if row := next(iter(found.filter(part).values_list(*names)[:1]), None):
                query = places.query_with_place(self.list_query, self.columns, row)
                return display.page_url(self.noun, "change", row[-1]) + keep_list(query)
        return ""

    @staticmethod
    def _count(found: Any) -> int:
        return found.order_by()[: COUNTED + 1].values("pk").count()
