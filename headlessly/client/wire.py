"""Names and values between Python and JSON."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

#: What every record carries: its name in Python → on the wire.
META = {
    "id": "$id",
    "type": "$type",
    "context": "$context",
    "version": "$version",
    "created_at": "$createdAt",
    "created_by": "$createdBy",
    "updated_at": "$updatedAt",
}


def wire_name(name: str) -> str:
    """``lost_reason`` → ``lostReason``; what is on the wire already stays as it is."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def python_name(wire: str) -> str:
    """``lostReason`` → ``lost_reason``."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", wire).lower()


def option_name(wire: str) -> str:
    """``lostReason`` → ``lost-reason``."""
    return python_name(wire).replace("_", "-")


def path_segment(id: str) -> str:
    """A record's id as one part of an address, whatever is in it."""
    return quote(id, safe="").replace(".", "%2E")


def id_of(target: Any) -> str:
    """The id of a record, or of the record that is meant by it. Raises TypeError."""
    id = target if isinstance(target, str) else getattr(target, "id", None)
    if isinstance(target, Mapping):
        id = target.get("$id")
    if not isinstance(id, str) or not id:
        raise TypeError(f"This needs a record or its id, not {target!r}.")
    return id


def path_segment_of(target: Any) -> str:
    """A record as one part of an address; one that a batch is yet to make by its reference."""
    if hasattr(type(target), "as_segment"):
        return target.as_segment()
    return path_segment(id_of(target))


def dumps(value: Any) -> bytes:
    """JSON. Raises TypeError for what it cannot say, ValueError for infinity and NaN."""
    return json.dumps(
        value, default=json_default, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode("utf-8", "surrogatepass")


def json_default(value: Any) -> Any:
    """A value of Python as JSON says it: moments in ISO 8601, records by their ids."""
    if hasattr(type(value), "as_wire"):
        return value.as_wire()
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Enum():
            return value.value
        case set() | frozenset() | tuple():
            return list(value)
        case Mapping():
            return dict(value)
    raise TypeError(f"{value!r} is not JSON: send text, a number, a moment, a list or a record.")


def comma_separated(names: str | Iterable[str] | None) -> str | None:
    """Names as a query says them: with commas."""
    if names is None or isinstance(names, str):
        return names or None
    return ",".join(names) or None


def sort_text(sort: str | Mapping[str, Any] | Iterable[str] | None) -> str | None:
    """``{"score": "desc"}`` or a list as ``-score``. Raises ValueError for another direction."""
    if not isinstance(sort, Mapping):
        return comma_separated(sort)
    for name, direction in sort.items():
        if direction not in ("asc", "desc", 1, -1):
            raise ValueError(
                f'A sort looks like {{"score": "desc"}}, not {{"{name}": {direction!r}}}.'
            )
    return ",".join(f"-{n}" if d in ("desc", -1) else n for n, d in sort.items()) or None


def moment_text(value: str | date | None) -> str | None:
    """A moment as a query says it; words such as ``7d ago`` stay what they are."""
    return value.isoformat() if isinstance(value, date) else value


def query_pairs(**parameters: Any) -> tuple[tuple[str, str], ...]:
    """The parameters that have a value, as text."""
    return tuple(
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in parameters.items()
        if value is not None and value is not False
    )


def file_value(value: Any) -> Any:
    """A file as a body has it: of bytes, of a path or of an open file; what is encoded already stays."""
    name = ""
    if isinstance(value, PurePath):
        name, value = value.name, Path(value).read_bytes()
    elif hasattr(value, "read"):
        name, value = PurePath(str(getattr(value, "name", ""))).name, value.read()
    if not isinstance(value, bytes):
        return value
    content = base64.b64encode(value).decode()
    return {"name": name, "content": content} if name else content
