"""One verb on many records at once, where the new values were computed for all of them together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, TypeVar

from headlessly.context import clock
from headlessly.execution import executor
from headlessly.execution.table import table_of

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.verbs import Verb

N = TypeVar("N", bound="Record")


def lock_records(noun: type[N], ids: Collection[str]) -> list[N]:
    """Returns these records as they are now, without deleted ones, locked until the transaction ends."""
    found = table_of(noun).lock_many(sorted(ids))
    return [record for record in found if record.deleted_at is None]


def rewrite_records(
    verb: Verb,
    records: Collection[N],
    columns: Collection[str],
    change: Callable[[N], None],
    *,
    cause: str | None = None,
) -> None:
    """Let ``change`` set new values of ``columns`` on locked records, and write rows, versions and events as
    ``verb`` does for one record: all in two statements.

    No hook runs and no permission is checked, because this is for values that the product computes itself.
    ``cause`` is the id of the event that led to it. ``columns`` are the record's own and must not include its
    state.
    """
    if not records:
        return
    noun: Any = verb.noun
    moment = clock.now()
    with executor.one_transaction() as execution:
        for record in records:
            was = record.as_it_is()
            change(record)
            record.version += 1
            record.updated_at = max(moment, record.updated_at)
            event = execution.append(
                name=verb.event,
                target=record.pk,
                target_type=noun.__name__,
                version=record.version,
                data=record.as_json(),
                previous=record.said_before(was),
                timestamp=record.updated_at,
            )
            event.cause = event.cause or cause
        table_of(noun).rewrite_many(list(records), [*columns, "version", "updated_at"])
