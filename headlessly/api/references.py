"""References from an operation of a batch to the answers of earlier ones.

``{"$ref": "ada", "path": "$id"}`` anywhere in a body, ``{ada.$id}`` in a path: a field of that answer,
with dots into what it holds (``results.0.$id``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from headlessly.api.bodies import MAX_BODY_SIZE
from headlessly.errors import BadRequest, DependencyFailed, Invalid, TooLarge
from headlessly.log.events import dump_json

#: No JSON in a query string looks like this: its braces are followed by quotes.
PLACEHOLDER = re.compile(r"\{([\w-]{1,64})\.([^{}\"\s]{1,200})\}")
SEGMENTS = re.compile(r"[^.]{1,64}(\.[^.]{1,64}){0,15}\Z")
#: How deep a body of a batch may be nested; no field takes nearly as much.
MAX_DEPTH = 100


def find_references(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each ``{"$ref": ...}`` in ``value`` and where it is. Raises BadRequest for a body too deep."""
    if depth > MAX_DEPTH:
        raise BadRequest(f"{place[:200]} is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        if "$ref" in value:
            yield place, value
            return
        for key, item in value.items():
            yield from find_references(item, f"{place}.{key[:64]}", depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from find_references(item, f"{place}.{number}", depth + 1)


class OperationAnswers:
    """The answers of the operations so far."""

    def __init__(self) -> None:
        self._written: dict[str, bytes] = {}
        self._read: dict[str, Any] = {}
        self._failed: set[str] = set()
        self._taken = 0

    def keep_answer(self, id: str | None, status: int, content: bytes) -> None:
        if id is None:
            return
        if status >= 400:
            self._failed.add(id)
        else:
            self._written[id] = content

    def read_value(self, id: str, path: str, place: str) -> Any:
        """Returns a part of an operation's answer. Raises DependencyFailed or Invalid, at ``place``."""
        if id in self._failed:
            raise DependencyFailed(
                f"Operation {id!r}, which this one refers to, failed.", field=place
            )
        if id not in self._read:
            self._read[id] = orjson.loads(self._written[id] or b"null")
        found = self._read[id]
        for segment in path.split("."):
            if isinstance(found, dict) and segment in found:
                found = found[segment]
            elif isinstance(found, list) and _is_index(segment, found):
                found = found[int(segment)]
            else:
                raise Invalid.for_fields({place: f"Operation {id!r} answered without {path!r}."})
        return found

    def fill_body(self, body: dict[str, Any]) -> dict[str, Any]:
        """Returns the body with every reference replaced by its value."""
        self._taken = 0
        found = self._fill_value(body, "body")
        if not isinstance(found, dict):
            raise Invalid.for_fields({"body": "What this refers to is not an object."})
        return found

    def _fill_value(self, value: Any, place: str) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return self._limited_value(
                    self.read_value(value["$ref"], value.get("path", "$id"), place)
                )
            return {k: self._fill_value(item, f"{place}.{k[:64]}") for k, item in value.items()}
        if isinstance(value, list):
            return [self._fill_value(item, f"{place}.{n}") for n, item in enumerate(value)]
        return value

    def _limited_value(self, value: Any) -> Any:
        # A few bytes of references may stand for gigabytes: their values have the same limit as a body.
        self._taken += len(dump_json(value))
        if self._taken > MAX_BODY_SIZE:
            raise TooLarge("With all that it refers to, this body is larger than 10 MB.")
        return value

    def fill_path(self, text: str) -> str:
        """Returns the path with every placeholder replaced by its value, quoted."""

        def fill(match: re.Match[str]) -> str:
            value = self.read_value(match.group(1), match.group(2), "path")
            if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
                raise Invalid.for_fields({"path": f"{match.group()} is no text and no number."})
            # In an address a slash, also an escaped one, would lead elsewhere.
            if "/" in str(value) and match.start() < end:
                raise Invalid.for_fields({"path": f"{match.group()} has a slash in it."})
            return quote(str(value), safe="")

        end = len(text.partition("?")[0])
        return PLACEHOLDER.sub(fill, text)


def _is_index(segment: str, found: list[Any]) -> bool:
    short = segment.isascii() and segment.isdecimal() and len(segment) < 8
    return short and int(segment) < len(found)
