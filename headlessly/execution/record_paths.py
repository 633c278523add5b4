"""Records whose states come from a path, another record: they must never be left in a state that is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import connection

from headlessly.access import tenancy
from headlessly.database import prepared
from headlessly.declaration.gates import refuse_at_gate
from headlessly.declaration.paths import OPEN

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Machine
    from headlessly.declaration.verbs import Verb
    from headlessly.execution.execution import Execution


def path_reference(record: Record) -> str | None:
    """Returns the name of the reference that gives a record its states, if there is one."""
    machine = record.schema.machine
    return machine.field.path_from if machine else None


def lock_path(execution: Execution, record: Record, to: str | None = None) -> None:
    """Lock the states of a record's path until the commit, and reload them if they have changed.

    ``to`` is the id of the path to which the record moves. Whoever removes a state from a path first locks
    the path against this, so that no record is left in a removed state.
    """
    machine = record.schema.machine
    if machine is None or not machine.paths:
        return
    for id in {machine.path_of(record).id, to} - execution.locked_paths:
        if id is not None:
            _lock_path(execution, record, machine, id)


def _lock_path(execution: Execution, record: Record, machine: Machine, id: str) -> None:
    path = next((path for path in machine.paths if path.id == id), None)
    reference = record.schema.by_name[machine.field.path_from or ""]
    table = connection.ops.quote_name(reference.target_noun._meta.db_table)
    rows = prepared.execute_prepared(
        f"SELECT version FROM {table} WHERE tenant_id = %s AND id = %s FOR KEY SHARE",
        [execution.tenant.pk, id],
    )
    execution.locked_paths.add(id)
    if rows and (path is None or rows[0][0] != path.version):
        tenancy.reload_shape()


def put_on_path(execution: Execution, record: Record, values: Mapping[str, Any]) -> None:
    """Put a new record on a path: the given one, else the default; at its first open state unless one is
    given."""
    machine = record.schema.machine
    if machine is None or not machine.paths:
        return
    column = record.schema.by_name[machine.field.path_from or ""].column
    if getattr(record, column) is None:
        setattr(record, column, machine.default_path.id)
    lock_path(execution, record)
    if machine.name not in values:
        path = record.schema.require_machine().path_of(record)
        setattr(record, machine.name, path.first(OPEN))


def path_and_state(record: Record) -> tuple[str | None, str] | None:
    """Returns the id of a record's path, and its state there."""
    machine = record.schema.machine
    if machine is None:
        return None
    path = machine.path_of(record).id if machine.paths else None
    return path, getattr(record, machine.name)


def refuse_wrong_state(verb: Verb, record: Record, before: tuple[str | None, str] | None) -> None:
    """Raise Invalid if a record has moved to a state that its path does not have, or that requires fields
    which are empty. Values that are restored need not pass the gates."""
    machine = record.machine
    if machine is None or path_and_state(record) == before:
        return
    state = getattr(record, machine.name)
    if machine.paths and state not in machine.states:
        raise record.wrong_state(machine.states)
    if not verb.restores_values:
        refuse_at_gate(record, state)
