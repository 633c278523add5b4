"""What may be done with a record next, as buttons: its noun's verbs and its machine's moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.admin import display
from headlessly.language.wording import SUBJECT

if TYPE_CHECKING:
    from headlessly.declaration.verbs import Verb
    from headlessly.nouns import Noun

#: Verbs with a page or a place of their own.
ELSEWHERE = {"create", "update", "delete", "restore", "rollback"}


@dataclass
class Button:
    """One thing to do: a form that posts to ``url``, or a dialog from there when it asks for something."""

    name: str
    label: str
    url: str
    text: str = ""
    strong: bool = False
    reason: str = ""  #: why it is not possible now
    sends: dict[str, str] = field(default_factory=dict)
    asks: bool = False  #: whether it opens a dialog first
    key: str = ""  #: the number of the state that it leads to, on the keyboard


def buttons(record: Noun) -> tuple[list[Button], list[Button]]:
    """The steps of the machine with the expected one first, and the other verbs."""
    noun, actor = type(record), actors.current()
    steps, others = [], []
    for verb in noun.verbs.values():
        if not is_button(verb):
            continue
        if actors.may(actor, verb.name, noun):
            # Without a machine nothing is expected next, and nothing needs to be put away for it.
            in_sight = verb.steps or noun.schema.machine is None
            (steps if in_sight else others).append(_of_verb(verb, record))
    if actors.may(actor, "update", noun):
        steps = _moves(record) + steps
    if (expected := _expected(record, steps)) is not None:
        expected.strong = True
        steps.remove(expected)
        steps.insert(0, expected)
    return [*(b for b in steps if not b.reason), *(b for b in steps if b.reason)], others


def is_button(verb: Verb) -> bool:
    """Whether a verb is done from a record's page; those that take all its fields are a form.

    What a record itself asks for is asked of others, elsewhere.
    """
    return not (verb.name in ELSEWHERE or verb.creates or verb.takes_fields or verb.asks)


def creating(noun: type[Noun]) -> list[Verb]:
    """The verbs beside ``create`` by which a record comes into being, as far as one may."""
    actor = actors.current()
    return [
        verb
        for verb in noun.verbs.values()
        if verb.creates
        and not verb.finds
        and verb.name != "create"
        and actors.may(actor, verb.name, noun)
    ]


def _of_verb(verb: Verb, record: Noun) -> Button:
    reason = _reason(verb, record)
    asks = bool(verb.inputs) and not reason
    machine = record.schema.machine
    target = verb.steps.get(getattr(record, machine.name)) if machine else None
    return Button(
        name=verb.name,
        label=f"{display.verb_label(verb)}…" if asks else display.verb_label(verb),
        url=display.place(verb.noun, "do", record.pk, verb.name),
        text=display.verb_summary(verb),
        reason=reason,
        asks=asks,
        key=_key(record, target),
    )


def _key(record: Noun, state: str | None) -> str:
    """The number of a state in the machine's order, as far as there are keys."""
    machine = record.schema.machine
    number = machine.states.index(state) + 1 if machine and state in machine.states else 0
    return str(number) if 0 < number < 10 else ""


def _moves(record: Noun) -> list[Button]:
    """The steps that updating the status may take, unless a verb takes the same one."""
    noun, machine = type(record), record.schema.machine
    if machine is None:
        return []
    steps = machine.steps_from(getattr(record, machine.name))
    by_verb = {step.target for step in steps if step.via != "update"}
    return [
        Button(
            name=f"move-{step.target}",
            label=_move_label(noun, step.source, step.target),
            url=display.place(noun, "move", record.pk),
            sends={"to": step.target},
            key=_key(record, step.target),
        )
        for step in steps
        if step.via == "update" and step.target not in by_verb
    ]


def _move_label(noun: type[Noun], source: str, target: str) -> str:
    states = display.path(noun)
    if states and target == states[0] and source not in states:
        return _("Reopen")
    return _("Move to %s") % display.state_label(target)


def _reason(verb: Verb, record: Noun) -> str:
    """Why the machine does not allow the verb now; empty when it does."""
    machine = record.schema.machine
    if not verb.steps or machine is None:
        return ""
    now = getattr(record, machine.name)
    if now in verb.steps:
        return ""
    if now in verb.steps.values() and len(set(verb.steps.values())) == 1:
        return _("%(this)s is %(state)s already.") % {
            "this": capfirst(display.this_noun(verb.noun)),
            "state": display.state_label(now),
        }
    sources = [display.state_label(state) for state in machine.states if state in verb.steps]
    return _("Possible when %(the)s is %(sources)s; it is %(state)s now.") % {
        "the": display.the_noun(verb.noun, SUBJECT),
        "sources": _either(sources),
        "state": display.state_label(now),
    }


def _either(names: list[str]) -> str:
    *first, last = names
    return _("%(first)s or %(last)s") % {"first": ", ".join(first), "last": last} if first else last


def _expected(record: Noun, steps: list[Button]) -> Button | None:
    """The step to the nearest state ahead on the path, a verb's before a plain change's."""
    machine = record.schema.machine
    possible = [button for button in steps if not button.reason]
    if machine is None or not possible:
        return None
    states, now = display.path(type(record)), getattr(record, machine.name)
    if now not in states:
        return possible[0] if len(possible) == 1 else None
    ahead = {state: number for number, state in enumerate(states) if number > states.index(now)}
    verbs = type(record).verbs

    def rank(button: Button) -> tuple[bool, int] | None:
        verb = verbs.get(button.name)
        target = verb.steps[now] if verb else button.sends["to"]
        return (verb is None, ahead[target]) if target in ahead else None

    ranked = [(key, number) for number, b in enumerate(possible) if (key := rank(b))]
    return possible[min(ranked)[1]] if ranked else None
