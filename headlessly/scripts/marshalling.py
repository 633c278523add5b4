"""Values on their way between the sandbox and the host: checked, with their size limited while they are
copied.

A value of a few kilobytes may represent a billion items: a list of ten times the same list, ten levels deep.
So the size that counts is that of its JSON, and counting stops at the limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pydantic_monty import MontyClassProxy

from headlessly.declaration.registry import registry
from headlessly.declaration.values import to_json_value
from headlessly.log.events import plain_json
from headlessly.scripts.prelude import EVENT

#: The maximum depth of nested lists and objects.
DEPTH = 32
#: The maximum size of one call's input as JSON, in bytes: that of a request's body.
INPUT = 1_000_000


PackedRecord = tuple[str, Any, dict[str, Any], str | None]


class NotJson(Exception):
    """A value that is not JSON; the message says what it is. With ``size`` it is too large."""

    def __init__(self, message: str, *, size: bool = False) -> None:
        super().__init__(message)
        self.size = size


def to_host(value: Any) -> Any:
    """Returns what a script passes to a verb or a read: JSON, with records as their ids. Raises NotJson."""
    return _BoundedCopy(INPUT, records=False).copy(value)


def to_caller(value: Any, most: int) -> Any:
    """Returns the value of a script: JSON, with records as on every surface. Raises NotJson."""
    return _BoundedCopy(most, records=True).copy(value)


class _BoundedCopy:
    def __init__(self, most: int, *, records: bool) -> None:
        self.left, self.records = most, records

    def copy(self, value: Any, depth: int = 0) -> Any:
        self._spend(2)
        match value:
            case None | bool():
                return value
            case str():
                self._spend(len(value))
                return value
            case int():
                if not -(2**63) <= value < 2**63:
                    raise NotJson("A whole number of more than 64 bits is no JSON.")
                return value
            case float():
                if not math.isfinite(value):
                    raise NotJson(f"The number {value} is no JSON.")
                return value
            case Decimal():
                return self.copy(to_json_value(value), depth)
            case datetime():
                aware = value if value.tzinfo else value.isoformat() + "Z"
                return aware if isinstance(aware, str) else plain_json(value)
            case date() | time():
                return value.isoformat()
            case timedelta():
                raise NotJson("A timedelta is no JSON: use its days or total_seconds().")
            case Mapping():
                return self._object(value, depth)
            case list() | tuple() | set() | frozenset():
                return self._list(value, depth)
            case MontyClassProxy():
                return self._record(value, depth)
        raise NotJson(f"{_with_article(type(value).__name__)} is no JSON.")

    def _object(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        self._check_depth(depth)
        found = {}
        for key, item in value.items():
            if isinstance(key, bool) or key is None:
                key = {True: "true", False: "false", None: "null"}[key]
            elif isinstance(key, int | float):
                key = str(key)
            elif not isinstance(key, str):
                raise NotJson(
                    f"The keys of an object are text: {_with_article(type(key).__name__)} is none."
                )
            self._spend(len(key))
            found[key] = self.copy(item, depth + 1)
        return found

    def _list(self, value: Iterable[Any], depth: int) -> list[Any]:
        self._check_depth(depth)
        return [self.copy(item, depth + 1) for item in value]

    def _record(self, value: MontyClassProxy, depth: int) -> Any:
        data = value.attributes.get("_data")
        if (value.name not in registry and value.name != EVENT) or not isinstance(data, dict):
            raise NotJson(f"{_with_article(value.name)} is no JSON: use its values.")
        if self.records:
            return self._object(data, depth)
        id = data.get("$id")
        if not isinstance(id, str):
            raise NotJson(f"This {value.name} has no $id.")
        return id

    def _spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise NotJson("This is too much.", size=True)

    def _check_depth(self, depth: int) -> None:
        if depth >= DEPTH:
            raise NotJson(f"Lists and objects lie more than {DEPTH} deep in each other.")


def _with_article(name: str) -> str:
    name = {"MontyStdTypeProxy": "function", "MontyClassTypeProxy": "class", "type": "class"}.get(
        name, name
    )
    return f"{'An' if name[:1].lower() in 'aeiou' else 'A'} {name[:64]}"


def pack_record(
    record: dict[str, Any], included: Iterable[str] = (), as_of: datetime | None = None
) -> PackedRecord:
    """Returns a record for the sandbox: its noun, its JSON, the records that it includes, and the moment as
    of which it was read."""
    data = plain_json(record)
    moment = as_of.isoformat() if as_of else None
    others = {name: _pack_included(data[name], moment) for name in included if data.get(name)}
    return (data["$type"], data, others, moment)


def _pack_included(found: Any, moment: str | None) -> Any:
    """Returns an included record, or those of the other side of a reference."""
    if isinstance(found, list):
        return [(item["$type"], item, {}, moment) for item in found]
    return (found["$type"], found, {}, moment)
