"""What a batch says, checked as a whole before any of it is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headlessly.api.references import PLACEHOLDER, SEGMENTS, find_references
from headlessly.errors import BadRequest

#: The most operations of a batch.
MAX_OPERATIONS = 100
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ID = re.compile(r"[\w-]{1,64}\Z")
MAX_PATH_LENGTH = 8000
#: How many mistakes one answer lists.
MAX_PROBLEMS = 100


@dataclass(frozen=True)
class Operation:
    """One call of a batch, well formed; whether its address exists is seen when it is its turn."""

    number: int
    id: str | None
    method: str
    path: str
    body: dict[str, Any]
    if_match: str | None

    @property
    def name(self) -> str:
        """How a message calls it: by its id, else by its place."""
        return f"operation {self.number}" if self.id is None else f"operation {self.id!r}"


def read_operations(data: dict[str, Any]) -> tuple[list[Operation], bool]:
    """The operations in ``data`` and whether they are atomic.

    Raises BadRequest that names each mistake, also a reference to what is not earlier in the batch.
    """
    reader = OperationReader()
    reader.refuse_other_keys("", data, ("operations", "atomic"))
    atomic = data.get("atomic")
    if atomic is not None and not isinstance(atomic, bool):
        reader.note_problem("atomic", "true or false")
    given = data.get("operations")
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_OPERATIONS:
        reader.note_problem("operations", f"a list of 1 to {MAX_OPERATIONS} operations")
        given = []
    operations = [reader.read_operation(number, each) for number, each in enumerate(given)]
    reader.check_references(operations)
    reader.raise_problems()
    return list(filter(None, operations)), atomic is True


class OperationReader:
    """Reads operations and collects what is wrong with them, by the place where it is."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        self.places: dict[str, int] = {}

    def note_problem(self, place: str, wanted: str) -> None:
        self.problems.setdefault(place, f"Send {wanted}.")

    def refuse_other_keys(self, place: str, given: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in given:
            if key not in known:
                self.problems.setdefault(
                    f"{place}{key[:64]}", f"There is no such key here. Keys: {', '.join(known)}."
                )

    def raise_problems(self) -> None:
        if not self.problems:
            return
        details = [{"field": f, "message": m} for f, m in self.problems.items()][:MAX_PROBLEMS]
        first = details[0]
        more = f" {len(self.problems) - 1} more in details." if len(self.problems) > 1 else ""
        raise BadRequest(
            f"{first['field']}: {first['message']}{more}", field=first["field"], details=details
        )

    def read_operation(self, number: int, given: Any) -> Operation | None:
        """One operation, or None where it has none of the shape; what is wrong is noted."""
        place = f"operations.{number}"
        if not isinstance(given, dict):
            self.note_problem(place, "an object with method and path")
            return None
        self.refuse_other_keys(f"{place}.", given, ("id", "method", "path", "body", "headers"))
        method, path, body = given.get("method"), given.get("path"), given.get("body")
        if method not in METHODS:
            self.note_problem(f"{place}.method", f"one of {', '.join(METHODS)}")
        if not isinstance(path, str) or not 1 <= len(path) <= MAX_PATH_LENGTH:
            self.note_problem(f"{place}.path", "an address of this tenant, such as /leads")
            path = ""
        if not isinstance(body, dict | None):
            self.note_problem(f"{place}.body", "a JSON object")
            body = None
        return Operation(
            number,
            self._read_id(number, given.get("id")),
            f"{method}",
            path,
            body or {},
            self._read_if_match(f"{place}.headers", given.get("headers")),
        )

    def _read_id(self, number: int, id: Any) -> str | None:
        place = f"operations.{number}.id"
        if id is None:
            return None
        if not isinstance(id, str) or not ID.match(id):
            self.note_problem(place, "a name of 1 to 64 letters, digits, - or _")
            return None
        if id in self.places:
            self.problems[place] = f"Operation {self.places[id]} is called {id!r} too."
        self.places.setdefault(id, number)
        return id

    def _read_if_match(self, place: str, headers: Any) -> str | None:
        """The one header that an operation may have of its own."""
        if headers is None:
            return None
        if not isinstance(headers, dict):
            self.note_problem(place, "an object of headers")
            return None
        found = None
        for name, value in headers.items():
            if name.lower() != "if-match":
                self.problems[f"{place}.{name[:64]}"] = "An operation takes no header but If-Match."
            elif not isinstance(value, str):
                self.note_problem(f"{place}.{name}", "the version in quotes, such as '\"3\"'")
            else:
                found = value
        return found

    # -- references -------------------------------------------------------------------------------

    def check_references(self, operations: list[Operation | None]) -> None:
        for operation in filter(None, operations):
            for place, id in self._find_references(operation):
                at = self.places.get(id)
                if at is None:
                    self.problems[place] = f"There is no operation {id!r} in this batch."
                elif at >= operation.number:
                    which = "This operation" if at == operation.number else f"Operation {id!r}"
                    self.problems[place] = (
                        f"{which} is not before this one: refer to those that are."
                    )

    def _find_references(self, operation: Operation) -> Iterator[tuple[str, str]]:
        """Where the operation refers to which ids; malformed references are noted."""
        place = f"operations.{operation.number}"
        address = operation.path.partition("?")[0]
        if re.search(r"[{}]", PLACEHOLDER.sub("", address)):
            self.note_problem(f"{place}.path", "a reference as {id.$id}, in braces")
        for id, _ in PLACEHOLDER.findall(operation.path):
            yield f"{place}.path", id
        for where, reference in find_references(operation.body, f"{place}.body"):
            self.refuse_other_keys(f"{where}.", reference, ("$ref", "path"))
            id, path = reference["$ref"], reference.get("path", "$id")
            if not isinstance(path, str) or not SEGMENTS.match(path):
                self.note_problem(
                    f"{where}.path", "a field of that operation's answer, such as $id"
                )
            if isinstance(id, str):
                yield where, id[:64]
            else:
                self.note_problem(f"{where}.$ref", "the id of an operation before this one")
