"""Counts scores in the background: all after a change of the rules, and those that time changes.

A chunk is one transaction and includes the place where it ended, so that the next one continues there. Leads
of a chunk whose score differs are locked and counted again before they are written, so that concurrent
changes are included.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from crm.models import Lead, ScoreDue, ScoreRun
from crm.rules import attempts
from crm.rules.automation import error_text
from crm.rules.score.counting import Count, Model, count_scores, keep_dues, score_models
from headlessly.access import actors, tenancy
from headlessly.access.actors import ADMIN, Actor
from headlessly.access.models import Tenant
from headlessly.background.jobs import is_over, is_running, job, one_of_many
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.database.prepared import execute_prepared
from headlessly.execution import bulk_rewrite, executor
from headlessly.execution.contention import is_contention, retry_on_deadlock

#: How many leads are counted in one transaction. Changing one of them may have to wait that long.
CHUNK = 500
#: How many seconds a job runs before it lines up again.
SLICE = 10
#: How often a failed recount is tried again, after longer and longer waits.
MOST_ATTEMPTS = 10
RETRY = RetryStrategy(max_attempts=MOST_ATTEMPTS, exponential_wait=2)
#: How many leads of a chunk may fail individually. If more do, the counting itself is wrong.
MOST_FAILING = 10
COLUMNS = ("score", "scored_by", "scored_with", "scored_at")

DUE_TENANTS = (
    "SELECT t.id FROM headlessly_tenant AS t WHERE EXISTS "
    "(SELECT FROM crm_scoredue AS d WHERE d.tenant_id = t.id AND d.due_at <= %s)"
)


# -- one chunk ----------------------------------------------------------------------------------------


def recount(leads: Collection[str], cause: str | None = None, *, expects_news: bool = False) -> int:
    """Count these leads by the rules as they are now. Returns how many got another score.

    It is one transaction, or part of the current one. `cause` is the event because of which they are counted.
    With `expects_news` the leads are locked from the start and counted only once, for the case that most
    scores will change.
    """
    models, _needs = score_models()
    found: dict[str, Count] = {}
    news = list(leads)
    if not expects_news:
        found = {each.lead: each for each in count_scores(leads, models, clock.now())}
        news = [each.lead for each in found.values() if each.is_news]
    if news:
        with executor.one_transaction() as execution:
            records = {record.pk: record for record in bulk_rewrite.lock_records(Lead, news)}
            again = {each.lead: each for each in count_scores(records, models, clock.now())}
            found |= again
            changed = [each for each in again.values() if each.is_news]
            changed.sort(key=lambda each: (each.model.rule if each.model else "", each.lead))
            for _rule, group in groupby(changed, lambda each: each.model and each.model.rule):
                _write(execution, list(group), records, cause)
            news = [each.lead for each in changed]
    gone = dict.fromkeys(set(leads) - found.keys())
    moved = {c.lead: c.next_due for c in found.values() if c.next_due != c.due_at}
    keep_dues(gone | moved)
    return len(news)


def recount_one_by_one(
    leads: Collection[str], cause: str | None, problem: Exception, *, is_chunk: bool = False
) -> int:
    """Count leads individually after they could not be counted together.

    One bad lead must not hold up the others. Raises `problem`, the reason why they could not be counted
    together, if many of them fail, or all of a chunk.
    """
    if is_contention(problem):
        raise problem
    changed, failed = 0, 0
    for lead in leads:
        try:
            with transaction.atomic():
                changed += recount([lead], cause)
        except Exception as reason:
            failed += 1
            models = score_models()[0]
            if failed > MOST_FAILING or (is_chunk and 1 < failed == len(leads)) or not models:
                raise problem  # noqa: B904  (with the cause that it has)
            for model in failing_models(lead, models):
                attempts.note_failure(model, lead, Lead.__name__, reason)
            keep_dues({lead: None})
    return changed


def failing_models(lead: str, models: Sequence[Model]) -> list[Model]:
    """Returns the models by which a lead cannot be counted; if each can alone, the first one."""
    found = []
    for model in models:
        try:
            with transaction.atomic():
                next(count_scores([lead], [model], clock.now()), None)
        except Exception as problem:
            if is_contention(problem):
                raise
            found.append(model)
    return found or list(models[:1])


def recount_what_can_be(
    leads: Collection[str],
    cause: str | None = None,
    *,
    is_chunk: bool = False,
    expects_news: bool = False,
) -> int:
    """Count leads within the current transaction; those that fail are tried again later."""
    try:
        with transaction.atomic():
            return recount(leads, cause, expects_news=expects_news)
    except Exception as problem:
        return recount_one_by_one(leads, cause, problem, is_chunk=is_chunk)


def _write(
    execution: executor.Execution,
    counts: list[Count],
    records: dict[str, Lead],
    cause: str | None,
) -> None:
    model = counts[0].model
    assert model is not None
    by_lead = {each.lead: each for each in counts}
    with execution.acted_by(Actor(model.rule, model.name, ADMIN)):
        bulk_rewrite.rewrite_records(
            Lead.verbs["rescore"],
            [records[lead] for lead in by_lead],
            COLUMNS,
            lambda lead: by_lead[lead.pk].give_to(lead),
            cause=cause,
        )


# -- all of them, after a change of the rules ---------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far the last recount of a tenant has come."""

    started_at: datetime
    finished_at: datetime | None  #: None while it goes on
    counted: int
    changed: int
    #: Why it failed last, as long as it has not gone on, and whether it is tried again automatically.
    because: str | None = None
    has_given_up: bool = False


