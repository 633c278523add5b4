"""What an action of a resource answers and takes, said where it is done: OpenAPI is made of this.

What else the document says of it follows: its address from the router, its words from the docstring, its
errors from the method and from who may ask (:mod:`headlessly.api.openapi.resources`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from headlessly.api.json_schema import Schema
from headlessly.api.parameters import PAGE
from headlessly.api.serializers import InputSerializer, WireSerializer

View = TypeVar("View", bound=Callable[..., Any])
#: In the place of a serializer: the answer is a table.
TABLE = "text/csv"


@dataclass(frozen=True)
class Described:
    """One action; ``answer`` is None where it has no body."""

    answer: type[WireSerializer] | str | None
    takes: type[InputSerializer] | None = None
    status: int = 200
    many: bool = False  #: whether it answers a page of them
    pages: tuple[str, ...] = PAGE  #: the parameters of such a page
    parameters: Mapping[str, Schema] = field(default_factory=dict)  #: only of this address
    shared: tuple[str, ...] = ()  #: of other addresses as well
    takes_version: bool = False  #: whether it obeys If-Match
    headers: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()  #: beside those that all of its kind have
    also: Mapping[int, type[WireSerializer]] = field(default_factory=dict)  #: by other statuses
    needs_body: bool = True
    id: str = ""  #: where the name of the action does not say it

    @property
    def query(self) -> tuple[str, ...]:
        """The names of its parameters; it is asked with no others."""
        return (*self.parameters, *self.shared, *(self.pages if self.many else ()))


def answers(answer: type[WireSerializer] | str | None, **more: Any) -> Callable[[View], View]:
    """Say what the decorated action answers; ``more`` is what :class:`Described` has."""
    described = Described(answer, **more)

    def describe(view: View) -> View:
        vars(view)["described"] = described
        return view

    return describe
