"""Keyset paging: go on after the last record seen, whatever was added or deleted meanwhile.

A cursor holds the sort values and the key of that record, and a fingerprint of the question it belongs
to. The condition "after it" compares the first column by itself too, so that an index on the sort finds
the place; records without a value in that column come last and are asked for by a statement of their own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
from django.db import models
from django.db.models import Q

from . import values
from .errors import InvalidFilter


@dataclass(frozen=True)
class Column:
    """One column of a sort."""

    name: str
    type: str
    descending: bool
    nullable: bool

    @property
    def order(self) -> Any:
        """Nulls last either way, said only where there can be any: the index is declared so too."""
        if not self.descending:
            return models.F(self.name).asc()
        nulls = {"nulls_last": True} if self.nullable else {}
        return models.F(self.name).desc(**nulls)

    def after(self, value: Any) -> Q:
        """Strictly after ``value`` in this column alone; after null there is nothing."""
        if value is None:
            return Q(pk__in=())
        beyond = Q(**{f"{self.name}__{'lt' if self.descending else 'gt'}": value})
        return beyond | Q(**{f"{self.name}__isnull": True}) if self.nullable else beyond


def fingerprint(*question: Any) -> str:
    """What a cursor belongs to: the noun, its sort and its filters, in eleven characters."""
    return base64.urlsafe_b64encode(hashlib.sha256(repr(question).encode()).digest()[:8]).decode()[:11]


def encode(mark: str, row: Sequence[Any]) -> str:
    """The cursor after a row of sort values and key."""
    said = [float(v) if isinstance(v, Decimal) else v for v in row]
    return base64.urlsafe_b64encode(orjson.dumps([mark, *said])).decode().rstrip("=")


def decode(cursor: Any, mark: str, columns: Sequence[Column]) -> list[Any]:
    """The sort values and key in a cursor. Raises InvalidFilter for another question's or nonsense."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        said, *row = found
        if len(row) != len(columns) or not all(map(_plausible, row)):
            raise ValueError
    except (ValueError, TypeError, binascii.Error):
        raise InvalidFilter("This is no cursor: send one that a list gave.", field="cursor") from None
    if said != mark:
        raise InvalidFilter(
            "This cursor belongs to another sort or filter: start without one.", field="cursor"
        )
    try:
        return [_read(c, v) for c, v in zip(columns, row, strict=True)]
    except ValueError:
        raise InvalidFilter("This is no cursor: send one that a list gave.", field="cursor") from None


def _plausible(value: Any) -> bool:
    return value is None or (
        isinstance(value, str | int | float | bool)
        and not (isinstance(value, str) and values.UNSTORABLE.search(value))
        and not (isinstance(value, int | float) and abs(value) > 2**63 - 1)
    )


def _read(column: Column, value: Any) -> Any:
    match column.type, value:
        case _, None:
            return None
        case "datetime", str():
            return datetime.fromisoformat(value)
        case "date", str():
            return date.fromisoformat(value)
        case "money" | "number" | "integer", int() | float():
            return Decimal(str(value)) if column.type == "money" else value
        case "bool", bool():
            return value
        case ("string" | "text" | "email" | "url" | "enum" | "reference"), str():
            return value
    raise ValueError


def parts(columns: Sequence[Column], row: Sequence[Any]) -> list[Q]:
    """The conditions of the records after ``row``, one per statement, in the order of the list.

    The last column is the key, unique and never null.
    """
    first, value = columns[0], row[0]
    if value is None:
        return [Q(**{f"{first.name}__isnull": True}) & _after(columns[1:], row[1:])]
    bound = Q(**{f"{first.name}__{'lte' if first.descending else 'gte'}": value})
    strictly = Q(**{f"{first.name}__{'lt' if first.descending else 'gt'}": value})
    if len(columns) == 1:
        return [strictly]
    same = Q(**{first.name: value}) & _after(columns[1:], row[1:])
    found = [bound & (strictly | same)]
    return [*found, Q(**{f"{first.name}__isnull": True})] if first.nullable else found


def _after(columns: Sequence[Column], row: Sequence[Any]) -> Q:
    """After ``row`` in the lexical order of ``columns``."""
    column, value = columns[0], row[0]
    beyond = column.after(value)
    if len(columns) == 1:
        return beyond
    same = Q(**({f"{column.name}__isnull": True} if value is None else {column.name: value}))
    return beyond | (same & _after(columns[1:], row[1:]))
