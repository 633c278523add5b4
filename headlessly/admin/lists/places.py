"""The position of a record in the order of a list when somebody went from there to its page.

The query of the list carries it to the record's page, under a name that no filter has. The record's id, by
which records with equal values are sorted, stands in the address of that page already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import cursors
from headlessly.query.sorting import SortKey

#: Separates the query of a list from a record's position in it.
AT = "&at="


def row_of(columns: Sequence[SortKey], record: Noun) -> list[Any]:
    """Returns the values by which a list sorts ``record``; the last one is its id."""
    return [column.value_of(record) for column in columns]


def place_encoder(columns: Sequence[SortKey]) -> Callable[[Sequence[Any]], str]:
    """Returns the function that encodes a row of sort values for the query, after :data:`AT`."""
    mark = _mark(columns)
    return lambda row: cursors.encode_cursor(mark, None, row[:-1])


def query_with_place(query: str, columns: Sequence[SortKey], row: Sequence[Any]) -> str:
    """Returns the query of a list with a row of sort values as the position."""
    return query + AT + place_encoder(columns)(row)


def split_query(query: str) -> tuple[str, str]:
    """Returns the query of a list and the position in it, which may be empty."""
    before, divider, place = query.rpartition(AT)
    return (before, place) if divider else (query, "")


def read_place(place: str, columns: Sequence[SortKey], id: str) -> list[Any] | None:
    """Returns the sort values of a position, of which ``id`` is the last; None if it is missing, malformed,
    or belongs to another order."""
    if not place:
        return None
    try:
        _moment, row = cursors.decode_cursor(place, _mark(columns), columns[:-1])
    except InvalidFilter:
        return None
    return [*row, id]


def _mark(columns: Sequence[SortKey]) -> str:
    return cursors.fingerprint(*((column.name, column.descending) for column in columns))
