"""What may be done with a record next, as buttons: its noun's verbs and its machine's moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import actors
from . import words
from .forms import DeclaredForm, Input, sent

if TYPE_CHECKING:
    from ..nouns import Noun
    from ..verbs import Verb

#: Verbs with a page or a place of their own.
ELSEWHERE = {"create", "update", "delete", "restore", "rollback"}


@dataclass
class Button:
    """One thing to do: a form that posts to ``url``, in a dialog when it asks for something."""

    name: str
    label: str
    url: str
    text: str = ""
    strong: bool = False
    reason: str = ""  #: why it is not possible now
    sends: dict[str, str] = field(default_factory=dict)
    form: DeclaredForm | None = None
    new: DeclaredForm | None = None  #: the fields of a new record in place of an existing one
    new_of: str = ""
    open: bool = False

    @property
    def dialog(self) -> str:
        return f"do-{self.name}"


def buttons(record: Noun, site: Any) -> tuple[list[Button], list[Button]]:
    """The steps of the machine with the expected one first, and the other verbs."""
    noun, actor = type(record), actors.current()
    steps, others = [], []
    for verb in noun.verbs.values():
        if not is_button(verb):
            continue
        if actors.may(actor, verb.name, noun):
            # Without a machine nothing is expected next, and nothing needs to be put away for it.
            in_sight = verb.steps or noun.schema.machine is None
            (steps if in_sight else others).append(_of_verb(verb, record, site))
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


def _of_verb(verb: Verb, record: Noun, site: Any, data: Any = None) -> Button:
    button = Button(
        name=verb.name,
        label=verb.label,
        url=words.place(verb.noun, "do", record.pk, verb.name),
        text=verb.summary,
        reason=_reason(verb, record),
    )
    if verb.inputs and not button.reason:
        fill(button, verb, site, data)
    return button


def fill(button: Button, verb: Verb, site: Any, data: Any = None) -> None:
    """Give the button the inputs of its verb, with what was typed before."""
    button.label = f"{verb.label}…"
    inputs = list(verb.inputs.values())
    button.form = DeclaredForm(inputs, site, data=data, id=verb.name, parent=button.dialog)
    for given in inputs:
        if given.new:
            other = verb.noun.registry[given.to]
            button.new_of = words.title(other).lower()
            button.form.fields[given.name].label = f"Or attach an existing {button.new_of}"
            fields = [f for f in other.schema.inputs() if f.required]
            button.new = DeclaredForm(fields, site, data=data, id=f"{verb.name}_new")
            button.new.prefix = given.name
            for name in button.new.fields:
                item: Input = button.new.fields[name]
                item.widget.attrs.pop("aria-required", None)
                item.widget.attrs["placeholder"] = f"from this {words.title(verb.noun).lower()}"


def read(verb: Verb, form: DeclaredForm, new: DeclaredForm | None) -> dict[str, Any]:
    """What a dialog sent: an existing record where one was chosen, else what a new one shall be."""
    given = {name: value for name, value in form.given().items() if value != ""}
    if new is not None and not given.get(new.prefix):
        inner = {
            name: sent(item, new.data[key])
            for name, item in new.declared.items()
            if new.data.get(key := f"{new.prefix}-{name}", "").strip()
        }
        if inner:
            given[new.prefix] = inner
    return given


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
            url=words.place(noun, "move", record.pk),
            sends={"to": step.target},
        )
        for step in steps
        if step.via == "update" and step.target not in by_verb
    ]


def _move_label(noun: type[Noun], source: str, target: str) -> str:
    states = words.path(noun)
    if states and target == states[0] and source not in states:
        return "Reopen"
    return f"Move to {words.spoken(target)}"


def _reason(verb: Verb, record: Noun) -> str:
    """Why the machine does not allow the verb now; empty when it does."""
    machine = record.schema.machine
    if not verb.steps or machine is None:
        return ""
    now = getattr(record, machine.name)
    if now in verb.steps:
        return ""
    name = words.title(verb.noun).lower()
    if now in verb.steps.values() and len(set(verb.steps.values())) == 1:
        return f"This {name} is {words.spoken(now)} already."
    sources = [words.spoken(state) for state in machine.states if state in verb.steps]
    return f"Possible when the {name} is {_either(sources)}; it is {words.spoken(now)} now."


def _either(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _expected(record: Noun, steps: list[Button]) -> Button | None:
    """The step to the nearest state ahead on the path, a verb's before a plain change's."""
    machine = record.schema.machine
    possible = [button for button in steps if not button.reason]
    if machine is None or not possible:
        return None
    states, now = words.path(type(record)), getattr(record, machine.name)
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
