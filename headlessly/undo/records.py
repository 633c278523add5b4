"""The records of a large undo: each is checked alone, then those that depend on one that stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from headlessly.access import actors
from headlessly.database.prepared import execute_planned, execute_prepared
from headlessly.declaration.registry import registry
from headlessly.log.events import plain_json
from headlessly.log.names import PLATFORM_EVENTS, SECURITY
from headlessly.undo.at_once import check_permission, require_what_it_takes, staying_with_reasons
from headlessly.undo.models import Undo, UndoRecord
from headlessly.undo.partial_plan import PartialPlan, plan_for
from headlessly.undo.plan import HIDDEN, Reason, RecordChange, unseen_ids

State = UndoRecord.State

#: Collects the records of a request by its id alone, without sending anything to the client.
COLLECT = """
INSERT INTO headlessly_undorecord
    (tenant_id, undo_id, record, type, first, last, state, goes, refers, causes, leaves,
     name, code, message, fields, tie, other, told)
SELECT e.tenant_id, %s, e.target, max(e.target_type), min(e.seq), max(e.seq), 'new', false, '{}', '{}', '{}',
       '', '', '', '[]', '', '', true
FROM headlessly_event AS e
WHERE e.tenant_id = %s AND e.request_id = %s AND e.target IS NOT NULL AND e.target_type = ANY(%s)
GROUP BY e.tenant_id, e.target
ON CONFLICT DO NOTHING
"""
COUNT_TRACKED = """
SELECT count(*) FROM headlessly_event AS e
WHERE e.tenant_id = %s AND e.request_id = %s AND e.target IS NULL
  AND e.target_type IS DISTINCT FROM %s AND e.name <> ALL(%s)
"""
#: Saves the findings about some records in one statement.
WRITE = """
UPDATE headlessly_undorecord AS r
SET state = w.state, goes = w.goes, refers = w.refers, causes = w.causes, leaves = w.leaves, name = w.name,
    code = w.code, message = w.message, fields = w.fields, since = w.since, tie = w.tie, other = w.other,
    told = w.told
FROM jsonb_to_recordset(%s) AS w(record text, state text, goes boolean, refers text[], causes text[],
    leaves text[], name text, code text, message text, fields jsonb, since jsonb, tie text, other text,
    told boolean)
WHERE r.tenant_id = %s AND r.undo_id = %s AND r.record = w.record
"""

#: Keeps records that depend on one that stays. Each pair is looked up by the record's id, however many there
#: are, because the planner has no statistics of rows that were just written.
_BELONGS = """
UPDATE headlessly_undorecord AS t
SET state = 'stays', code = 'belongs', tie = %(tie)s, other = found.other
FROM (SELECT pair.id, min(pair.other) AS other FROM ({pairs}) AS pair
      WHERE pair.id IS NOT NULL AND pair.other IS NOT NULL GROUP BY pair.id) AS found
WHERE t.tenant_id = %(tenant)s AND t.id = found.id
RETURNING 1
"""
_OTHER_STAYS = """
SELECT t.id, (SELECT x.type FROM headlessly_undorecord AS x
              WHERE x.tenant_id = t.tenant_id AND x.undo_id = t.undo_id AND x.record = named.record
                AND x.state || '' = 'stays' {of_other}) AS other
FROM headlessly_undorecord AS t, unnest(t.{names}) AS named(record)
WHERE t.tenant_id = %(tenant)s AND t.undo_id = %(undo)s AND t.state = 'possible'
  AND named.record <> t.record {of_this}
"""
_REFERS_TO_WHAT_GOES = """
SELECT (SELECT t.id FROM headlessly_undorecord AS t
        WHERE t.tenant_id = x.tenant_id AND t.undo_id = x.undo_id AND t.record = named.record
          AND t.goes AND t.state || '' = 'possible') AS id, x.type AS other
FROM headlessly_undorecord AS x, unnest(x.refers) AS named(record)
WHERE x.tenant_id = %(tenant)s AND x.undo_id = %(undo)s AND x.state <> 'new'
  AND NOT (x.state = 'possible' AND (x.goes OR named.record = ANY(x.leaves)))
  AND named.record <> x.record
