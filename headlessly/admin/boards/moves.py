"""Where a record may go on the board: the states that one step reaches, and the verb that takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display
from headlessly.language.wording import SUBJECT

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb
    from headlessly.nouns import Noun


@dataclass(frozen=True)
class Way:
    """One step of the machine that the actor may take."""

    target: str
    verb: Verb

    @property
    def label(self) -> str:
        return f"{display.state_label(self.target)}{'…' if self.asks else ''}"

    @property
    def is_plain(self) -> bool:
        """Whether it is a change of the state like that of any field."""
        return self.verb.name == "update"

    @property
    def asks(self) -> bool:
        """Whether it wants something first: an input that it needs, or a word on what it makes."""
        return not self.is_plain and any(i.required or i.new for i in self.verb.inputs.values())


def of(noun: type[Noun], state: str) -> list[Way]:
    """The ways out of ``state`` in the machine's order; a verb's before a plain change to the same."""
    machine, actor = noun.schema.machine, actors.current()
    found: dict[str, Way] = {}
    for step in machine.steps_from(state):
        if actors.may(actor, step.via, noun) and (step.target not in found or step.via != "update"):
            found[step.target] = Way(step.target, noun.verbs[step.via])
    return [found[state] for state in machine.states if state in found]


def to(noun: type[Noun], state: str, target: str) -> Way | None:
    """The way from ``state`` to ``target``, if there is one for the actor."""
    return next((way for way in of(noun, state) if way.target == target), None)


def hint(noun: type[Noun], state: str, on: list[Way]) -> str:
    """Where a record goes from here, for somebody who tries another way."""
    here = display.state_label(state)
    if not on:
        return _("%(a)s that is %(state)s stays where it is.") % {
            "a": capfirst(display.a_noun(noun, SUBJECT)),
            "state": here,
        }
    targets = [display.state_label(way.target) for way in on]
    *first, last = targets
    either = _("%(first)s or %(last)s") % {"first": ", ".join(first), "last": last}
    return _("From %(state)s %(a)s goes to %(targets)s.") % {
        "a": display.a_noun(noun, SUBJECT),
        "state": here,
        "targets": either if first else last,
    }
