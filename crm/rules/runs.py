"""The runs of automations: created with an event, and worked on by a job after the commit.

A tenant without automations pays nothing. A run's row holds what comes next, and when. If a job is killed,
the row is as the last commit left it, and the next job or the clock goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.dispatch import receiver
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from crm.models import Lead, Rule, RuleAttempt, RuleRun
from crm.rules import attempts, automation, reasons
from crm.rules.active import active_rules, rules_before
from crm.rules.conditions import moments_that_fitted
from crm.rules.score import recount
from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.background.jobs import is_over, job
from headlessly.context import clock, tracing
from headlessly.context.tenant_scope import every_tenant
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.hooks import after_every_verb
from headlessly.declaration.registry import registry
from headlessly.declaration.shapes import cached_by_shape
from headlessly.errors import Conflict
from headlessly.execution.contention import is_contention
from headlessly.execution.executor import Context
from headlessly.ids import public_id
from headlessly.language import wording
from headlessly.log.events import Event, events_appended
from headlessly.log.names import VIEW_EVENTS, names_of
from headlessly.query import filters

logger = logging.getLogger(__name__)

#: Whether the tenant has a run to begin or to go on with, or something to try again.
DUE = f"""
SELECT EXISTS (SELECT FROM {RuleRun._meta.db_table} WHERE tenant_id = %s AND next_at <= %s)
    OR EXISTS (SELECT FROM {RuleAttempt._meta.db_table} WHERE tenant_id = %s AND next_at <= %s)
