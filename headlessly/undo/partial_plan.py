"""A plan for a part of a large request, which takes the rest into account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection, models
from django.db.models.expressions import RawSQL

from headlessly.database.prepared import execute_planned, quoted_column
from headlessly.declaration.custom_values import has_value_sql
from headlessly.declaration.described_field import Field
from headlessly.declaration.record import Record
from headlessly.log.events import Event
from headlessly.undo.models import Undo, UndoRecord
from headlessly.undo.plan import Plan, RecordChange, ids_by_noun

#: Selects the records that another noun refers to, by one column. It looks at each of these few records,
#: however many the request has.
REFERRED = """
SELECT asked.id, bool_or(r.state IS NULL), bool_or(r.state IN ('new', 'possible')) IS TRUE,
       bool_or(r.state IN ('same', 'stays')) IS TRUE
FROM unnest(%s::text[]) AS asked(id), LATERAL (
    SELECT (SELECT u.state FROM headlessly_undorecord AS u
            WHERE u.tenant_id = %s AND u.undo_id = %s AND u.record = o.id) AS state
    FROM {table} AS o
    WHERE o.tenant_id = %s AND {refers} AND o.deleted_at IS NULL AND o.id <> ALL(%s)
    OFFSET 0) AS r
GROUP BY asked.id
"""


@dataclass
class PartialPlan(Plan):
    """Some records of a request with everything that it did to them."""

    undo: Undo = field(default_factory=Undo)

    def referred_beside(
        self, noun: type[Record], ids: list[str], other: type[Record], reference: Field
    ) -> list[str]:
        """Returns those of these records that an ``other`` refers to which the request did not change."""
        return [id for id, outside, _w, _h in self._referred(ids, other, reference) if outside]

    def _referred(
        self, ids: list[str], other: type[Record], reference: Field
    ) -> list[tuple[str, bool, bool, bool]]:
        """Returns those of these records that an ``other`` outside of this part refers to; and whether any of
        those is not of the request, may still stop referring to it, or will not."""
        if reference.is_custom:
            refers = has_value_sql("o", reference.column, "asked.id")
        else:
            refers = f"o.{quoted_column(other, reference.name)} = asked.id"
        table = connection.ops.quote_name(other._meta.db_table)
        sql = REFERRED.format(table=table, refers=refers)
        undo = self.undo
        asked = [ids, undo.tenant_id, undo.pk, undo.tenant_id, list(self.changes)]
        return execute_planned(sql, asked)

    def read(self) -> None:
        """Read the current record of each change, without locking it."""
        for noun, ids in ids_by_noun(self.changes.values()).items():
            for record in noun.with_deleted.filter(pk__in=ids):
                self.changes[record.pk].record = record
        self.changes = {id: c for id, c in self.changes.items() if c.record is not None}
        self.look_for_quiet_changes()

    def wait_for_others(self) -> dict[str, str]:
        """Let records that go wait for those of the request that refer to them and are not in this part.
        Returns the ids of records that stay because others do, with the name of their noun."""
        kept: dict[str, str] = {}
        for noun, ids in ids_by_noun(c for c in self.possible if c.goes).items():
            for other, reference in noun.schema.all_referrers:
                for id, _outside, may_let_go, holds in self._referred(ids, other, reference):
                    self.changes[id].waits |= may_let_go
                    if holds:
                        kept[id] = other.__name__
        while self._wait_with_referrers():
            pass
        return kept

    def _wait_with_referrers(self) -> bool:
        found = [
            c
            for c in self.possible
            if c.goes and any(self.changes[id].waits for id in self.referrers.get(c.id, ()))
        ]
        for change in found:
            change.waits = True
        return bool(found)


def plan_for(undo: Undo, rows: Sequence[UndoRecord]) -> PartialPlan:
    """Returns the plan of these records of the request."""
    events = list(
        Event.log.filter(
            # Only look them up by their records: a request may have any number of events.
            RawSQL(
                "headlessly_event.request_id || '' = %s", (undo.request,), models.BooleanField()
            ),
            target__in=[row.record for row in rows],
            # Later events of rules that follow the request belong to it, too.
            seq__gte=min(row.first for row in rows),
        ).order_by("seq")
    )
    return PartialPlan(events, around=causes_of(events, undo.request), undo=undo)


def causes_of(events: Sequence[Event], request: str) -> list[Event]:
    """Returns the further events of the same request that caused some of these; for events that are about no
    record, their causes as well."""
    known = {event.id for event in events}
    causes: list[Event] = []
    wanted = {event.cause for event in events if event.cause is not None} - known
    while wanted:
        known |= wanted
        there = Event.log.filter(id__in=sorted(wanted)).defer("data", "previous")
        found = [event for event in there if event.request_id == request]
        causes += found
        behind = {event.cause for event in found if event.target is None}
        wanted = {id for id in behind if id is not None} - known
    return causes


def forget_findings(plan: PartialPlan) -> None:
    """Reset what was determined about the records, so that they are read again."""
    plan.changes = {
        id: RecordChange(change.noun, id, change.events) for id, change in plan.changes.items()
    }
