"""Operations on one record beside its fields and verbs, such as explaining its score or running a rule.

An app declares a function of the record's id and the operation's parameters; its docstring is what programs
read about it::

    @explains(Lead, "score", schema={...}, in_past=True)
    def explain_score(id: str, as_of: datetime | None = None) -> dict[str, Any]:
        \"\"\"Why a lead has its score.\"\"\"

Every surface has it then: REST at ``GET /leads/{id}/score`` with its part of the OpenAPI document, the client
as ``acme.Lead.score(id)`` and ``headlessly Lead.score ID``, ``manage.py ask lead_.../score``, an agent by the
same id, and scripts if it writes. Whoever may read the record may ask, unless ``permit`` refuses.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from headlessly.declaration.schema import snake_name
from headlessly.errors import BadRequest, InvalidFilter, did_you_mean
from headlessly.query import reads

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

Answer = Callable[..., dict[str, Any]]
F = TypeVar("F", bound=Answer)


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation. With ``in_path`` it is an id in the operation's address, with that prefix,
    and always required."""

    type: str = "string"  #: string, integer, bool or datetime
    description: str = ""
    choices: tuple[str, ...] = ()
    in_path: str = ""

    def read(self, name: str, value: Any) -> Any:
        """Returns the value of a parameter. Raises BadRequest or InvalidFilter, which say what is allowed.
        Numbers are checked by the operation itself."""
        match self.type:
            case "datetime":
                return _read_moment(name, value)
            case "bool":
                return _read_boolean(name, value)
            case "string" if not isinstance(value, str):
                raise BadRequest(f"{name} is text.", field=name)
        if self.choices and value not in self.choices:
            raise BadRequest(f"{name}: use one of {', '.join(self.choices)}.", field=name)
        return value

    def as_json(self) -> dict[str, Any]:
        """Returns it as ``/schema`` has it, like an input of a verb."""
        said = {
            "type": "enum" if self.choices else self.type,
            "description": self.description or None,
            "choices": list(self.choices) or None,
            "required": True if self.in_path else None,
        }
        return {key: value for key, value in said.items() if value is not None}


#: Common parameters, which have the same names all over the API.
AS_OF = Parameter("datetime", "As it was at this moment.")
DRY_RUN = Parameter("bool", "Answer what would happen, and do nothing.")
PAGE = {
    "limit": Parameter("integer", "How many on a page."),
    "offset": Parameter("integer"),
    "cursor": Parameter(description="Where the page before ended, whatever came meanwhile."),
}


def nobody_is_refused() -> None:
    """Allow everybody who may read the record."""


