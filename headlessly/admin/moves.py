"""The moves of a record: the states that one step reaches, the verbs that lead there, and hints on all
others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import suggestions
from headlessly.admin.buttons import permitted_steps
from headlessly.declaration import labels
from headlessly.declaration.next_steps import NextStep, either_of, without_doubles
from headlessly.declaration.schema import Machine
from headlessly.language.wording import SUBJECT
from headlessly.nouns import Noun

#: How many suggestions a column offers to drop a card on.
MOST_OFFERED = 8


def possible_moves(noun: type[Noun], state: str, machine: Machine | None = None) -> list[NextStep]:
    """Returns the steps out of ``state`` that the actor may take, in the order of the board's columns."""
    steps = [
        step for step in permitted_steps(noun, state, machine) if step.target not in (None, state)
    ]
    return sorted(
        without_doubles(steps),
        key=lambda step: noun.schema.require_machine().states.index(step.target),
    )


@dataclass(frozen=True)
class RefusedKeys:
    """The keys of the states that no step reaches, and the hint for somebody who presses one."""

    numbers: str
    hint: str


def refused_keys(record: Noun) -> RefusedKeys | None:
    """Returns the refused keys of ``record``; None for an actor who may not move it at all."""
    if record.schema.machine is None:
        return None
    noun, machine = type(record), record.schema.machine.of(record)
    state = getattr(record, machine.name)
    if not permitted_steps(noun, state, machine):
        return None
    moves = possible_moves(noun, state, machine)
    reached = {move.target for move in moves}
    states = enumerate(record.schema.machine.states[:9], 1)
    numbers = "".join(str(number) for number, each in states if each not in reached)
    return RefusedKeys(numbers, moves_hint(noun, state, moves))


def find_move(record: Noun, target: str) -> NextStep | None:
    """Returns the actor's step from ``record``'s state to ``target``, or None."""
    machine = record.schema.require_machine().of(record)
    steps = possible_moves(type(record), getattr(record, machine.name), machine)
    return next((step for step in steps if step.target == target), None)


@dataclass(frozen=True)
class DropOffers:
    """The suggestions on which a card can be dropped, in a column whose verb requires one text."""

    name: str  #: the name of the input
    label: str
    values: Sequence[str]


def drop_offers(noun: type[Noun], steps: Iterable[NextStep], target: str) -> DropOffers | None:
    """Returns the suggestions of the column ``target``; None if its verb requires anything but one text,
    or nothing is suggested. ``steps`` are all steps of the board."""
    step = next((s for s in steps if s.target == target and s.requires_input), None)
    if step is None:
        return None
    needed = [i for i in step.verb.inputs.values() if i.required and i.name != step.verb.chooses]
    if len(needed) != 1 or needed[0].record or needed[0].new:
        return None
    values = suggestions.suggestions_for(noun, needed[0])[:MOST_OFFERED]
    return DropOffers(needed[0].name, labels.field_label(needed[0]), values) if values else None


def moves_hint(noun: type[Noun], state: str, moves: list[NextStep]) -> str:
    """Returns a hint on where a record can go from ``state``, for somebody who tries another move."""
    field = noun.schema.by_name[noun.schema.require_machine().name]
    here = labels.choice_label(field, state)
    if not moves:
        return _("%(a)s that is %(state)s stays where it is.") % {
            "a": capfirst(labels.a_noun(noun, SUBJECT)),
            "state": here,
        }
    return _("From %(state)s %(a)s goes to %(targets)s.") % {
        "a": labels.a_noun(noun, SUBJECT),
        "state": here,
        "targets": either_of([labels.choice_label(field, str(move.target)) for move in moves]),
    }
