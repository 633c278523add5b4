"""The buttons of a record: its noun's verbs and its machine's moves."""

from __future__ import annotations

from dataclasses import dataclass, field

from headlessly.access import actors
from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.declaration.next_steps import NextStep, next_steps, without_doubles
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Machine
from headlessly.declaration.verbs import Verb
from headlessly.nouns import Noun

#: The verb that assigns a record to somebody, of nouns that have one.
ASSIGN = "assign"
#: Verbs that have their own page or place, and so no button.
ELSEWHERE = {"create", "update", "delete", "restore", "rollback"}


@dataclass
class Button:
    """A button: a form that posts to ``url``, or opens a dialog from there if the verb has inputs."""

    name: str
    label: str
    url: str
    text: str = ""
    strong: bool = False
    reason: str = ""  #: why it is not possible now
    sends: dict[str, str] = field(default_factory=dict)
    asks: bool = False  #: whether it opens a dialog first
    key: str = ""  #: the key that presses it: the number of its target state


def record_buttons(record: Noun) -> tuple[list[Button], list[Button]]:
    """Returns the steps of the machine, the expected one first, and all other verbs."""
    machine = record.machine
    state = getattr(record, machine.name) if machine else None
    steps: list[Button] = []
    others: list[Button] = []
    chosen: set[str] = set()
    for step in without_doubles(permitted_steps(type(record), state, machine)):
        if not step.is_plain and _is_needless(step.verb, record):
            continue
        if not step.is_plain and step.is_chosen:
            # One button is enough: its dialog asks for the target.
            if step.verb.name in chosen:
                continue
            chosen.add(step.verb.name)
        # Without a machine there is no expected step, so all verbs are up front. A verb with ``needs`` is
        # there only while it matters, so it is up front as well.
        wanted = step.is_plain or step.verb.steps or machine is None or step.verb.needs
        (steps if wanted and not step.verb.aside else others).append(_button(step, record))
    steps.sort(key=lambda button: (bool(button.reason), not button.strong))
    return steps, others


def _is_needless(verb: Verb, record: Noun) -> bool:
    """Whether the verb has nothing to do, judging by the fields that it needs to be filled or empty."""

    def has(name: str) -> bool:
        return getattr(record, record.schema.by_name[name].column) is not None

    return bool(verb.needs and not has(verb.needs)) or bool(verb.unless and has(verb.unless))


def permitted_steps(
    noun: type[Noun], state: str | None, machine: Machine | None = None
) -> list[NextStep]:
    """Returns the steps that the actor may take from the page of a record in ``state``, including those
    that are not possible now; along ``machine`` if the record's path has its own."""
    actor = actors.current()
    return next_steps(
        noun,
        state,
        lambda verb: (
            (verb.name == "update" or is_button(verb)) and actors.may(actor, verb.name, noun)
        ),
        machine,
    )


def is_button(verb: Verb) -> bool:
    """Whether a verb has a button on a record's page. Verbs that take all fields have a form instead.

    A verb whose inputs each record defines itself (``asks``) is meant for others, and executed elsewhere.
    """
    if verb.name in ELSEWHERE or verb.name in verb.noun.schema.not_offered:
        return False
    return not (verb.creates or verb.takes_fields or verb.asks)


def creating_verbs(noun: type[Record]) -> list[Verb]:
    """Returns the verbs besides ``create`` that create a record, as far as the actor may."""
    actor = actors.current()
    return [
        verb
        for verb in noun.verbs.values()
        if verb.creates
        and not verb.finds
        and verb.name != "create"
        and actors.may(actor, verb.name, noun)
    ]


def _button(step: NextStep, record: Noun) -> Button:
    noun, key = type(record), _key(step)
    if step.is_plain:
        return Button(
            name=f"move-{step.target}",
            label=step.label,
            url=display.page_url(noun, "move", record.pk),
            strong=step.is_expected,
            sends={"to": str(step.target)},
            key=key,
        )
    reason = step.reason
    asks = bool(step.verb.inputs) and not reason
    return Button(
        name=step.verb.name,
        label=f"{labels.verb_label(step.verb)}…" if asks else step.label,
        url=display.page_url(noun, "do", record.pk, step.verb.name),
        text=labels.verb_summary(step.verb),
        strong=step.is_expected,
        reason=reason,
        asks=asks,
        key="" if step.is_chosen else key,
    )


def _key(step: NextStep) -> str:
    """Returns the number of the target state in the machine's order, up to 9."""
    machine = step.noun.schema.machine
    number = machine.states.index(step.target) + 1 if machine and step.target else 0
    return str(number) if 0 < number < 10 else ""
