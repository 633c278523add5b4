"""Conversion of names and values between Python and JSON."""

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

#: The fields of every record: Python name → wire name.
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
    """Returns the wire name: ``lost_reason`` → ``lostReason``. A wire name stays as it is."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def python_name(wire: str) -> str:
    """Returns the Python name: ``lostReason`` → ``lost_reason``."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", wire).lower()


def option_name(wire: str) -> str:
    """Returns the name of a command-line option: ``lostReason`` → ``lost-reason``."""
    return python_name(wire).replace("_", "-")


def path_segment(id: str) -> str:
    """Returns an id as one segment of a path, whatever characters it has."""
    return quote(id, safe="").replace(".", "%2E")


def id_of(target: Any) -> str:
    """Returns the id of a record, or the id itself. Raises TypeError."""
    id = target if isinstance(target, str) else getattr(target, "id", None)
    if isinstance(target, Mapping):
        id = target.get("$id")
    if not isinstance(id, str) or not id:
        raise TypeError(f"This needs a record or its id, not {target!r}.")
    return id


def path_segment_of(target: Any) -> str:
    """Returns a record as one segment of a path; a record that a batch is yet to create as its reference."""
    if hasattr(type(target), "as_segment"):
        return target.as_segment()
    return path_segment(id_of(target))


def dumps(value: Any) -> bytes:
    """Returns the value as JSON. Raises TypeError for an unsupported type, ValueError for infinity and
    NaN."""
    return json.dumps(
        value, default=json_default, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode("utf-8", "surrogatepass")


def json_default(value: Any) -> Any:
    """Converts a Python value for JSON: moments to ISO 8601, records to their ids."""
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
    """Returns names separated by commas."""
    if names is None or isinstance(names, str):
        return names or None
    return ",".join(names) or None


def sort_text(sort: str | Mapping[str, Any] | Iterable[str] | None) -> str | None:
    """Returns the query parameter of a sort, such as ``-score`` for ``{"score": "desc"}``. Raises
    ValueError for another direction."""
    if not isinstance(sort, Mapping):
        return comma_separated(sort)
    for name, direction in sort.items():
        if direction not in ("asc", "desc", 1, -1):
            raise ValueError(
                f'A sort looks like {{"score": "desc"}}, not {{"{name}": {direction!r}}}.'
            )
    return ",".join(f"-{n}" if d in ("desc", -1) else n for n, d in sort.items()) or None


def moment_text(value: str | date | None) -> str | None:
    """Returns the query parameter of a moment; words such as ``7d ago`` stay as they are."""
    return value.isoformat() if isinstance(value, date) else value


def query_pairs(**parameters: Any) -> tuple[tuple[str, str], ...]:
    """Returns the parameters that have a value, as text."""
    return tuple(
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in parameters.items()
        if value is not None and value is not False
    )


def file_value(value: Any) -> Any:
    """Returns a file as JSON: ``value`` is bytes, a path or an open file. Anything else stays as it is."""
    name = ""
    if isinstance(value, PurePath):
        name, value = value.name, Path(value).read_bytes()
    elif hasattr(value, "read"):
        name, value = PurePath(str(getattr(value, "name", ""))).name, value.read()
    if not isinstance(value, bytes):
        return value
    content = base64.b64encode(value).decode()
    return {"name": name, "content": content} if name else content
