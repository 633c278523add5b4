"""Touches: what one writes about another record while working on it - a note, a call, a task.

A noun whose records are touches says so in its ``Surface``; the page of every noun that it refers to then
offers its ways in place, lists what is still to do, and tells it in the timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headlessly.declaration.record import Record as Noun
    from headlessly.declaration.schema import Field


@dataclass(frozen=True)
class EngagementForm:
    """One way to write a touch: a verb that makes the record, what it gives and what it asks."""

    name: str
    key: str  #: on the keyboard
    verb: str
    asks: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Engagements:
    """How the records of a noun are touches of others."""

    forms: tuple[EngagementForm, ...]
    kind: str  #: the field that says which kind of touch it is
    headline: str  #: where nobody wrote it, the first line of what was said
    text_fields: tuple[str, ...]  #: what was said, the most telling first
    detail_fields: tuple[str, ...] = ()  #: what else its line in a timeline tells
    due: str = "created_at"  #: what the open ones are ordered by


def engagement_noun(noun: type[Noun]) -> type[Noun] | None:
    """The noun whose records are touches of ``noun``'s, or None."""
    for other in noun.registry.values():
        if (
            other.Surface.engagements
            and other is not noun
            and engagement_reference(other, noun) is not None
        ):
            return other
    return None


def engagement_reference(touching: type[Noun], noun: type[Noun]) -> Field | None:
    """The reference that says which of ``noun``'s records a touch is about, not who does it."""
    for found in touching.schema.references.values():
        if found.to == noun.__name__ and found.name != touching.Surface.owner:
            return found
    return None


def first_line(text: str, longest: int) -> str:
    """The first line of a text, cut at a word where it is too long."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) <= longest:
        return line
    return line[: longest - 1].rsplit(" ", 1)[0][: longest - 1] + "…"
