"""Where a record stood in the order of a list when one went from there to its page.

The query of the list carries it to the record's page, under a name that no filter has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import cursors
from headlessly.query.sorting import SortKey

#: What divides the query of a list from a record's place in it.
AT = "&at="


def row_of(columns: Sequence[SortKey], record: Noun) -> list[Any]:
    """The values by which a list puts ``record`` in order; the last is its id."""
    return [column.value_of(record) for column in columns]


def place_encoder(columns: Sequence[SortKey]) -> Callable[[Sequence[Any]], str]:
    """What makes of a row of sort values what the query of a list carries behind :data:`AT`."""
    mark = _mark(columns)
    return lambda row: cursors.encode_cursor(mark, None, row)


def query_with_place(query: str, columns: Sequence[SortKey], row: Sequence[Any]) -> str:
    """The query of a list, with the place of a row of sort values in it."""
    return query + AT + place_encoder(columns)(row)


def split_query(query: str) -> tuple[str, str]:
    """The query of a list, and the place that it carries; empty where it carries none."""
    before, divider, place = query.rpartition(AT)
    return (before, place) if divider else (query, "")


def read_place(place: str, columns: Sequence[SortKey], id: str) -> list[Any] | None:
    """The sort values in a place; None for none, nonsense, another order and another record."""
    if not place:
        return None
    try:
        _moment, row = cursors.decode_cursor(place, _mark(columns), columns)
    except InvalidFilter:
        return None
    return row if row[-1] == id else None


def _mark(columns: Sequence[SortKey]) -> str:
    return cursors.fingerprint(*((column.name, column.descending) for column in columns))
