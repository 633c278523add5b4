"""Where a record may go on the board: the states that one step reaches, and the verb that takes it."""

from __future__ import annotations

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.admin.buttons import permitted_steps
from headlessly.declaration import labels
from headlessly.declaration.next_steps import NextStep, either_of, without_doubles
from headlessly.language import wording
from headlessly.language.wording import SUBJECT
from headlessly.nouns import Noun


def possible_moves(noun: type[Noun], state: str) -> list[NextStep]:
    """The steps out of ``state`` that the actor may take, in the order of the board's columns."""
    steps = [step for step in permitted_steps(noun, state) if step.target not in (None, state)]
    return sorted(
        without_doubles(steps),
        key=lambda step: noun.schema.require_machine().states.index(step.target),
    )


def find_move(noun: type[Noun], state: str, target: str) -> NextStep | None:
    """The step from ``state`` to ``target``, if there is one for the actor."""
    return next((step for step in possible_moves(noun, state) if step.target == target), None)


def moves_hint(noun: type[Noun], state: str, moves: list[NextStep]) -> str:
    """Where a record goes from here, for somebody who tries another way."""
    here = wording.state_label(state)
    if not moves:
        return _("%(a)s that is %(state)s stays where it is.") % {
            "a": capfirst(labels.a_noun(noun, SUBJECT)),
            "state": here,
        }
    return _("From %(state)s %(a)s goes to %(targets)s.") % {
        "a": labels.a_noun(noun, SUBJECT),
        "state": here,
        "targets": either_of([wording.state_label(move.target) for move in moves]),
    }