@dataclass(frozen=True)
class RecordOperation:
    """One operation on the records of ``noun``, under a name."""

    noun: type[Record]
    name: str
    schema: Mapping[str, Any]  #: of the answer, in JSON Schema; for a list, of each item
    function: Answer
    takes: Mapping[str, Parameter]
    method: str = "GET"  #: POST if it takes long or does something
    writes: bool = False
    in_past: bool = False
    is_paged: bool = False
    path: str = ""  #: after the record's address: ``runs/<run>/stop``; by default the name
    component: str = ""  #: the name of its answer's schema; by default such as ``LeadScore``
    status: int = 200
    columns: tuple[str, ...] = ()  #: of a table, for a list
    permit: Callable[[], None] = nobody_is_refused  #: raises Forbidden

    @property
    def key(self) -> str:
        """Its name in a registry: ``Lead.score``."""
        return f"{self.noun.__name__}.{self.name}"

    @property
    def description(self) -> str:
        return " ".join((self.function.__doc__ or "").split())

    @property
    def in_query(self) -> tuple[str, ...]:
        """The names of the parameters in the query string."""
        return tuple(name for name, each in self.takes.items() if not each.in_path)

    def answer(self, id: Any, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Returns the answer about the record with this id; ``given`` has the parameters by their wire names.

        Raises NotFound and Forbidden before it checks the parameters, then BadRequest.
        """
        self.require(id, given or {})
        return self.call(id, given or {})

    def require(self, id: Any, given: Mapping[str, Any]) -> None:
        """Raise Forbidden or NotFound if the caller may not use it on this record."""
        self.permit()
        reads.find_record(self.noun, id, as_of=given.get("asOf") if self.in_past else None)

    def call(self, id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer, without checking the permission. Raises BadRequest."""
        said = {name: value for name, value in given.items() if value is not None}
        for name in said:
            if name not in self.takes:
                there = f"It takes {', '.join(self.takes)}." if self.takes else "It takes none."
                near = did_you_mean(name, self.takes)
                raise BadRequest(f"{self.key} takes no {name[:64]}.{near} {there}", field=name[:64])
        for name, each in self.takes.items():
            if each.in_path and name not in said:
                raise BadRequest(f"{name}: {self.key} needs it.", field=name)
        asked = {_python_name(n): self.takes[n].read(n, value) for n, value in said.items()}
        return self.function(id, **asked)

    def as_json(self) -> dict[str, Any]:
        """Returns it as ``/schema`` has it, for clients."""
        said = {
            "description": self.description,
            "method": self.method,
            "path": self.path.replace("<", "{").replace(">", "}"),
            "takes": {name: each.as_json() for name, each in self.takes.items()},
            "writes": self.writes or None,
            "paged": self.is_paged or None,
            "columns": list(self.columns) or None,
        }
        return {key: value for key, value in said.items() if value is not None}


_known: dict[str, RecordOperation] = {}


def record_operation(
    noun: type[Record],
    name: str,
    *,
    schema: Mapping[str, Any],
    takes: Mapping[str, Parameter] | None = None,
    is_paged: bool = False,
    in_past: bool = False,
    path: str = "",
    component: str = "",
    **more: Any,
) -> Callable[[F], F]:
    """Declare an operation on each record of ``noun`` under ``name``. The function receives the parameters in
    ``takes`` by their Python names: ``as_of``, ``from_``."""
    taken = {**(takes or {}), **({"asOf": AS_OF} if in_past else {}), **(PAGE if is_paged else {})}

    def declare(function: F) -> F:
        found = RecordOperation(
            noun,
            name,
            schema,
            function,
            taken,
            in_past=in_past,
            is_paged=is_paged,
            path=path or name,
            component=component or f"{noun.__name__}{name[0].upper()}{name[1:]}",
            **more,
        )
        _known[found.key] = found
        return function

    return declare


#: Operations that only explain; that try something at length and write nothing; and that change something.
explains = partial(record_operation, method="GET")
tries = partial(record_operation, method="POST")
does = partial(record_operation, method="POST", writes=True, status=202)


def record_operations(noun: type[Record]) -> list[RecordOperation]:
    """Returns the operations of one noun in the order of declaration."""
    return [each for each in _known.values() if each.noun is noun]


def named_operation(
    noun: type[Record], name: str, *, writes: bool | None = None
) -> RecordOperation | None:
    """Returns the operation with this name, or None; if ``writes`` is given, only one that does or does
    not."""
    found = _known.get(f"{noun.__name__}.{name}")
    return found if found and writes in (None, found.writes) else None


def describe_operations(noun: type[Record]) -> dict[str, Any]:
    """Returns the operations of one noun, as ``/schema`` has them."""
    return {each.name: each.as_json() for each in record_operations(noun)}


def by_path(found: Iterable[RecordOperation]) -> dict[str, list[RecordOperation]]:
    """Returns operations by their address: one may be for reading, and another for writing."""
    paths: dict[str, list[RecordOperation]] = {}
    for each in found:
        paths.setdefault(each.path, []).append(each)
    return paths


def _python_name(wire: str) -> str:
    name = snake_name(wire)
    return f"{name}_" if keyword.iskeyword(name) else name


def _read_moment(name: str, value: Any) -> Any:
    if name == "asOf":
        return reads.check_moment(value)
    try:
        return reads.read_moment(name, value)
    except InvalidFilter as problem:
        raise BadRequest(problem.message, field=name) from None


def _read_boolean(name: str, value: Any) -> bool:
    said = value.lower() if isinstance(value, str) else value
    if isinstance(said, bool):
        return said
    if said not in ("true", "false"):
        raise BadRequest(f"{name} is true or false.", field=name)
    return bool(said == "true")
