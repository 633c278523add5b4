"""What is said of one record beside its fields: why it has the number that it has, what a rule would do.

An app declares a function of the record's id and, for the past, a moment; its docstring is what programs
read of it::

    @explains(Lead, "score", schema={...}, in_past=True)
    def explain_score(id: str, as_of: datetime | None) -> dict[str, Any]:
        \"\"\"Why a lead has its score.\"\"\"

REST has it at ``GET /leads/{id}/score``, an agent by the id ``lead_.../score``. Whoever may read the
record may read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from headlessly.errors import InvalidFilter
from headlessly.query import reads

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

Answer = Callable[[str, datetime | None], dict[str, Any]]
F = TypeVar("F", bound=Answer)


@dataclass(frozen=True)
class Explanation:
    """What is said of a record of ``noun`` under a name."""

    noun: type[Record]
    name: str
    schema: Mapping[str, Any]  #: of the answer, in JSON Schema
    in_past: bool  #: whether it can be asked of a moment
    function: Answer
    has_address: bool = (
        True  #: whether REST has it here; else its app serves it itself, with more to ask
    )

    @property
    def key(self) -> str:
        """By which it is known: ``Lead.score``."""
        return f"{self.noun.__name__}.{self.name}"

    @property
    def component(self) -> str:
        """What the schema of its answer is called: ``LeadScore``."""
        return f"{self.noun.__name__}{self.name[0].upper()}{self.name[1:]}"

    @property
    def description(self) -> str:
        return " ".join((self.function.__doc__ or "").split())

    @property
    def parameters(self) -> tuple[str, ...]:
        return ("asOf",) if self.in_past else ()

    def of(self, id: str, as_of: Any = None) -> dict[str, Any]:
        """The answer about the record with this id. Raises NotFound and InvalidFilter."""
        if as_of is not None and not self.in_past:
            raise InvalidFilter("This is said of now alone.", field="asOf")
        reads.find_record(self.noun, id, as_of=as_of)
        return self.function(id, reads.check_moment(as_of))


_known: dict[str, Explanation] = {}


def explains(
    noun: type[Record],
    name: str,
    *,
    schema: Mapping[str, Any],
    in_past: bool = False,
    has_address: bool = True,
) -> Callable[[F], F]:
    """Declare what is said of each record of ``noun`` under ``name``. One that ``has_address`` not is
    for agents, who have no other way to what the app serves under it."""

    def declare(function: F) -> F:
        found = Explanation(noun, name, schema, in_past, function, has_address)
        _known[found.key] = found
        return function

    return declare


def explanations(noun: type[Record] | None = None) -> dict[str, Explanation]:
    """All of them by key, or those of one noun."""
    return {key: each for key, each in _known.items() if noun is None or each.noun is noun}


def explanations_with_address(noun: type[Record]) -> list[Explanation]:
    """Those of one noun that REST answers by itself."""
    return [each for each in explanations(noun).values() if each.has_address]