def progress() -> Progress | None:
    """Returns the progress of the active tenant's last recount, or None if there was none."""
    runs = list(ScoreRun.objects.all())
    if not runs:
        return None
    ends = [run.finished_at for run in runs]
    return Progress(
        started_at=min(run.started_at for run in runs),
        finished_at=None if None in ends else max(end for end in ends if end),
        counted=sum(run.counted for run in runs),
        changed=sum(run.changed for run in runs),
        because=next((run.because for run in runs if run.because), None),
        has_given_up=any(run.attempts >= MOST_ATTEMPTS for run in runs),
    )


def models_key() -> str:
    """Returns the rules by which leads are counted now, each with its version."""
    models, _needs = score_models()
    return " ".join(model.key for model in models)


def begin(cause: str) -> None:
    """Begin counting all leads of the active tenant, because of an event. A running recount starts again."""
    for descends in (False, True):
        ScoreRun.objects.update_or_create(
            tenant=tenancy.require(),
            descends=descends,
            defaults={
                "cause": cause,
                "started_at": clock.now(),
                "finished_at": None,
                "place": "",
                "counted": 0,
                "changed": 0,
                "counted_by": None,
                "attempts": 0,
                "because": None,
            },
        )
        _line_up(descends)


def _line_up(descends: bool) -> None:
    name = _name_of(descends)
    recount_all.defer(lock=name, once=name, descends=descends)


def _name_of(descends: bool) -> str:
    return f"score.recount:{tenancy.require().pk}:{descends}"


@job("score.recount", retry=RETRY)
def recount_all(descends: bool = False) -> None:
    """Go on counting all leads from the place where the last chunk ended, and line up again after a while."""
    tenancy.reload_shape()
    ends = time.monotonic() + SLICE
    with actors.acting(actors.SYSTEM):
        try:
            while retry_on_deadlock(partial(count_chunk, descends)):
                if is_over(ends):
                    _line_up(descends)
                    return
        except Exception as problem:
            _note_failure(descends, problem)
            raise


def _note_failure(descends: bool, problem: Exception) -> None:
    """Note why a recount does not go on. It is tried again with longer and longer waits before it is given
    up."""
    runs = ScoreRun.objects.filter(tenant=tenancy.require(), descends=descends, finished_at=None)
    runs.update(attempts=F("attempts") + 1, because=error_text(problem))


def go_on() -> None:
    """Go on at once with a recount that was given up or waits for its next try."""
    failed = ScoreRun.objects.filter(tenant=tenancy.require(), finished_at=None, attempts__gt=0)
    for descends in list(failed.values_list("descends", flat=True)):
        _line_up(descends)
        recount_all.hasten(_name_of(descends))
    failed.update(attempts=0)
    count_due.hasten(f"score.due:{tenancy.require().pk}")


def begin_where_rules_are_others() -> None:
    """Count all leads again if the last recount used other rules, for instance because a rule's error went
    away."""
    runs = ScoreRun.objects.filter(tenant=tenancy.require(), counted_by__isnull=False)
    ended = runs.exclude(finished_at=None).values_list("counted_by", flat=True)
    if any(key != models_key() for key in ended):
        begin("")


def line_up_unfinished() -> None:
    """Go on with unfinished recounts that did not fail and that have no job.

    A tenant that was copied from another installation has no jobs here.
    """
    left = ScoreRun.objects.filter(tenant=tenancy.require(), finished_at=None, attempts=0)
    for descends in left.values_list("descends", flat=True):
        if not is_running(_name_of(descends)):
            _line_up(descends)


