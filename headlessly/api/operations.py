"""What a batch says, checked as a whole before any of it is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rest_framework.fields import ListField, empty
from rest_framework.serializers import ValidationError

from headlessly.api.json_schema import TEXT, object_schema
from headlessly.api.references import PLACEHOLDER, SEGMENTS, find_references
from headlessly.api.serializers import CheckedField, InputSerializer, wanted_field
from headlessly.declaration.registry import registry
from headlessly.errors import BadRequest

#: The most operations of a batch.
MAX_OPERATIONS = 100
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ID = re.compile(r"[\w-]{1,64}\Z")
MAX_PATH_LENGTH = 8000
#: How many mistakes one answer lists.
MAX_PROBLEMS = 100


def check_headers(value: Any) -> str | None:
    """The one header that an operation may have of its own."""
    if not isinstance(value, dict | None):
        raise ValueError("Send an object of headers.")
    found, problems = None, {}
    for name, text in (value or {}).items():
        if name.lower() != "if-match":
            problems[name[:64]] = "An operation takes no header but If-Match."
        elif not isinstance(text, str):
            problems[name] = "Send the version in quotes, such as '\"3\"'."
        else:
            found = text
    if problems:
        raise ValidationError(problems)
    return found


class OperationInput(InputSerializer):
    """One call of a batch."""

    unknown = "There is no such key here. Keys: {}."

    id = wanted_field(
        TEXT | {"pattern": r"^[\w-]{1,64}$"},
        lambda value: isinstance(value, str) and ID.match(value) is not None,
        "a name of 1 to 64 letters, digits, - or _",
        default=None,
    )
    method = wanted_field(
        TEXT | {"enum": list(METHODS)},
        lambda value: value in METHODS,
        f"one of {', '.join(METHODS)}",
    )
    path = wanted_field(
        lambda: TEXT | {"examples": [f"/{next(iter(registry.values())).plural}"]},
        lambda value: isinstance(value, str) and 1 <= len(value) <= MAX_PATH_LENGTH,
        "an address of this tenant, such as /leads",
        help_text="Of this tenant: /leads, or /leads/{first.$id}/convert.",
    )
    body = wanted_field(
        {"type": "object"}, lambda value: isinstance(value, dict), "a JSON object", default=None
    )
    headers = CheckedField(
        object_schema({"If-Match": TEXT}, []), check_headers, default=None, source="if_match"
    )


class OperationsField(ListField):
    child = OperationInput()

    def run_validation(self, data: Any = empty) -> Any:
        """The operations as they were sent: each is read by itself, so that all mistakes are told."""
        if not isinstance(data, list) or not 1 <= len(data) <= MAX_OPERATIONS:
            raise ValidationError(f"Send a list of 1 to {MAX_OPERATIONS} operations.")
        return data


class BatchInput(InputSerializer):
    unknown = OperationInput.unknown

    operations = OperationsField(min_length=1, max_length=MAX_OPERATIONS)
    atomic = wanted_field(
        {"type": "boolean"},
        lambda value: isinstance(value, bool),
        "true or false",
        default=None,
    )


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
    asked, problems = BatchInput().read_values(data)
    operations: list[Operation] = []
    reader = OperationInput()
    for number, each in enumerate(asked.get("operations", ())):
        place = f"operations.{number}"
        if not isinstance(each, dict):
            problems[place] = "Send an object with method and path."
            continue
        found, wrong = reader.read_values(each)
        problems |= {f"{place}.{name}": message for name, message in wrong.items()}
        operations.append(
            Operation(
                number,
                found.get("id"),
                found.get("method", ""),
                found.get("path", ""),
                found.get("body") or {},
                found.get("if_match"),
            )
        )
    for name, message in _reference_problems(operations):
        problems.setdefault(name, message)
    if problems:
        raise _problems_as_error(problems)
    return operations, asked.get("atomic") is True


def _problems_as_error(problems: dict[str, str]) -> BadRequest:
    details = [{"field": f, "message": m} for f, m in problems.items()][:MAX_PROBLEMS]
    first = details[0]
    more = f" {len(problems) - 1} more in details." if len(problems) > 1 else ""
    return BadRequest(
        f"{first['field']}: {first['message']}{more}", field=first["field"], details=details
    )


def _reference_problems(operations: list[Operation]) -> Iterator[tuple[str, str]]:
    """What is wrong with the names of operations and with what refers to them, and where."""
    numbers: dict[str, int] = {}
    for operation in operations:
        if operation.id is not None and operation.id in numbers:
            message = f"Operation {numbers[operation.id]} is called {operation.id!r} too."
            yield f"operations.{operation.number}.id", message
        elif operation.id is not None:
            numbers[operation.id] = operation.number
    for operation in operations:
        for place, id, message in _find_references(operation):
            if id is None:
                yield place, message
            elif (at := numbers.get(id)) is None:
                yield place, f"There is no operation {id!r} in this batch."
            elif at >= operation.number:
                which = "This operation" if at == operation.number else f"Operation {id!r}"
                yield place, f"{which} is not before this one: refer to those that are."


def _find_references(operation: Operation) -> Iterator[tuple[str, str | None, str]]:
    """Where the operation refers to which ids; of a malformed reference, None and what is wrong with it."""
    place = f"operations.{operation.number}"
    address = operation.path.partition("?")[0]
    if re.search(r"[{}]", PLACEHOLDER.sub("", address)):
        yield f"{place}.path", None, "Send a reference as {id.$id}, in braces."
    for id, _ in PLACEHOLDER.findall(operation.path):
        yield f"{place}.path", id, ""
    for where, reference in find_references(operation.body, f"{place}.body"):
        for key in reference.keys() - {"$ref", "path"}:
            yield f"{where}.{key[:64]}", None, OperationInput.unknown.format("$ref, path")
        id, path = reference["$ref"], reference.get("path", "$id")
        if not isinstance(path, str) or not SEGMENTS.match(path):
            message = "Send a field of that operation's answer, such as $id."
            yield f"{where}.path", None, message
        if isinstance(id, str):
            yield where, id[:64], ""
        else:
            yield f"{where}.$ref", None, "Send the id of an operation before this one."
