"""What a record must have before it enters a state: a tenant's own rules, beside what the machine says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from headlessly.errors import Invalid
from headlessly.language import wording

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field


#: The code of an error that names what has to be filled before a step.
GATE_CLOSED = "gate_closed"


@dataclass(frozen=True)
class Gate:
    """The fields that must be filled to enter ``state``, on one path or, without it, on all."""

    state: str
    fields: tuple[str, ...]  #: by their wire names
    path: str | None = None


def fields_lacking(record: Record, state: str) -> list[Field]:
    """The fields that are empty and may not be in ``state``, in the order of their noun."""
    schema = record.schema
    machine = schema.machine
    path = machine.path_of(record).id if machine and machine.paths else None
    names = {
        name
        for gate in schema.gates
        if gate.state == state and gate.path in (None, path)
        for name in gate.fields
    }
    return [
        field for field in schema.stored if field.wire in names and field.value_of(record) is None
    ]


def refuse_at_gate(record: Record, state: str) -> None:
    """Raise Invalid with each field that is empty and may not be in ``state``."""
    if lacking := fields_lacking(record, state):
        status = record.schema.by_name[record.schema.require_machine().name]
        said = _("%s needs this.") % wording.state_in_error(status.to_json(state))
        problem = Invalid.for_fields(
            {field.wire: said for field in lacking}, type=record.schema.name
        )
        problem.code = GATE_CLOSED
        raise problem