"""
#: How a record depends on one that stays: it would no longer refer to it; it was caused by a change of it; or
#: the other will still refer to it.
TIES = {
    tie: _BELONGS.format(pairs=pairs)
    for tie, pairs in (
        ("leaves", _OTHER_STAYS.format(
            names="leaves", of_other="AND x.goes", of_this="AND NOT t.goes")),
        ("cause", _OTHER_STAYS.format(names="causes", of_other="", of_this="")),
        ("refers", _REFERS_TO_WHAT_GOES),
    )
}  # fmt: skip


def collect_records(undo: Undo) -> None:
    """Save all records that the request changed, and count its events that are about none."""
    nouns = [noun.__name__ for noun in registry.values()]
    execute_prepared(COLLECT, [undo.pk, undo.tenant_id, undo.request, nouns], rows=False)
    asked = [undo.tenant_id, undo.request, SECURITY, list(PLATFORM_EVENTS)]
    ((undo.tracked,),) = execute_prepared(COUNT_TRACKED, asked)
    undo.total = UndoRecord.objects.filter(undo_id=undo.pk).count()


def judge_records(undo: Undo, most: int) -> int:
    """Check so many unchecked records, the last ones first; returns how many there were.

    Raises Forbidden and NotFound like an immediate undo.
    """
    rows = list(
        UndoRecord.objects.filter(undo_id=undo.pk, state=State.NEW).order_by("-last")[:most]
    )
    if not rows:
        return 0
    plan = plan_for(undo, rows)
    hidden = check_permission(plan, undo.request)
    with actors.acting(actors.SYSTEM):  # records that the actor does not see are in the way as well
        plan.read()
        plan.judge_each(dict.fromkeys(hidden, Reason(HIDDEN, _("You do not see it any more."))))
    require_what_it_takes(plan)
    write_records(undo, plan, {row.record: State.SAME for row in rows})
    return len(rows)


def keep_what_depends_on_staying(undo: Undo) -> None:
    """Keep everything that depends on records that stay, repeatedly."""
    found = True
    while found:
        found = False
        for tie, sql in TIES.items():
            asked = {"tie": tie, "tenant": undo.tenant_id, "undo": undo.pk}
            found |= bool(execute_planned(sql, asked))


def write_records(
    undo: Undo,
    plan: PartialPlan,
    states: Mapping[str, str],
    kept: Mapping[str, str] | None = None,
) -> None:
    """Save the findings of a plan about its records. ``states`` are the states of records without findings;
    ``kept`` are held by others that stay, of the noun with this name."""
    staying = {each.id: each for each in staying_with_reasons(plan)}
    ends = _records_of_causes(plan)
    unseen = unseen_ids(plan.changes.values())
    found = []
    for id, given in states.items():
        change = plan.changes.get(id)
        if change is None:
            found.append(_row(id, given))
            continue
        stays, other = staying.get(id), (kept or {}).get(id, "")
        state = State.STAYS if other else _state(change, given)
        reason = stays.reason if stays else None
        found.append(
            _row(
                id,
                state,
                goes=change.goes,
                refers=sorted(_refers(change)),
                causes=sorted(ends.get(id, set()) - {id}),
                leaves=sorted(_leaves(change)),
                name=change.name,
                code="belongs" if other else reason.code if reason else "",
                message=reason.message if reason else "",
                fields=list(reason.fields) if reason else [],
                since=stays.as_json()["since"] if stays else None,
                tie="refers" if other else "",
                other=other,
                told=id not in unseen or (reason is not None and reason.code == HIDDEN),
            )
        )
    rows = Jsonb(plain_json(found))
    execute_prepared(WRITE, [rows, undo.tenant_id, undo.pk], rows=False)


def _row(id: str, state: str, **values: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "goes": False, "refers": [], "causes": [], "leaves": [], "name": "", "code": "", "message": "",
        "fields": [], "since": None, "tie": "", "other": "", "told": True,
    }  # fmt: skip
    return {"record": id, "state": str(state)} | empty | values


def _state(change: RecordChange, given: str) -> str:
    """Returns the state of a record; a record that was put off can still be taken back later."""
    if change.stays is not None:
        return State.POSSIBLE if change.put_off else State.STAYS
    return given if change.undone else State.POSSIBLE


def _refers(change: RecordChange) -> set[str]:
    """Returns the records that it refers to now."""
    record = change.record
    if record is None or record.deleted_at is not None:
        return set()
    return change.references


def _leaves(change: RecordChange) -> set[str]:
    """Returns the records that it will no longer refer to."""
    fields = change.noun.schema.fields
    found = (
        after
        for wire, (_before, after) in change.changed.items()
        if fields[wire].type == "reference"
    )
    return {id for id in found if isinstance(id, str)}


def _records_of_causes(plan: PartialPlan) -> dict[str, set[str]]:
    """Returns for each record those whose events caused its own."""
    found: dict[str, set[str]] = {}
    for event in plan.events:
        cause = plan.cause_of(event)
        if cause is not None and cause.target is not None and event.target is not None:
            found.setdefault(event.target, set()).add(cause.target)
    return found
