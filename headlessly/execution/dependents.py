"""Records that are deleted and restored together with the record they refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headlessly.access import actors
from headlessly.log import events

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.execution.execution import Execution


def delete_dependents(execution: Execution, record: Record) -> None:
    """Delete the records whose reference to a deleted record cascades."""
    if record.is_unreferred:
        return
    with actors.acting(actors.SYSTEM):  # including records that the actor does not see
        for noun, field in record.schema.cascading_referrers:
            there = noun.objects.filter(**{field: record.pk}).values_list("pk", flat=True)
            for dependent in execution.lock_many(noun, there, deleting=True):
                execution.perform(noun.verbs["delete"], dependent.pk, {})


def restore_dependents(execution: Execution, record: Record) -> None:
    """Restore the records that were deleted because this record was."""
    referrers = record.schema.cascading_referrers
    if not referrers:
        return
    execution.flush()  # deletion and restoration may be in one transaction
    with actors.acting(actors.SYSTEM):
        deleted = type(record).verbs["delete"].event
        history = events.record_history(type(record), record.pk)
        gone = history.filter(name=deleted).values_list("id", flat=True).first()
        for noun, field in referrers:
            there = noun.with_deleted.filter(**{field: record.pk}, deleted_at__isnull=False)
            went = events.Event.objects.filter(
                target__in=list(there.values_list("pk", flat=True)),
                name=noun.verbs["delete"].event,
                cause=gone,
            )
            for id in went.order_by("seq").values_list("target", flat=True):
                execution.perform(noun.verbs["restore"], id, {})
