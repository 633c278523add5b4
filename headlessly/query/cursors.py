"""Keyset paging: continue after the last record seen, whatever was added or deleted meanwhile.

A cursor holds the sort values and the key of that record, and a fingerprint of the question it belongs to.
The condition "after it" also bounds the first column alone, so that an index on the order finds the place.
Records without a value in that column come last and need a statement of their own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
from django.db.models import Q

from headlessly.declaration import values
from headlessly.errors import InvalidFilter
from headlessly.query.scope import NOTHING
from headlessly.query.sorting import SortKey


def fingerprint(*question: Any) -> str:
    """Returns a hash of the question that a cursor belongs to: the noun, the order, the filters and the
    moment."""
    digest = hashlib.sha256(repr(_canonical(question)).encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest[:9]).decode()


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((str(key), _canonical(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return str(value)


def encode_cursor(mark: str, moment: datetime | None, row: Sequence[Any]) -> str:
    """Returns the cursor after a row of sort values and key, in a list as of ``moment``."""
    said = [str(v) if isinstance(v, Decimal) else v for v in row]
    return base64.urlsafe_b64encode(orjson.dumps([mark, moment, *said])).decode().rstrip("=")


def decode_cursor(
    cursor: Any, mark: str, columns: Sequence[SortKey]
) -> tuple[datetime | None, list[Any]]:
    """Returns the moment and the row in a cursor. Raises InvalidFilter for nonsense, and for another
    question's cursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        said, moment, *row = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        read = [_read_value(column, value) for column, value in zip(columns, row, strict=True)]
        when = None if moment is None else values.clean_moment(None, moment)
    except (ValueError, TypeError, ArithmeticError):
        raise InvalidFilter(
            "This is no cursor: send one that a list gave.", field="cursor"
        ) from None
    if said != mark:
        raise InvalidFilter(
            "This cursor belongs to another sort or filter: start without one.", field="cursor"
        )
    return when, read


def _read_value(column: SortKey, value: Any) -> Any:
    """Returns a value as the column has it. Raises ValueError, TypeError or ArithmeticError."""
    if value is None:
        if not column.nullable:
            raise ValueError
        return None
    match column.type:
        case "datetime":
            return values.clean_moment(None, value)
        case "date":
            return date.fromisoformat(value)
        case "money":
            return _amount(value)
        case "number" | "integer":
            return values.check_number(value)
        case "bool":
            return bool(value)
    values.check_storable(value)
    return value


def _amount(value: Any) -> Decimal:
    found = Decimal(value)
    values.check_number(float(found))
    return found


def conditions_after(columns: Sequence[SortKey], row: Sequence[Any]) -> list[Q]:
    """Returns the conditions of the records after ``row``, one per statement, in the order of the list."""
    first, value = columns[0], row[0]
    rest = _condition_after(columns[1:], row[1:])
    if value is None:
        return [first.equal_to(None) & rest]
    found = [first.from_value(value) & (first.after_value(value) | (first.equal_to(value) & rest))]
    return [*found, first.equal_to(None)] if first.nullable else found


def conditions_before(columns: Sequence[SortKey], row: Sequence[Any]) -> list[Q]:
    """Returns the conditions of the records before ``row``, one per statement, from the nearest backwards."""
    flipped = [replace(column, descending=not column.descending) for column in columns]
    first, value = flipped[0], row[0]
    rest = _condition_before(flipped[1:], row[1:])
    if value is None:
        return [first.equal_to(None) & rest, ~first.equal_to(None)]
    return [first.from_value(value) & (first.after_value(value) | (first.equal_to(value) & rest))]


def _condition_before(flipped: Sequence[SortKey], row: Sequence[Any]) -> Q:
    """Returns the condition "before ``row``" for columns that are flipped: there, records without a value
    come first."""
    if not flipped:
        return NOTHING
    first, value = flipped[0], row[0]
    ahead = ~first.equal_to(None) if value is None else first.after_value(value)
    return ahead | (first.equal_to(value) & _condition_before(flipped[1:], row[1:]))


def _condition_after(columns: Sequence[SortKey], row: Sequence[Any]) -> Q:
    """Returns the condition "after ``row``" in the order of ``columns``; after the key there is nothing left
    to compare."""
    if not columns:
        return NOTHING
    first, value = columns[0], row[0]
    return first.after_value_or_null(value) | (
        first.equal_to(value) & _condition_after(columns[1:], row[1:])
    )