"""
#: How many runs are begun in one transaction, and how many are looked for at a time.
PAGE = 500
#: The most existing records on which a rule is run at a time.
MOST_ASKED = 10_000
#: How many seconds a job runs before others have their turn.
SLICE = 20
#: Events that are older when they are written are no news: imports of a past.
FRESH = timedelta(days=1)
#: How long finished runs are kept, and how many are deleted at a time.
KEPT_FOR, DELETED_AT_ONCE = timedelta(days=90), 10_000


# -- making -------------------------------------------------------------------------------------------


@cached_by_shape
def _automations_by_event() -> dict[str, tuple[Rule, ...]]:
    """Returns the active automations of the active tenant by the events that they follow."""
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in active_rules(Rule.Kind.AUTOMATION):
        for name in rule.events or ():
            found[name] = (*found.get(name, ()), rule)
    return found


@receiver(events_appended, dispatch_uid="crm.automations")
def note_events(tenant: Tenant, events: Sequence[Event], **more: Any) -> None:
    """Create a run for each rule that follows one of these events. A receiver of the log's signal.

    Whether the record fits is checked after the commit, against what it left.
    """
    if not (rules := _automations_by_event()):
        return
    since = clock.now() - FRESH
    made = [
        new_run(rule, event.target, event.target_type, event.timestamp, event)
        for event in events
        for rule in _following(rules, event)
        if event.target and event.target_type and event.timestamp >= since
    ]
    if made:
        RuleRun.objects.bulk_create(made)
        transaction.on_commit(partial(defer_work, tenant), robust=True)


def _following(rules: Mapping[str, tuple[Rule, ...]], event: Event) -> list[Rule]:
    """Returns the rules that follow an event, each once.

    A view may hold records of another noun than the rule's.
    """
    names = names_of(event.name, event.data.get("view") if event.data else None)
    found = {rule.pk: rule for name in names for rule in rules.get(name, ())}
    return [rule for rule in found.values() if rule.condition["type"] == event.target_type]


def new_run(
    rule: Rule, record: str, noun: str, moment: datetime, event: Event | None = None
) -> RuleRun:
    """Returns a run that has not begun."""
    return RuleRun(
        id=public_id(RuleRun.prefix),
        tenant_id=tenancy.require().pk,
        rule_id=rule.pk,
        rule_version=rule.version,
        event=event.id if event else None,
        event_name=event.name if event else None,
        request_id=event.request_id if event else tracing.request_id(),
        record=record,
        record_type=noun,
        moment=moment,
        next_at=moment,
    )


def defer_work(tenant: Tenant) -> None:
    """Start the job that works on a tenant's runs. Call it after the commit, or the job may look too
    early."""
    with tenancy.active(tenant), actors.acting(actors.SYSTEM), tracing.request_id_scope():
        work.defer(once=f"rules:{tenant.pk}")


@app.periodic(cron="* * * * *")
@app.task(name="rules.tick", queueing_lock="rules.tick")
@every_tenant()
def tick(timestamp: int) -> None:
    """Start jobs for what is due, once a minute, and delete old rows.

    Due are the ends of waits, failures to try again, and what a killed job left.
    """
    now = clock.now()
    due, owed = (
        Exists(rows.objects.filter(tenant=OuterRef("pk"), next_at__lte=now))
        for rows in (RuleRun, RuleAttempt)
    )
    for tenant in Tenant.not_closed().filter(due | owed):
        defer_work(tenant)
    if timestamp // 60 % 60 == 0:
        forget_old(now)


def forget_old(now: datetime) -> None:
    """Delete old runs that ended more than ``KEPT_FOR`` ago, and failures that are no longer tried.

    A limited number of each tenant is deleted at a time.
    """
    for tenant in Tenant.objects.all():
        old = RuleRun.objects.filter(tenant=tenant, ended_at__lt=now - KEPT_FOR)
        keys = list(old.values_list("pk", flat=True)[:DELETED_AT_ONCE])
        RuleRun.objects.filter(tenant=tenant, pk__in=keys).delete()
        over = RuleAttempt.objects.filter(tenant=tenant, last_at__lt=now - KEPT_FOR, next_at=None)
        rows = list(over.values_list("pk", flat=True)[:DELETED_AT_ONCE])
        RuleAttempt.objects.filter(tenant=tenant, pk__in=rows).delete()


# -- working ------------------------------------------------------------------------------------------


@job("rules.work")
def work() -> None:
    """Begin the runs that are new, and go on with those that are due."""
    until = time.monotonic() + SLICE
    while not is_over(until):
        if not work_once():
            return
    defer_work(tenancy.require())


def work_once() -> bool:
    """Work once on what is due. Returns whether anything was done, in which case there may be more."""
    if not is_anything_due():
        return False
    begun = begin_due()
    tried = attempts.try_due()
    due = RuleRun.objects.filter(next_at__lte=clock.now(), steps__isnull=False)
    columns = ("pk", "rule_id", "request_id")
    found = list(due.order_by("next_at", "id").values_list(*columns)[:PAGE])
    moved = [automation.proceed_with_run(*each) for each in found]
    return bool(begun) or tried or any(moved)


def is_anything_due() -> bool:
    """Whether there is anything to do. Mostly there is not."""
    asked = [tenancy.require().pk, clock.now()] * 2
    return bool(execute_prepared(DUE, asked)[0][0])


def begin_due() -> int:
    """Begin the runs whose records fit, and delete the others. Returns how many were looked at."""
    with transaction.atomic():
        new = RuleRun.objects.filter(next_at__lte=clock.now(), steps__isnull=True)
        new = new.order_by("next_at", "id").select_for_update(skip_locked=True, of=("self",))
        runs = list(new[:PAGE])
        if not runs:
            return 0
        by_rule: dict[tuple[str, int], list[RuleRun]] = defaultdict(list)
        for run in runs:
            by_rule[run.rule_id, run.rule_version].append(run)
        active = set(
            Rule.objects.filter(pk__in={id for id, _version in by_rule}, is_active=True)
            .order_by()
            .values_list("pk", flat=True)
        )
        begun: list[RuleRun] = []
        for (id, version), group in by_rule.items():
            if id in active:
                begun += _begin(id, version, group)
        changed = ("steps", "state", "because", "next_at", "attempts", "ended_at")
        RuleRun.objects.bulk_update(begun, changed)
        left = {run.pk for run in runs} - {run.pk for run in begun}
        RuleRun.objects.filter(pk__in=left).delete()
        return len(runs)


def _begin(id: str, version: int, runs: list[RuleRun]) -> list[RuleRun]:
    """Returns the runs of one version of a rule whose records fit, with their steps.

    If the condition cannot be checked, all of them are returned with the error, so that one wrong rule does
    not affect the others.
    """
    try:
        with transaction.atomic():
            rule = automation.rule_at(id, version)
            planned = [{"step": step, "state": automation.PLANNED} for step in rule.steps or ()]
            if not planned:
                raise Conflict(reasons.NO_STEPS(), type="Rule", id=id)
            fitting = _fitting(rule, runs)
            circles = _circles(fitting)
    except Exception as problem:
        if is_contention(problem):
            raise
        logger.warning("Runs of rule %s, version %s, cannot begin.", id, version, exc_info=True)
        for run in runs:
            automation.fail_run(run, problem)
        return runs
    for run in fitting:
        run.steps = [dict(step) for step in planned]
        run.state, run.because, run.attempts = RuleRun.RUNNING, None, 0
        if path := circles.get(run.event or ""):
            run.because = reasons.CIRCLE(path=path)
            run.state, run.next_at, run.ended_at = RuleRun.FAILED, None, clock.now()
    return fitting


def _fitting(rule: Rule, runs: list[RuleRun]) -> list[RuleRun]:
    noun, filter = registry[rule.condition["type"]], rule.condition["filter"]
    # A view's events change nothing in the record: it is judged as it is now, as for runs without an event.
    changing = {run.pk for run in runs if run.event and run.event_name not in VIEW_EVENTS}
    moments = [(run.record, run.moment) for run in runs if run.pk in changing]
    changes = moments_that_fitted(noun, filter, moments) if moments else set()
    asked = [run.record for run in runs if run.pk not in changing]
    now: set[str] = set()
    if asked:
        with actors.acting(actors.SYSTEM):
            there = noun.objects.filter(filters.compile_filter(noun, filter), pk__in=asked)
            now = set(there.values_list("pk", flat=True))
    return [
        run
        for run in runs
        if ((run.record, run.moment) in changes if run.pk in changing else run.record in now)
    ]


def _circles(runs: Iterable[RuleRun]) -> dict[str, str | None]:
    """Returns the path of causes for each event to which so many rules led that it is a circle."""
    events = {run.event for run in runs if run.event}
    by_rules = Event.log.filter(id__in=events, actor__startswith=f"{Rule.prefix}_")
    return {id: automation.circle_of(id) for id in by_rules.values_list("id", flat=True)}


# -- by hand ------------------------------------------------------------------------------------------


@after_every_verb(Rule)
def stop_runs(rule: Rule, ctx: Context) -> None:
    """Stop a rule's open runs as soon as the rule is no longer active."""
    if rule.kind != Rule.Kind.AUTOMATION or (rule.is_active and rule.deleted_at is None):
        return
    open_ones = RuleRun.objects.filter(rule=rule.pk, state__in=RuleRun.OPEN)
    open_ones.filter(steps__isnull=True).delete()
    open_ones.update(
        state=RuleRun.STOPPED,
        next_at=None,
        ended_at=clock.now(),
        because=reasons.NOT_ACTIVE(),
    )


