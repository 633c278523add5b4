"""The neighbours of a record in the list that one came from.

The address of a record keeps its list's own query in ``in``, and with it where in the list's order the record
stood when one came: working on it may move it in the list or out of it, and what followed it follows still.
The records before and after it are found by comparing that place along the list's index: the list itself is
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

#: How far a place is counted: "12 of 84", but nothing in a list of thousands.
COUNTED = 500


@dataclass
class Neighbours:
    """From a record back to its list and on to its neighbours, with the query that goes along."""

    query: str
    list_url: str
    previous: str = ""
    next: str = ""
    place: int | None = None  #: counted from 1
    total: int | None = None
    left: bool = False  #: the record fits the list no more
    queue_url: str = ""  #: where the whole order of the list is asked for

    @property
    def keep(self) -> str:
        """What the addresses of this record's pages carry on."""
        return keep_list(self.query)


class ListWalk:
    """One record's way through one list."""

    def __init__(self, site: TenantSite, record: Noun, query: str) -> None:
        self.record, self.query = record, query
        self.noun = type(record)
        self.list_query, self.anchor = places.split_query(query)
        self.address = Address(self.noun, self.list_query, site)
        self.many = False

    def neighbours(self) -> Neighbours:
        """The neighbours; none for a list that does not exist any more."""
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
        """The records of the list in its order, this one aside; None for a list of no records of now."""
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
        """Where the first of ``found`` in one of ``parts`` is, or nowhere."""
        names = [column.name for column in self.columns]
        for part in parts:
            if row := next(iter(found.filter(part).values_list(*names)[:1]), None):
                query = places.query_with_place(self.list_query, self.columns, row)
                return display.page_url(self.noun, "change", row[-1]) + keep_list(query)
        return ""

    @staticmethod
    def _count(found: Any) -> int:
        return found.order_by()[: COUNTED + 1].values("pk").count()
