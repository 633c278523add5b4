"""The steps that a record may take next, and why it may not take the others.

Used for the buttons of a record, the columns of a board, the cell of a status, the text of a refusal, and for
what an agent reads about a noun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.declaration import labels
from headlessly.language.wording import SUBJECT, state_label

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Machine
    from headlessly.declaration.verbs import Verb


@dataclass(frozen=True)
class NextStep:
    """A verb, or a plain change of the status, seen from the current state of a record."""

    noun: type[Record]
    verb: Verb  #: ``update`` for a plain change of the status
    source: str | None  #: the current state; None for a noun without a machine
    #: The state that it leads to; None if the verb moves nothing, or is not possible now.
    target: str | None
    is_expected: bool = False  #: whether it leads on to the end of the path

    @property
    def is_plain(self) -> bool:
        """Whether it is a plain change of the status field."""
        return self.verb.name == "update"

    @property
    def is_chosen(self) -> bool:
        """Whether the user chooses where it leads: a plain change, or a verb with such an input."""
        return self.is_plain or (self.verb.chooses is not None and self.target is not None)

    @property
    def is_possible(self) -> bool:
        return self.target is not None or not self.verb.declared_steps

    @property
    def requires_input(self) -> bool:
        chosen = self.verb.chooses if self.target is not None else None
        needed = (i for i in self.verb.inputs.values() if i.required and i.name != chosen)
        return not self.is_plain and any(needed)

    @property
    def asks(self) -> bool:
        """Whether it needs a dialog first: for a required input, or to describe the record that it makes."""
        return self.requires_input or (
            not self.is_plain and any(i.new and i.record for i in self.verb.inputs.values())
        )

    @property
    def label(self) -> str:
        """The label of its button: ``Convert``, ``Move to Contacted``, ``Reopen``."""
        if not self.is_chosen:
            return labels.verb_label(self.verb)
        if reopens(self.noun, self.source, self.target):
            return _("Reopen")
        return _("Move to %s") % state_label(self.target)

    @property
    def reason(self) -> str:
        """Why the machine does not allow it now; empty if it does."""
        machine = self.noun.schema.machine
        if self.is_possible or machine is None:
            return ""
        by_source = machine.targets[self.verb.name]
        targets = {target for each in by_source.values() for target in each}
        if targets == {self.source}:
            return _("%(this)s is %(state)s already.") % {
                "this": capfirst(labels.this_noun(self.noun)),
                "state": state_label(self.source),
            }
        sources = [state_label(state) for state in machine.states if state in by_source]
        return _("Possible when %(the)s is %(sources)s; it is %(state)s now.") % {
            "the": labels.the_noun(self.noun, SUBJECT),
            "sources": either_of(sources),
            "state": state_label(self.source),
        }


def next_steps(
    noun: type[Record],
    state: str | None,
    may: Callable[[Verb], bool] | None = None,
    machine: Machine | None = None,
) -> list[NextStep]:
    """Returns all that a record of ``noun`` in ``state`` may do, possible now or not: the plain changes of
    its status, then its verbs in the order of declaration.

    ``may`` filters the verbs. ``machine`` is that of the record's own path, if it has one.
    """
    machine = machine or noun.schema.machine
    found = []
    update = noun.verbs.get("update")
    if (
        update is not None
        and machine is not None
        and state is not None
        and (may is None or may(update))
    ):
        found = [
            NextStep(noun, update, state, step.target)
            for step in machine.steps_from(state)
            if step.via == update.name
        ]
    for verb in noun.verbs.values():
        if verb is not update and not verb.creates and (may is None or may(verb)):
            targets = machine.targets.get(verb.name, {}).get(state or "", ()) if machine else ()
            for target in targets if verb.chooses else targets[:1]:
                found.append(NextStep(noun, verb, state, target))
            if not targets:
                found.append(NextStep(noun, verb, state, None))
    return _with_expected(found)


def without_doubles(steps: Iterable[NextStep]) -> list[NextStep]:
    """Returns the steps without plain changes to a state to which a verb leads anyway."""
    steps = list(steps)
    by_verb = {step.target for step in steps if not step.is_chosen and step.target is not None}
    return [step for step in steps if not (step.is_chosen and step.target in by_verb)]


def reopens(noun: type[Record], source: str | None, target: str | None) -> bool:
    """Whether a record that had left the path begins it again."""
    path = noun.schema.machine.path if noun.schema.machine else ()
    return bool(path) and target == path[0] and source not in path


def either_of(names: list[str]) -> str:
    """``New, Contacted or Lost``."""
    *first, last = names
    return _("%(first)s or %(last)s") % {"first": ", ".join(first), "last": last} if first else last


def _with_expected(steps: list[NextStep]) -> list[NextStep]:
    """Returns the steps with the one marked that leads to the nearest state ahead, a verb before a plain
    change.

    Off the path, the expected step is the only possible one; if there are several, none is marked.
    """
    machine = steps[0].noun.schema.machine if steps else None
    possible = [step for step in steps if step.target is not None]
    if machine is None or not possible:
        return steps
    now, path = possible[0].source, machine.path
    if now in path:
        ahead: dict[str | None, int] = {
            state: place for place, state in enumerate(path) if place > path.index(now)
        }
        ranked = [step for step in possible if step.target in ahead]
        ranked.sort(key=lambda step: (step.is_chosen, ahead[step.target]))
    else:
        ranked = possible if len(without_doubles(possible)) == 1 else []
    if not ranked:
        return steps
    expected = without_doubles(ranked)[0]
    return [replace(step, is_expected=step is expected) for step in steps]
