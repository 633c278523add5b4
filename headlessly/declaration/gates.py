"""Gates: fields that a tenant requires before a record enters a state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.errors import Invalid

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field, Schema
    from headlessly.declaration.verbs import Verb


#: The code of the error that names the required fields.
GATE_CLOSED = "gate_closed"


@dataclass(frozen=True)
class Gate:
    """The fields that must have a value to enter ``state``, on one path or, without ``path``, on all."""

    state: str
    fields: tuple[str, ...]  #: by their wire names
    path: str | None = None


def open_gates(schema: Schema) -> list[Gate]:
    """Returns the gates of a noun with current field names. Archived fields are not required."""
    fields = schema.fields
    known = (
        replace(gate, fields=tuple(fields[name].wire for name in gate.fields if name in fields))
        for gate in schema.gates
    )
    return [gate for gate in known if gate.fields]


def gates_of_verb(verb: Verb) -> list[Gate]:
    """Returns the gates of the states to which a verb may lead; a new record may begin in any."""
    schema = verb.noun.schema
    if not schema.gates or verb.restores_values:
        return []
    found = open_gates(schema)
    if verb.creates:
        return found
    targets = {step.target for step in schema.require_machine().steps if step.via == verb.name}
    return [gate for gate in found if gate.state in targets]


def describe_gate(schema: Schema, gate: Gate) -> dict[str, Any]:
    """Returns a gate for programs: the state as every wire says it, and the required fields."""
    machine = schema.require_machine()
    said: dict[str, Any] = {
        "state": schema.by_name[machine.name].to_json(gate.state),
        "requires": list(gate.fields),
    }
    if gate.path is not None and machine.field.path_from:
        said[schema.by_name[machine.field.path_from].wire] = gate.path
    return said


def gate_in_words(schema: Schema, gate: Gate) -> str:
    """Returns a gate as a sentence: ``Proposal of Renewals needs expectedCloseDate.``"""
    machine = schema.require_machine()
    state = schema.by_name[machine.name].to_json(gate.state)
    path = next((path.name for path in machine.paths if path.id == gate.path), None)
    place = f"{state} of {path}" if gate.path is not None and path else state
    return f"{place} needs {', '.join(gate.fields)}."


def fields_lacking(record: Record, state: str) -> list[Field]:
    """Returns the empty fields that ``state`` requires, in the order of declaration."""
    schema = record.schema
    if not schema.gates:
        return []
    machine = schema.machine
    path = machine.path_of(record).id if machine and machine.paths else None
    names = {
        name
        for gate in open_gates(schema)
        if gate.state == state and gate.path in (None, path)
        for name in gate.fields
    }
    return [
        field for field in schema.stored if field.wire in names and field.value_of(record) is None
    ]


def refuse_at_gate(record: Record, state: str) -> None:
    """Raise Invalid with each empty field that ``state`` requires."""
    if lacking := fields_lacking(record, state):
        machine = record.schema.require_machine()
        said = _("%s needs this.") % machine.state_in_error(state)
        problem = Invalid.for_fields(
            {field.wire: said for field in lacking}, type=record.schema.name
        )
        problem.code = GATE_CLOSED
        raise problem