def stop_run(run: RuleRun) -> None:
    """Stop a run that is not over. Raises Conflict for any other."""
    _change(run, RuleRun.OPEN, RuleRun.STOPPED, reasons.STOPPED_BY(name=actors.current().name))


def try_again(run: RuleRun) -> None:
    """Have the failed or delayed step of a run done now. Raises Conflict for any other run."""
    _change(run, (RuleRun.FAILED, RuleRun.RETRYING), RuleRun.RUNNING, None)
    transaction.on_commit(partial(defer_work, tenancy.require()), robust=True)


def _change(run: RuleRun, among: Sequence[str], state: str, because: str | None) -> None:
    with transaction.atomic():
        found = RuleRun.objects.filter(pk=run.pk, state__in=among)
        if (held := found.select_for_update(of=("self",)).first()) is None:
            raise Conflict(
                _("This run is %(state)s. It would have to be %(among)s.")
                % {"state": run.state, "among": wording.join_with_or(among)},
                type="RuleRun",
                id=run.pk,
            )
        now, is_open = clock.now(), state in RuleRun.OPEN
        held.state, held.because, held.attempts = state, because, 0
        held.next_at, held.ended_at = (now, None) if is_open else (None, now)
        held.save()
        run.__dict__.update(held.__dict__)


@after_every_verb(Rule)
def try_again_what_changed(rule: Rule, ctx: Context) -> None:
    """Try what a rule failed at again with the rule as it is now. An inactive rule tries nothing."""
    if not rule.is_new and attempts.try_open_again(rule):
        transaction.on_commit(partial(defer_work, tenancy.require()), robust=True)


