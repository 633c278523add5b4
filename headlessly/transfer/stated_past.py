"""The past of a new record according to its dates: which verb took it to which state, and when.

It follows from the declaration: if a verb leads to a state and sets a moment, that moment says when it was
executed. ``Lead.convert`` leads to Converted and sets ``converted_at``: a row with both was converted then.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.context import clock
from headlessly.declaration import labels
from headlessly.declaration.schema import Field
from headlessly.declaration.shapes import cached_by_shape
from headlessly.errors import Invalid

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb

#: In the westernmost time zone, a day ends this much later than in UTC.
WEST = timedelta(hours=12)
CREATED_AT = "$createdAt"


@dataclass(frozen=True)
class Milestone:
    """A field that says when a verb led to a state."""

    field: Field
    verb: Verb[Any, ...]
    state: str


@dataclass(frozen=True)
class PastStep:
    """A step that a record took: when, by which verb, and to which state."""

    moment: datetime
    verb: Verb[Any, ...]
    state: str


@cached_by_shape
def milestones(noun: type[Record]) -> tuple[Milestone, ...]:
    """Returns the moments of a noun that imply a step. A state in which records may begin needs no step."""
    machine = noun.schema.machine
    if machine is None:
        return ()
    return tuple(
        Milestone(field, verb, str(state))
        for verb in noun.verbs.values()
        for state in dict.fromkeys(verb.steps.values())
        if state not in machine.entry
        for name in sorted(verb.sets)
        if (field := noun.schema.by_name[name]).type in ("datetime", "date")
    )


@cached_by_shape
def _never_ahead(noun: type[Record]) -> tuple[Field, ...]:
    """Returns the fields that can only be in the past."""
    return tuple(f for f in noun.schema.stored if f.is_past)


def stated_steps(record: Record, created_at: datetime | None) -> list[PastStep]:
    """Returns the steps that the dates of a new record imply, in order; none without such dates.

    ``created_at`` is the stated creation date. Raises Invalid if it is after a step. Steps to its current
    state without a date are dated to the last known moment.
    """
    noun = type(record)
    told = [each for each in milestones(noun) if getattr(record, each.field.column) is not None]
    if not told:
        return []
    machine = noun.schema.require_machine()
    state = str(getattr(record, machine.name))
    if state in machine.entry:
        return []  # its later dates are left over from before it was reopened
    before = machine.path[: machine.path.index(state)] if state in machine.path else ()
    led = {str(step.source) for step in machine.steps if step.target == state}
    of_fields: dict[str, Milestone] = {}
    for each in told:
        # Several verbs may set one moment: take the one that led to the current state.
        if each.state == state:
            of_fields[each.field.name] = each
        elif each.state in before or (state not in machine.path and each.state in led):
            of_fields.setdefault(each.field.name, each)
    of_states: dict[str, Milestone] = {}
    for each in of_fields.values():
        # A verb may set a day and a moment: the moment is more precise.
        if each.state not in of_states or each.field.type == "datetime":
            of_states[each.state] = each
    steps = sorted(
        (
            PastStep(_moment_of(record, each, created_at), each.verb, each.state)
            for each in of_states.values()
        ),
        key=lambda step: (step.moment, step.state == state),
    )
    last = next((number for number, step in enumerate(steps) if step.state == state), None)
    if last is not None:
        steps = steps[: last + 1]
    if steps and steps[-1].state != state:
        source = steps[-1].state
        ways = (s.via for s in machine.steps if (str(s.source), str(s.target)) == (source, state))
        steps.append(PastStep(steps[-1].moment, noun.verbs[next(ways, "update")], state))
    return steps


def _moment_of(record: Record, told: Milestone, created_at: datetime | None) -> datetime:
    value: date = getattr(record, told.field.column)
    if isinstance(value, datetime):
        moment, until = value, value + clock.TOLERANCE
    else:
        moment = datetime.combine(value, time(), UTC)
        until = moment + timedelta(days=1) + WEST
    if created_at is None:
        return min(moment, clock.now())
    if created_at > until:
        message = _("This is after %(field)s, %(moment)s.") % {
            "field": labels.field_in_error(told.field),
            "moment": value.isoformat(),
        }
        raise Invalid.for_fields({CREATED_AT: message}, type=type(record).__name__)
    return max(moment, created_at)


def first_state(noun: type[Record]) -> str:
    """Returns the initial state of a record that has moved on since."""
    machine = noun.schema.require_machine()
    return next((s for s in machine.path if s in machine.entry), str(machine.entry[0]))


def past_states(record: Record, steps: list[PastStep]) -> list[Record]:
    """Returns the states of a record from its creation on; the last is the current one."""
    machine = record.schema.require_machine()
    states: list[Record] = []
    moment, state, reached = record.created_at, first_state(type(record)), None
    for number in range(len(steps)):
        later = steps[number:]
        unknown = {name for step in later for name in step.verb.sets}
        unknown -= {name for step in steps[:number] for name in step.verb.sets}
        was = copy.copy(record)
        was.version, was.updated_at = number + 1, moment
        for name in unknown:
            field = record.schema.by_name[name]
            field.set_value(was, field.default)
        for field in _never_ahead(type(record)):
            if _is_ahead(getattr(was, field.column), moment):
                field.set_value(was, None)
        setattr(was, machine.name, state)
        was.reached = reached
        was.before_write()
        states.append(was)
        moment, next_state = later[0].moment, later[0].state
        reached, state = machine.reached_after_step(reached, state, next_state), next_state
    record.reached = reached
    return [*states, record]


def _is_ahead(value: date | None, moment: datetime) -> bool:
    if value is None:
        return False
    return value > moment if isinstance(value, datetime) else value > moment.date()
