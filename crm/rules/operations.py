"""Operations on rules besides their fields and verbs: their runs, their failures, and their trial on the
past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet

from crm.models import Rule, RuleAttempt, RuleRun
from crm.rules import runs
from crm.rules.backtest import trial
from headlessly.access import actors
from headlessly.api.base import find_by_id
from headlessly.api.json_schema import (
    COUNT,
    MOMENT,
    TEXT,
    TEXTS,
    Schema,
    id_schema,
    nullable,
    object_schema,
)
from headlessly.api.log import paginate
from headlessly.context import clock
from headlessly.errors import Forbidden
from headlessly.query import reads
from headlessly.query.record_operations import DRY_RUN, Parameter, does, explains, tries

STEP = object_schema(
    {
        "step": {"type": "object"},
        "state": TEXT,
        "at": MOMENT,
        "until": MOMENT,
        "did": object_schema({"type": TEXT, "id": TEXT}, ("type", "id")),
        "error": TEXT,
    },
    ("step", "state"),
)
_RUN: dict[str, Schema] = {
    "id": id_schema(RuleRun.prefix),
    "rule": id_schema(Rule.prefix),
    "ruleVersion": {"type": "integer"},
    "record": TEXT,
    "recordType": TEXT,
    "event": nullable(TEXT),
    "eventName": nullable(TEXT),
    "moment": MOMENT,
    "state": TEXT | {"enum": [*RuleRun.STATES]},
    "because": nullable(TEXT),
    "nextAt": nullable(MOMENT),
    "endedAt": nullable(MOMENT),
    "steps": {"type": "array", "items": STEP},
}
RUN = object_schema(_RUN, _RUN)
_FAILURE: dict[str, Schema] = {
    "rule": id_schema(Rule.prefix),
    "ruleVersion": {"type": "integer"},
    "record": TEXT,
    "recordType": TEXT,
    "because": TEXT,
    "failures": COUNT,
    "firstAt": MOMENT,
    "lastAt": MOMENT,
    "nextAt": nullable(MOMENT),
    "askedAt": nullable(MOMENT)
    | {
        "description": "When somebody asked this rule for the record; null where it came to it by itself."
    },
}
FAILURE = object_schema(_FAILURE, _FAILURE)
_ASKED: dict[str, Schema] = {"dryRun": {"type": "boolean"}, "count": COUNT, "records": TEXTS}
ASKED = object_schema(_ASKED, _ASKED)
_TRIED: dict[str, Schema] = {
    "rule": id_schema(Rule.prefix),
    "version": {"type": "integer"},
    "kind": TEXT,
    "from": MOMENT,
    "to": MOMENT,
    "complete": {"type": "boolean", "description": "Whether there was time for all of it."},
    "reached": MOMENT,
    "events": COUNT,
    "fitting": COUNT,
}
#: The schema of what rules of each kind count.
TRIED = object_schema(_TRIED, _TRIED, additionalProperties=True)
#: The parameter that names the run.
THE_RUN = {"run": Parameter(in_path=RuleRun.prefix)}


def permit_rules() -> None:
    """Raises Forbidden if the actor may not change rules: runs name records of everybody."""
    if not actors.may(actors.current(), "update", Rule):
        role = actors.current().role
        raise Forbidden(f"As {role} you may not see what rules did.", type="RuleRun")


def _rule(id: str) -> Rule:
    return reads.find_record(Rule, id)


# -- what it did --------------------------------------------------------------------------------------


def find_runs(rule: Rule, state: str | None = None) -> QuerySet[RuleRun]:
    """Returns the runs of a rule that have begun, the newest first."""
    found = RuleRun.objects.filter(rule=rule.pk)
    found = found.filter(Q(steps__isnull=False) | Q(because__isnull=False))
    if state is not None:
        found = found.filter(state=state)
    return found.order_by("-moment", "-id")


@explains(
    Rule,
    "runs",
    schema=RUN,
    component="RuleRun",
    takes={"state": Parameter(description="Only the runs in this state.", choices=RuleRun.STATES)},
    is_paged=True,
    columns=("id", "record", "eventName", "moment", "state", "steps", "nextAt", "because"),
    permit=permit_rules,
)
def list_runs(id: str, state: str | None = None, **page: Any) -> dict[str, Any]:
    """What an automation did and waits for, the newest first."""
    return paginate(find_runs(_rule(id), state), RuleRun.as_json, of=f"{id} {state}", **page)


@does(
    Rule,
    "runAll",
    path="runs",
    schema=ASKED,
    component="RuleRunsAsked",
    takes={"dryRun": DRY_RUN},
    permit=permit_rules,
)
def run_all(id: str, dry_run: bool = False) -> dict[str, Any]:
    """Run an automation on all that is there and fits, or an assignment on the leads that are nobody's; with
    dryRun say on what."""
    records = runs.run_on_what_is_there(_rule(id), dry_run=dry_run)
    return {"dryRun": dry_run, "count": len(records), "records": records[:100]}


changes_run = partial(
    does, Rule, schema=RUN, component="RuleRun", takes=THE_RUN, permit=permit_rules
)


@changes_run("runStop", path="runs/<run>/stop")
def stop_run(id: str, run: str) -> dict[str, Any]:
    """Stop a run that is not over."""
    return _change_run(id, run, runs.stop_run)


@changes_run("runRetry", path="runs/<run>/retry")
def retry_run(id: str, run: str) -> dict[str, Any]:
    """Try the step again at which a run failed."""
    return _change_run(id, run, runs.try_again)


def _change_run(id: str, run: str, change: Callable[[RuleRun], None]) -> dict[str, Any]:
    found = find_by_id(RuleRun.objects.filter(rule=id), "RuleRun", run)
    change(found)
    return found.as_json()


# -- what it failed at --------------------------------------------------------------------------------


def find_failures(rule: Rule) -> QuerySet[RuleAttempt]:
    """Returns what a rule failed at and has not made up for, the latest first."""
    found = RuleAttempt.objects.filter(rule=rule.pk, because__isnull=False)
    return found.order_by("-last_at", "-id")


@explains(
    Rule,
    "failures",
    schema=FAILURE,
    component="RuleFailure",
    is_paged=True,
    columns=("record", "because", "failures", "lastAt", "nextAt"),
    permit=permit_rules,
)
def list_failures(id: str, **page: Any) -> dict[str, Any]:
    """What a rule failed at and has not made up for, the latest first; nextAt is when it is tried again, null
    for what is not any more."""
    return paginate(find_failures(_rule(id)), RuleAttempt.as_json, of=id, **page)


@does(
    Rule,
    "failuresRetry",
    path="failures/retry",
    schema=object_schema({"count": COUNT}, ("count",)),
    component="RuleFailuresAsked",
    permit=permit_rules,
)
def retry_failures(id: str) -> dict[str, Any]:
    """Try everything again now that a rule failed at, also what is not any more by itself."""
    return {"count": runs.try_attempts_again(_rule(id))}


# -- what it would have done --------------------------------------------------------------------------


@tries(
    Rule,
    "backtest",
    schema=TRIED,
    takes={
        "from": Parameter("datetime", "Since when; 90 days before the end unless said."),
        "to": Parameter("datetime", "Until when; now unless said."),
    },
    permit=permit_rules,
)
def try_on_the_past(
    id: str, from_: datetime | None = None, to: datetime | None = None
) -> dict[str, Any]:
    """What a rule, active or not, would have done over the events of a period, beside what really happened;
    nothing is written."""
    return trial.try_on_the_past(_rule(id), trial.read_period(from_, to, clock.now()))
