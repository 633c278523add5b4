"""Determines the state of a row in another program's file from all of its columns.

Such a file has flags (``IsConverted``) and moments (``ConvertedDate``) besides a word for the state, and the
word is often outdated: a lead that was converted is still "Qualified" there.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.declaration.schema import Machine
from headlessly.transfer.row_values import RowValues
from headlessly.transfer.stated_past import Milestone, milestones

if TYPE_CHECKING:
    from headlessly.declaration.record import Record


def settle_state(
    noun: type[Record], values: RowValues, *, stating: bool, decides: Collection[str] = ()
) -> None:
    """Put the state and its moment into the values of a row.

    A flag and a moment mean the state since then. A flag alone means the state since an unknown moment, which
    is reported. A moment without a flag means the state, unless the flag says no: then the moment is left
    out, and that is reported. ``stating`` says whether the actor may set the state of a record; ``decides``
    are the columns whose flag counts more than the word.
    """
    if (machine := noun.schema.machine) is None:
        return
    wire, data = noun.schema.by_name[machine.name].wire, values.data
    for state, (path, yes) in values.flags.items():
        named = {"state": machine.state_in_error(state)}
        word = None if path in decides else data.get(wire)
        if yes and stating and word not in (None, state, *_states_before(machine, state)):
            named["other"] = machine.state_in_error(str(word))
            message = _("It is %(state)s by this, and %(other)s by its word: the word is taken.")
            values.leave_out(path, message % named)
        elif yes and stating:
            data[wire] = state
        elif yes:
            values.leave_out(path, _("Only an admin's import says that it is %(state)s.") % named)
        elif data.pop(path, None) is not None:
            values.leave_out(path, _("It is not %(state)s, so its date is left out.") % named)
    if not stating:
        return
    _take_later_state(noun, machine, wire, data)
    _take_day_of_end(noun, wire, data)
    for state, (path, yes) in values.flags.items():
        if (
            yes
            and data.get(wire) == state
            and not any(data.get(m.field.wire) for m in milestones(noun) if m.state == state)
        ):
            named = {"state": machine.state_in_error(state)}
            values.leave_out(path, _("It is %(state)s, and no column says since when.") % named)


def _take_later_state(
    noun: type[Record], machine: Machine, wire: str, data: dict[str, Any]
) -> None:
    """Set a later state if a moment says that the record has reached it: then its word is outdated."""
    now, latest = data.get(wire), None
    for each in milestones(noun):
        moment = _valid(each, data.get(each.field.wire))
        if moment is None or (now is not None and now not in _states_before(machine, each.state)):
            continue
        if sum(other.field is each.field for other in milestones(noun)) > 1:
            continue  # it says that it ended, but not how
        if latest is None or str(moment) > latest[0]:
            latest = str(moment), each.state
    if latest is not None:
        data[wire] = latest[1]


def _states_before(machine: Machine, state: str) -> set[str]:
    if state in machine.path:
        return {str(each) for each in machine.path[: machine.path.index(state)]}
    return {str(step.source) for step in machine.steps if str(step.target) == state}


def _take_day_of_end(noun: type[Record], wire: str, data: dict[str, Any]) -> None:
    """Take the expected day for the actual one, if the state says that it happened and there is no other
    column for it."""
    for name, other in noun.Surface.files.happened.items():
        ended = [m for m in milestones(noun) if m.field.name == name and m.state == data.get(wire)]
        value = data.get(noun.schema.by_name[other].wire)
        if ended and not data.get(ended[0].field.wire) and _valid(ended[0], value) is not None:
            data[ended[0].field.wire] = value


def _valid(told: Milestone, value: Any) -> date | None:
    """Returns the moment in a cell; None if it is empty or not possible."""
    try:
        return None if value in (None, "") else told.field.clean(value, text=True)
    except ValueError:
        return None
