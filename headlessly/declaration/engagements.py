"""Engagements: records about another record, written while working on it: a note, a call, a task.

A noun whose records are engagements declares so in its ``Surface.engagements``. The page of every noun that
it refers to then has a form for each kind, lists the open ones and shows them in the timeline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from headlessly.language.wording import with_article

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field


@dataclass(frozen=True)
class EngagementForm:
    """A form for one kind of engagement: the verb that makes the record, and the verb's input."""

    name: str
    key: str  #: the key that opens it on the keyboard
    verb: str
    asks: tuple[str, ...]  #: the inputs that the user fills in
    values: Mapping[str, Any] = field(default_factory=dict)  #: the inputs that it sets itself
    after: str = ""  #: offered after a link of this scheme was followed, such as ``tel``
    aside: bool = False  #: whether it is rare: on a phone only a link of ``after`` leads to it
    says: Mapping[str, Any] = field(
        default_factory=dict
    )  #: the labels of inputs, if they are others here
    done: Any = ""  #: what is said when it has been written, if not that it was added
    #: The reference of the engagement that the record has to give: whom an email goes to.
    needs: str = ""
    #: The inputs that it takes from that record at first, and from which of its fields.
    takes: Mapping[str, str] = field(default_factory=dict)
    #: The noun whose records give first values by a method ``first_values(record)``: templates. They name the
    #: noun that they are for in a field ``about``.
    begins_with: str = ""
    #: Whether it is offered at all, in this installation.
    offered: Callable[[], bool] = lambda: True

    @property
    def slug(self) -> str:
        """Its name in addresses and in ids of pages."""
        return self.name.replace(" ", "-")

    def given_by(self, record: Any) -> Any:
        """Returns the record that the engagement needs, as ``record`` gives it; None if it has none."""
        if type(record).__name__.lower() == self.needs:
            return record
        return getattr(record, self.needs) if self.needs in record.schema.references else None


@dataclass(frozen=True)
class Engagements:
    """How the records of a noun are engagements with others."""

    forms: tuple[EngagementForm, ...]
    kind: str  #: the field that holds the kind: call, note, task
    headline: str  #: the field of its title; empty, it becomes the first line of the text
    text_fields: tuple[str, ...]  #: the fields of its text, the most important first
    detail_fields: tuple[str, ...] = ()  #: the fields that a timeline shows beside it
    due: str = "created_at"  #: the field that orders open ones


class EngagementNoun(NamedTuple):
    """The noun whose records are engagements with the records of another."""

    noun: type[Record]
    declared: Engagements
    reference: Field  #: to the record that one is about, not to who does it


def engagement_noun(noun: type[Record]) -> EngagementNoun | None:
    """Returns the noun whose records are engagements with records of ``noun``, or None."""
    for other in noun.registry.values():
        declared = other.Surface.engagements
        if declared is None or other is noun:
            continue
        for found in other.schema.references.values():
            if found.to == noun.__name__ and found.name != other.Surface.owner:
                return EngagementNoun(other, declared, found)
    return None


def require_engagement_noun(noun: type[Record]) -> EngagementNoun:
    """Returns it for a noun that has one. Raises TypeError otherwise."""
    if (found := engagement_noun(noun)) is None:
        raise TypeError(f"Nobody engages with {with_article(noun.__name__)}.")
    return found


def first_line(text: str, longest: int) -> str:
    """Returns the first line of a text, cut at a word if it is too long."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) <= longest:
        return line
    return line[: longest - 1].rsplit(" ", 1)[0][: longest - 1] + "…"
