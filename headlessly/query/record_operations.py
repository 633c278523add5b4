"""What is asked of one record, or done with it, beside its fields and its verbs: why it has the number that
it has, what a rule did and what it would have done.

An app declares a function of the record's id and of what the operation takes; its docstring is what programs
read of it::

    @explains(Lead, "score", schema={...}, in_past=True)
    def explain_score(id: str, as_of: datetime | None = None) -> dict[str, Any]:
        \"\"\"Why a lead has its score.\"\"\"

Every surface has it then: REST at ``GET /leads/{id}/score`` with its part of the OpenAPI document, the client
as ``acme.Lead.score(id)`` and ``headlessly Lead.score ID``, ``manage.py ask lead_.../score``, an agent by the
same id, and scripts what writes. Whoever may read the record may ask, unless ``permit`` says otherwise.
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
    """What an operation takes beside the record. ``in_path`` says the prefix of the ids that stand in its
    address; what does is always said."""

    type: str = "string"  #: string, integer, bool or datetime
    description: str = ""
    choices: tuple[str, ...] = ()
    in_path: str = ""

    def read(self, name: str, value: Any) -> Any:
        """The value of what was said. Raises BadRequest or InvalidFilter, which say what is allowed. What is
        a number is said by whoever counts by it."""
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
        """As ``/schema`` says it, like an input of a verb."""
        said = {
            "type": "enum" if self.choices else self.type,
            "description": self.description or None,
            "choices": list(self.choices) or None,
            "required": True if self.in_path else None,
        }
        return {key: value for key, value in said.items() if value is not None}


#: What several of them take, and the API has a name for.
AS_OF = Parameter("datetime", "As it was at this moment.")
DRY_RUN = Parameter("bool", "Answer what would happen, and do nothing.")
PAGE = {
    "limit": Parameter("integer", "How many on a page."),
    "offset": Parameter("integer"),
    "cursor": Parameter(description="Where the page before ended, whatever came meanwhile."),
}


def nobody_is_refused() -> None:
    """Whoever may read the record may ask."""


@dataclass(frozen=True)
class RecordOperation:
    """One of them: of a record of ``noun``, under a name."""

    noun: type[Record]
    name: str
    schema: Mapping[str, Any]  #: of the answer in JSON Schema; of a list that of each in it
    function: Answer
    takes: Mapping[str, Parameter]
    method: str = "GET"  #: POST for what takes long or does something
    writes: bool = False
    in_past: bool = False
    is_paged: bool = False
    path: str = ""  #: behind the record, ``runs/<run>/stop``; the name unless said
    component: str = ""  #: what the schema of its answer is called; ``LeadScore`` unless said
    status: int = 200
    columns: tuple[str, ...] = ()  #: what a table of a list shows
    permit: Callable[[], None] = nobody_is_refused  #: raises Forbidden

    @property
    def key(self) -> str:
        """By which it is known: ``Lead.score``."""
        return f"{self.noun.__name__}.{self.name}"

    @property
    def description(self) -> str:
        return " ".join((self.function.__doc__ or "").split())

    @property
    def in_query(self) -> tuple[str, ...]:
        """What stands behind the question mark of its address."""
        return tuple(name for name, each in self.takes.items() if not each.in_path)

    def answer(self, id: Any, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer about the record with this id, to what was ``given`` by its names on the wire.

        Raises NotFound and Forbidden before it says anything of what was given, then BadRequest."""
        self.require(id, given or {})
        return self.call(id, given or {})

    def require(self, id: Any, given: Mapping[str, Any]) -> None:
        """Raise Forbidden or NotFound where it is not for whoever asks."""
        self.permit()
        reads.find_record(self.noun, id, as_of=given.get("asOf") if self.in_past else None)

    def call(self, id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, where it may be asked for. Raises BadRequest."""
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
        """As ``/schema`` says it, for clients."""
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
    """Declare what is asked of each record of ``noun``, or done with it, under ``name``. The function has
    what the operation ``takes`` by the names of Python: ``as_of``, ``from_``."""
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


#: What only says something; what is tried at length, and writes nothing; and what changes something.
explains = partial(record_operation, method="GET")
tries = partial(record_operation, method="POST")
does = partial(record_operation, method="POST", writes=True, status=202)


def record_operations(noun: type[Record]) -> list[RecordOperation]:
    """Those of one noun, in the order in which they were declared."""
    return [each for each in _known.values() if each.noun is noun]


def named_operation(
    noun: type[Record], name: str, *, writes: bool | None = None
) -> RecordOperation | None:
    """The one of this name, if there is any; only what ``writes``, or does not, where that is said."""
    found = _known.get(f"{noun.__name__}.{name}")
    return found if found and writes in (None, found.writes) else None


def describe_operations(noun: type[Record]) -> dict[str, Any]:
    """Those of one noun, as ``/schema`` says them."""
    return {each.name: each.as_json() for each in record_operations(noun)}


def by_path(found: Iterable[RecordOperation]) -> dict[str, list[RecordOperation]]:
    """Operations by their address: one may be read there, and another done."""
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