def count_chunk(descends: bool = False) -> bool:
    """Count the next chunk of one of the two runs. Returns whether there may be more."""
    tenant = tenancy.require()
    with transaction.atomic():
        runs = ScoreRun.objects.filter(tenant=tenant)
        run = runs.select_for_update().filter(descends=descends, finished_at=None).first()
        if run is None:
            return False
        models, _needs = score_models()
        if run.counted_by is None:
            run.counted_by = models_key()
        run.attempts, run.because = 0, None
        if not models:
            ScoreDue.objects.filter(tenant=tenant).delete()
        other = runs.filter(descends=not descends).values_list("place", flat=True).first()
        leads = _next_leads(run, other or "") if models else []
        if leads:
            changed = recount_what_can_be(
                leads,
                run.cause or None,
                is_chunk=True,
                expects_news=run.changed * 2 > run.counted,
            )
            run.place = leads[-1]
            run.counted += len(leads)
            run.changed += changed
        if len(leads) < CHUNK:
            run.finished_at = clock.now()
        run.save()
    return run.finished_at is None


def _next_leads(run: ScoreRun, other: str) -> list[str]:
    """Returns the next chunk of a run, as far as the place that the other run has reached.

    Leads are taken by age, the order in which they lie in the table and in its past: by id, each would be on
    a page of its own.
    """
    low, high = (other, run.place) if run.descends else (run.place, other)
    rows = Lead._base_manager.filter(tenant=tenancy.require(), pk__in=[low, high])
    ages = dict(rows.values_list("pk", "created_at"))
    left = Lead.objects.all()
    if low in ages:
        later = Q(created_at__gt=ages[low]) | Q(pk__gt=low)
        left = left.filter(later, created_at__gte=ages[low])
    if high in ages:
        earlier = Q(created_at__lt=ages[high]) | Q(pk__lt=high)
        left = left.filter(earlier, created_at__lte=ages[high])
    order = ("-created_at", "-pk") if run.descends else ("created_at", "pk")
    return list(left.order_by(*order).values_list("pk", flat=True)[:CHUNK])


# -- those that time changes --------------------------------------------------------------------------


@app.periodic(cron="* * * * *")
@app.task(name="score.tick", queueing_lock="score.tick")
def tick(timestamp: int) -> None:
    """Start jobs for the tenants with leads whose score changes by now because time passed."""
    with every_tenant():
        due = [pk for (pk,) in execute_prepared(DUE_TENANTS, [clock.now()])]
        tenants = list(Tenant.not_closed().filter(pk__in=due))
    for tenant in tenants:
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            count_due.defer(lock=f"score:{tenant.pk}", once=f"score.due:{tenant.pk}")
    with every_tenant():
        some = Q(counted_by__isnull=False) | Q(finished_at=None)
        counted = ScoreRun.objects.filter(some, tenant=OuterRef("pk"))
        tenants = list(Tenant.not_closed().filter(Exists(counted)))
    for tenant in tenants:
        with one_of_many(tenant):
            begin_where_rules_are_others()
            line_up_unfinished()


@job("score.due", retry=RETRY)
def count_due() -> None:
    """Count the leads whose score changes by now because time passed, the longest overdue first."""
    tenancy.reload_shape()
    ends = time.monotonic() + SLICE
    with actors.acting(actors.SYSTEM):
        while retry_on_deadlock(count_due_chunk):
            if is_over(ends):
                tenant = tenancy.require().pk
                count_due.defer(lock=f"score:{tenant}", once=f"score.due:{tenant}")
                return


def count_due_chunk() -> bool:
    """Count the leads that have been due longest. Returns whether there may be more."""
    with transaction.atomic():
        rows = ScoreDue.objects.filter(tenant=tenancy.require(), due_at__lte=clock.now())
        leads = list(rows.order_by("due_at").values_list("lead_id", flat=True)[:CHUNK])
        if leads:
            recount_what_can_be(leads)
    return len(leads) == CHUNK


# -- those that refer to what has changed -------------------------------------------------------------


@job("score.follow", retry=RETRY)
def recount_referring(column: str, id: str, cause: str | None = None) -> None:
    """Count the leads that refer to a record on which their scores depend."""
    tenancy.reload_shape()
    place = ""
    with actors.acting(actors.SYSTEM):
        referring = Lead.objects.filter(**{column: id}).order_by("pk")
        while leads := list(referring.filter(pk__gt=place).values_list("pk", flat=True)[:CHUNK]):
            retry_on_deadlock(partial(_in_a_transaction, leads, cause))
            place = leads[-1]


def _in_a_transaction(leads: Collection[str], cause: str | None) -> None:
    with transaction.atomic():
        recount_what_can_be(leads, cause)
