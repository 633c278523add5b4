"""One part of a large undo: one transaction, with records that depend on each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.utils.translation import gettext as _

from headlessly.background.garbage import collecting_later
from headlessly.errors import Conflict
from headlessly.execution import executor
from headlessly.execution.execution import Execution
from headlessly.execution.hook_context import RunningVerb
from headlessly.log.events import Event
from headlessly.undo.at_once import MOST_TRIES, UNDO, Request
from headlessly.undo.models import Undo, UndoRecord
from headlessly.undo.partial_plan import PartialPlan, forget_findings, plan_for
from headlessly.undo.plan import Reason
from headlessly.undo.records import write_records
from headlessly.undo.steps import RecordUndone, UndoRefused, UndoSteps

State = UndoRecord.State

#: The maximum number of records in a part, including those that it brings along.
MOST = 2_000


@dataclass
class Part:
    """Records that are tried together, and the number of the last event before which the next part begins."""

    rows: list[UndoRecord]
    lowest: int

    @classmethod
    def around(cls, undo: Undo, chosen: Sequence[UndoRecord], *, widely: bool) -> Part:
        """Returns the part of these records, those whose events caused theirs, and with ``widely`` those that
        refer to them."""
        rows = {row.record: row for row in chosen}
        new = list(chosen)
        left = UndoRecord.objects.filter(undo_id=undo.pk, state=State.POSSIBLE)
        while new and len(rows) < MOST:
            ids = {id for row in new for id in row.causes} - rows.keys()
            new = list(left.filter(record__in=ids)) if ids else []
            if widely:
                refer = left.filter(refers__overlap=list(rows)).exclude(record__in=list(rows))
                new += refer.exclude(record__in=ids)[: MOST - len(rows)]
            rows |= {row.record: row for row in new}
        return cls(list(rows.values()), min(row.last for row in chosen))


def take_back_part(
    undo: Undo,
    part: Part,
    *,
    hold: Callable[[], None],
    note: Callable[[dict[str, int], bool], None],
) -> bool:
    """Take back what can be of a part, and save the outcome; returns whether there was progress.

    ``hold`` makes sure that no other worker does the same. ``note`` is called with the number of records
    taken back by noun, and whether any record stays that was expected to go.
    """
    ids = [row.record for row in part.rows]
    with collecting_later(), executor.one_transaction(ids=ids) as execution:
        hold()
        plan = plan_for(undo, part.rows)
        event = Event(id=cast(str, undo.event))
        with execution.within(RunningVerb(UNDO, cast(Any, Request()), event)):
            undone, kept = _carry_out(execution, plan)
        done = {each.id for each in undone}
        rows = UndoRecord.objects.filter(undo_id=undo.pk)
        told = {row.record for row in part.rows if row.told}
        rows.filter(record__in=done).delete()
        states = {id: State.SAME for id in ids if id not in done}
        write_records(undo, plan, states, kept)
        stays = bool(kept) or any(not change.put_off for change in plan.staying)
        counts = Counter(each.noun.__name__ for each in undone if each.id in told)
        note(counts, stays)
        same = any(c.undone for c in plan.changes.values() if c.id not in done)
    return bool(done) or stays or same


def _carry_out(
    execution: Execution, plan: PartialPlan
) -> tuple[list[RecordUndone], dict[str, str]]:
    """Take back what can be; records for which a verb refuses are put off, and the rest is tried again."""
    refused: dict[str, Reason] = {}
    final: set[str] | None = None
    for _try in range(MOST_TRIES):
        try:
            with execution.attempt():
                forget_findings(plan)
                plan.lock_records(execution)
                plan.judge(refused)
                if final is None:
                    final = {change.id for change in plan.staying}
                for change in plan.staying:
                    change.put_off = change.id not in final
                kept = plan.wait_for_others()
                for id in kept:
                    plan.changes[id].waits = True
                undone = UndoSteps(execution, plan).take()
                _note_what_did_nothing(plan, undone)
                return undone, kept
        except UndoRefused as problem:
            refused |= problem.reasons
    raise Conflict(_("This cannot be taken back now. Try again."), type="Request")


def _note_what_did_nothing(plan: PartialPlan, undone: Sequence[RecordUndone]) -> None:
    done = {each.id for each in undone}
    for change in plan.possible:
        change.undone = change.undone or change.id not in done
