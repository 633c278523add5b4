"""Runs automations: each step's effect and the state of the run are one transaction.

The executor does the work, as an actor named after the rule. Before it an event ``automation_ran`` is
recorded; it is caused by the run's own event and names the rule and its version. So following the causes of
anything that was done leads to the rule as it was, and to what triggered it.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy, pgettext_lazy
from psycopg import errors as postgres

from crm.calendars import next_working_moment, office_zone
from crm.models import Rule, RuleRun
from crm.models.steps import (
    WORKING_DAY,
    Do,
    Notify,
    Send,
    Step,
    Wait,
    fill_in,
    read_steps,
    record_at_path,
)
from crm.rules import reasons
from crm.working_time import NoWorkingTime
from headlessly.access import actors, tenancy
from headlessly.access.actors import ADMIN, Actor
from headlessly.access.models import Membership
from headlessly.context import clock, tracing
from headlessly.context.running import current_moment
from headlessly.database.prepared import execute_prepared
from headlessly.declaration import days
from headlessly.declaration.registry import registry
from headlessly.errors import HeadlesslyError, VerbRefused
from headlessly.execution.contention import retry_on_deadlock
from headlessly.execution.executor import MAX_HOOK_DEPTH, Execution, one_transaction
from headlessly.ids import public_id
from headlessly.language.wording import tell_tracked_event
from headlessly.log.events import Event
from headlessly.notifications.telling import Notice, tell
from headlessly.nouns import Noun
from headlessly.query import filters
from headlessly.webhooks import deliveries
from headlessly.webhooks.models import Delivery, Webhook

logger = logging.getLogger(__name__)

#: The event between what triggered a rule and what the rule did.
RAN = "automation_ran"
#: The texts of this event and of its data.
RECORDED = (
    pgettext_lazy("event", "automation ran"),
    pgettext_lazy("label", "Rule name"),
    pgettext_lazy("label", "Rule version"),
    pgettext_lazy("label", "Step"),
    pgettext_lazy("label", "Record type"),
)
tell_tracked_event(RAN, gettext_lazy("did step %(step)s of the rule “%(ruleName)s”"))
#: The wait after each failed attempt. After the last one the run has failed.
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
PLANNED, WAITING, DONE = "Planned", "Waiting", "Done"

#: Locks the rule against being disabled until the step is done. Always taken before the lock of the run.
HOLD = """
SELECT name, version FROM crm_rule
WHERE tenant_id = %s AND id = %s AND is_active AND deleted_at IS NULL FOR SHARE
"""
CHAIN = """
WITH RECURSIVE up AS (
    SELECT e.name, e.cause, e.data, 1 AS depth FROM headlessly_event AS e
    WHERE e.tenant_id = %s AND e.id = %s
    UNION ALL
    SELECT e.name, e.cause, e.data, up.depth + 1 FROM up
    JOIN headlessly_event AS e ON e.tenant_id = %s AND e.id = up.cause WHERE up.depth < 1000
)
SELECT CASE name WHEN %s THEN data ->> 'ruleName' END, name FROM up ORDER BY depth DESC
"""


def proceed_with_run(run: str, rule: str, request: str | None) -> bool:
    """Take a run as far as it goes now. Returns whether it went further, or failed.

    It acts as part of the given request: one job works on many runs, and each can be undone together with
    what triggered it.
    """
    moved = False
    while True:
        try:
            with tracing.request_id_scope(request):
                more = retry_on_deadlock(partial(take_step, run, rule))
        except Exception as problem:
            log_failure(logger, f"Run {run} of rule {rule}", problem)
            note_failure(run, problem)
            return True
        if more is None:
            return moved
        if not more:
            return True
        moved = True


def take_step(id: str, rule_id: str) -> bool | None:
    """Take the next step of a run.

    Returns whether the following step can be taken at once, or None if there is nothing to do or somebody
    else does it.
    """
    tenant = tenancy.require()
    with one_transaction() as execution:
        held = execute_prepared(HOLD, (tenant.pk, rule_id))
        now = clock.now()
        due = RuleRun.objects.filter(pk=id, next_at__lte=now, steps__isnull=False)
        run = due.select_for_update(skip_locked=True, of=("self",)).first()
        if run is None:
            return None
        if not held:
            _end(run, RuleRun.STOPPED, now, reasons.NOT_ACTIVE())
            return False
        record = _record_of(run)
        if record is None:
            _end(run, RuleRun.STOPPED, now, reasons.RECORD_GONE())
            return False
        rule = rule_at(run.rule_id, run.rule_version)
        step = read_steps(type(record), [s["step"] for s in run.steps or ()], saved=True)[
            run.position
        ]
        entry = run.steps[run.position]  # type: ignore[index]
        if isinstance(step, Wait):
            return _wait(run, rule, step, entry, record, now)
        _do(execution, run, rule, step, entry, record)
        _pass(run, entry, now)
        return run.is_open


# -- waiting ------------------------------------------------------------------------------------------


def _wait(
    run: RuleRun, rule: Rule, step: Wait, entry: dict[str, Any], record: Noun, now: datetime
) -> bool:
    """Begin or end a wait. At its end the condition is checked again, and the date may have moved on."""
    begins = _begins(run)
    until = moment_of(step, begins, record)
    if until is None:
        _end(run, RuleRun.STOPPED, now, reasons.EMPTY(path=step.until))
        return False
    if until > now:
        entry |= {"state": WAITING, "until": _text(until)}
        run.state, run.next_at = RuleRun.WAITING, until
        run.request_id = public_id("req")  # the following steps belong to a request of their own
        run.save()
        return False
    if entry.get("state") == WAITING and not _still_fits(rule, record):
        _end(run, RuleRun.STOPPED, now, reasons.FITS_NO_MORE())
        return False
    entry["until"] = _text(until)
    _pass(run, entry, until)
    return True


def moment_of(step: Wait, begins: datetime, record: Any) -> datetime | None:
    """Returns the end of a wait that begins at a moment, or None if the record has no such date."""
    if step.distance is not None:
        return days.moment_from(begins, step.distance)
    if step.until == WORKING_DAY:
        return next_working_moment(begins, step.at or time(9))
    field = record.schema.fields[step.until]
    value = field.value_of(record)
    if value is None:
        return None
    zone = office_zone()
    if isinstance(value, datetime):
        if step.at is None:
            return value
        value = value.astimezone(zone).date()
    assert isinstance(value, date)
    return datetime.combine(value, step.at or time(), zone)


def _begins(run: RuleRun) -> datetime:
    """Returns the moment from which a step counts: the end of the previous step, or the event."""
    if not run.position:
        return run.moment
    return datetime.fromisoformat(run.steps[run.position - 1]["at"])  # type: ignore[index]


def _still_fits(rule: Rule, record: Noun) -> bool:
    with actors.acting(actors.SYSTEM):
        condition = filters.compile_filter(type(record), rule.condition["filter"])
        return not condition or type(record).objects.filter(condition, pk=record.pk).exists()


# -- doing --------------------------------------------------------------------------------------------


def _do(
    execution: Execution, run: RuleRun, rule: Rule, step: Step, entry: dict[str, Any], record: Noun
) -> None:
    with execution.acted_by(Actor(rule.pk, rule.name, ADMIN)):
        execution.cause = run.event
        event = execution.append(
            name=RAN,
            target=None,
            target_type=None,
            version=None,
            data={
                "rule": rule.pk,
                "ruleName": rule.name,
                "ruleVersion": run.rule_version,
                "run": run.pk,
                "step": run.position + 1,
                "record": record.as_json() if isinstance(step, Send) else run.record,
                "recordType": run.record_type,
            },
            previous=None,
            timestamp=current_moment(),
        )
        execution.cause = event.id
        match step:
            case Do():
                entry["did"] = _execute(execution, step, record)
            case Notify():
                _notify(run, rule, step, record)
            case Send():
                execution.flush()
                _send(step, event)


def _execute(execution: Execution, step: Do, record: Noun) -> dict[str, str]:
    target = None
    if not step.verb.creates and (target := record_at_path(record, step.path)) is None:
        raise VerbRefused(reasons.EMPTY(path=".".join(step.path)), code="no_such_record")
    inputs = step.verb.inputs
    given = {wire: fill_in(record, value, inputs[wire]) for wire, value in step.given.items()}
    made = execution.perform(step.verb, target and target.pk, given, wire=True)
    return {"type": type(made).__name__, "id": made.pk}


def _notify(run: RuleRun, rule: Rule, step: Notify, record: Noun) -> None:
    there = step.person if isinstance(step.person, str) else record_at_path(record, step.person)
    contact = getattr(there, "pk", there)
    if contact is None:
        raise VerbRefused(reasons.NOBODY_TOLD(path=".".join(step.person)), code="nobody")
    found = Membership.objects.filter(tenant=tenancy.require(), contact=contact)
    if not (users := list(found.values_list("user_id", flat=True))):
        raise VerbRefused(reasons.NOT_A_MEMBER(person=contact), code="no_member")
    text = fill_in(record, f"{step.text} ")  # always a text, even if it consists of a single place
    tell([
        Notice("rule", user, f"{run.pk}:{run.position}", rule.pk, record=record.pk,
               record_type=run.record_type, excerpt=Truncator(text.strip()).chars(200))
        for user in users
    ])  # fmt: skip


def _send(step: Send, event: Event) -> None:
    there = Webhook.objects.filter(pk=step.webhook, active=True)
    if (webhook := there.first()) is None:
        raise VerbRefused(reasons.NO_WEBHOOK(id=step.webhook), code="no_webhook")
    webhook.tenant = tenancy.require()
    delivery = Delivery.make(webhook, timezone.now(), event_id=event.seq, name=event.name)
    # A webhook that subscribes to this event anyway gets it once.
    Delivery.objects.bulk_create([delivery], ignore_conflicts=True)
    transaction.on_commit(partial(deliveries.defer_delivery, webhook), robust=True)


# -- where a run stands -------------------------------------------------------------------------------


def _pass(run: RuleRun, entry: dict[str, Any], at: datetime) -> None:
    """Note that a step is done: the next one is due, or the run is over."""
    entry |= {"state": DONE, "at": _text(at)}
    entry.pop("error", None)
    run.position += 1
    run.state, run.attempts, run.because = RuleRun.RUNNING, 0, None
    run.next_at = at
    if run.position == len(run.steps or ()):
        run.state, run.next_at, run.ended_at = RuleRun.DONE, None, clock.now()
    run.save()


def _end(run: RuleRun, state: str, now: datetime, because: str) -> None:
    run.state, run.because, run.next_at, run.ended_at = state, because, None, now
    run.save()


def note_failure(id: str, problem: Exception) -> None:
    """Note why a step failed, and when it is tried again."""
    with transaction.atomic():
        found = RuleRun.objects.filter(pk=id, next_at__isnull=False)
        if (run := found.select_for_update(of=("self",)).first()) is not None:
            fail_run(run, problem)
            run.save()


def fail_run(run: RuleRun, problem: Exception) -> None:
    """Note the same in a run that is locked. The caller saves it."""
    run.because = error_text(problem)
    if run.attempts < len(RETRY_AFTER):
        run.state, run.next_at = RuleRun.RETRYING, clock.now() + RETRY_AFTER[run.attempts]
    else:
        run.state, run.next_at, run.ended_at = RuleRun.FAILED, None, clock.now()
    run.attempts += 1
    if run.steps:
        run.steps[run.position] |= {"state": run.state, "error": run.because}


def log_failure(log: logging.Logger, what: str, problem: Exception) -> None:
    """Log a rule's failure for the operator.

    An unexpected error is logged with its traceback, a refusal with the sentence that the rule's authors read
    too.
    """
    if isinstance(problem, HeadlesslyError) and problem.__cause__ is None:
        log.warning("%s failed: %s", what, problem.message)
    else:
        log.warning("%s failed.", what, exc_info=problem)


def error_text(problem: Exception) -> str:
    """Returns what went wrong, in words for the authors of the rule."""
    if isinstance(problem, NoWorkingTime):
        return reasons.NOBODY_WORKS()
    if isinstance(problem.__cause__, postgres.QueryCanceled):
        return reasons.TOO_LONG()
    if isinstance(problem, HeadlesslyError | ValueError):
        return str(getattr(problem, "message", problem))
    return reasons.BROKEN(problem=type(problem).__name__)


def rule_at(id: str, version: int) -> Rule:
    """Returns a rule as it was in a version: a run goes on with the version it began with."""
    past = Rule.past.objects.filter(tenant_id=tenancy.require().pk, record=id, version=version)
    return past.order_by("-valid_from")[0].as_record()  # type: ignore[return-value]


def circle_of(event: str) -> str | None:
    """Returns the path of causes to an event if too many rules have led to it, else None."""
    tenant = tenancy.require().pk
    rows = execute_prepared(CHAIN, (tenant, event, tenant, RAN))
    if sum(rule is not None for rule, _name in rows) < MAX_HOOK_DEPTH:
        return None
    return " → ".join(f'"{rule}"' if rule is not None else name for rule, name in rows)


def _record_of(run: RuleRun) -> Noun | None:
    return registry[run.record_type].objects.filter(pk=run.record).first()  # type: ignore[return-value]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