def try_attempts_again(rule: Rule) -> int:
    """Have everything tried again at which a rule failed, however often. Returns how much that is."""
    count = attempts.try_all_again(rule)
    if rule.kind == Rule.Kind.SCORE:
        recount.go_on()
    if count:
        transaction.on_commit(partial(defer_work, tenancy.require()), robust=True)
    return count


# -- on what is there ---------------------------------------------------------------------------------


def why_not_on_what_is_there(rule: Rule) -> str | None:
    """Returns why a rule cannot be run on existing records, or None."""
    match rule.kind:
        case Rule.Kind.SCORE:
            return _("A score rule counts all leads anew by itself whenever it changes.")
        case Rule.Kind.FIRST_ANSWER:
            return _(
                "A first-answer rule is for new leads; a lead that is there is asked for one by one."
            )
    return rule.error or (None if rule.is_active else _("This rule is not active."))


def records_to_run(rule: Rule) -> list[str]:
    """Returns the ids of the existing records that fit a rule, at most one more than the limit.

    For assignment rules these are leads without an owner that no earlier rule takes.
    """
    noun, filter = registry[rule.condition["type"]], rule.condition["filter"]
    with actors.acting(actors.SYSTEM):
        there = noun.objects.filter(filters.compile_filter(noun, filter)).order_by("pk")
        if rule.kind == Rule.Kind.ASSIGNMENT:
            there = there.filter(owner=None, status__in=Lead.OPEN).order_by("created_at", "pk")
            for other in rules_before(rule):
                taken = noun.objects.filter(
                    filters.compile_filter(noun, other.condition["filter"]), pk=OuterRef("pk")
                )
                there = there.exclude(Exists(taken.order_by()))
        return list(there.values_list("pk", flat=True)[: MOST_ASKED + 1])


def run_on_what_is_there(rule: Rule, *, dry_run: bool = False) -> list[str]:
    """Run a rule on all existing records that fit, in the background. Returns the records.

    An automation runs as if its event had happened now, an assignment rule on the leads without an owner.
    Raises Conflict for a rule of another kind, for an inactive rule, or if too many records fit.
    """
    if (why := why_not_on_what_is_there(rule)) is not None:
        raise Conflict(why, type="Rule", id=rule.pk)
    found = records_to_run(rule)
    if len(found) > MOST_ASKED:
        raise Conflict(
            _("More than %s records fit. Narrow the condition.") % f"{MOST_ASKED:,}",
            type="Rule",
            id=rule.pk,
        )
    if not dry_run and found:
        now, noun = clock.now(), rule.condition["type"]
        with transaction.atomic():
            if rule.kind == Rule.Kind.ASSIGNMENT:
                attempts.ask_for(rule, found, noun)
            else:
                made = [new_run(rule, record, noun, now) for record in found]
                RuleRun.objects.bulk_create(made, batch_size=PAGE)
            transaction.on_commit(partial(defer_work, tenancy.require()), robust=True)
    return found
