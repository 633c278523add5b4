"""First-answer rules: a new lead must be touched within a given working time.

A missed answer is recorded as an event, and the people who work the lead are notified. The first rule that
fits decides. Its decision stays: a changed rule or calendar applies to later leads, and to leads for which
somebody asks (``Lead.expect_answer``).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from crm.calendars import working_time
from crm.first_touches import by_people, moves_by_people
from crm.models import Activity, Lead, Rule, RuleAttempt, TeamMember
from crm.rules import attempts, reasons
from crm.rules.active import active_rules
from headlessly.access import actors, tenancy
from headlessly.access.actors import ADMIN, Actor
from headlessly.access.models import Membership, Tenant
from headlessly.background.jobs import is_over, job
from headlessly.context import clock
from headlessly.context.tenant_scope import every_tenant
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.hooks import after_creation, only_creates
from headlessly.declaration.schema import Schema
from headlessly.declaration.shapes import Shape, composes_schemas
from headlessly.errors import NotFound, VerbRefused
from headlessly.execution import executor
from headlessly.execution.contention import is_contention, retry_on_deadlock
from headlessly.execution.executor import Context, Execution
from headlessly.notifications.telling import FRESH, Notice, tell

logger = logging.getLogger(__name__)

#: An imported lead that was created longer ago is not new: the file tells its past.
NEW = timedelta(days=1)
#: How many leads are checked at once, and how many seconds a job runs before others have their turn.
PAGE, SLICE = 200, 20
MISSED = Lead.corrections["miss_answer"]


@dataclass(frozen=True)
class Expectation:
    """The time by which a lead must be answered, and the rule that sets it."""

    rule: Rule
    due: datetime
    near: datetime | None
    reason: str


@composes_schemas
def show_answers(schema: Schema, shape: Shape) -> None:
    """With such rules, lists of leads show the time for the answer, and pages offer to set another one."""
    if schema.name == "Lead" and active_rules(Rule.Kind.FIRST_ANSWER):
        name, state, *rest = schema.columns
        schema.columns = (name, state, "answer_due_at", *rest)
        *own, tags = schema.facets
        schema.facets = (*own, "answer", tags)
        schema.not_offered -= {
            "expect_answer", "answer", "answer_due_at", "answered_at", "answer_because"
        }  # fmt: skip


# -- at creation --------------------------------------------------------------------------------------


@after_creation(Lead)
@only_creates  # writes gathered rows before it asks for one
def expect_answer_to_new_lead(lead: Lead, ctx: Context) -> None:
    """Set the time for the first answer to a new lead that fits a rule."""
    if not lead.is_new or lead.status != Lead.Status.NEW or lead.answer_due_at is not None:
        return
    if not active_rules(Rule.Kind.FIRST_ANSWER):
        return
    if ctx.is_import and lead.created_at < timezone.now() - NEW:
        return
    ctx.flush()
    expect_by_the_rules(lead, ctx)


def expect_by_the_rules(lead: Lead, doing: Context | Execution) -> None:
    """Set the time for a lead's first answer by the first rule that fits."""

    def expect(rule: Rule) -> None:
        found = _expectation(rule, lead.created_at)
        with doing.acted_by(Actor(rule.pk, rule.name, ADMIN)):
            Lead.expect_answer(
                lead, answer_due_at=found.due, answer_near_at=found.near, reason=found.reason
            )

    attempts.ask_in_order(active_rules(Rule.Kind.FIRST_ANSWER), lead, doing, expect)


def expectation_of(lead: Lead, ctx: Context) -> Expectation | None:
    """Returns what the first fitting rule sets, or None, for callers that write it themselves."""
    return attempts.ask_in_order(
        active_rules(Rule.Kind.FIRST_ANSWER),
        lead,
        ctx,
        lambda rule: _expectation(rule, lead.created_at),
    )


@attempts.tries_again(Rule.Kind.FIRST_ANSWER)
def expect_again(execution: Execution, rule: Rule, row: RuleAttempt) -> bool:
    """Let a new lead without a time pass the rules as if it had just come in."""
    try:
        lead = execution.lock(Lead, row.record)
    except NotFound:
        return False
    if lead.answer_due_at is not None:
        return lead.answer != Lead.Answer.WAITING or not lead.is_answer_missed(clock.now())
    if lead.status != Lead.Status.NEW:
        return False
    expect_by_the_rules(lead, execution)
    return True


def _expectation(rule: Rule, start: datetime) -> Expectation:
    hours, within = working_time(), rule.within or 0
    warned = rule.warn_before
    return Expectation(
        rule,
        hours.after(start, within),
        hours.after(start, within - warned) if warned else None,
        reasons.reason(rule, reasons.within(within)),
    )


# -- when somebody asks -------------------------------------------------------------------------------


@Lead.expecting_answer
def refuse_a_warning_that_is_too_late(lead: Lead, ctx: Context) -> None:
    """Nobody is warned of what is over, or of what nobody waits for."""
    due, near = ctx.input.get("answer_due_at"), ctx.input.get("answer_near_at")
    if near is not None and (due is None or near >= due):
        raise VerbRefused(
            _("Warn before the answer is due."), code="warned_too_late", field="answerNearAt"
        )


@Lead.expecting_answer
def ask_the_rules(lead: Lead, ctx: Context) -> None:
    """Where nobody says until when, the rules do as they are now, by the calendar as it is now."""
    if ctx.input.get("answer_due_at") is not None:
        return
    found = expectation_of(lead, ctx)
    if found is None:
        lead.expect_until(None, None, None)
    else:
        lead.expect_until(found.due, found.near, found.reason)


@Lead.expected_answer
def remember_an_earlier_touch(lead: Lead, ctx: Context) -> None:
    """Whoever asks for a lead that was touched already knows at once how it went."""
    if lead.is_new or lead.answer_due_at is None:
        return
    touched = first_touch_of(lead)
    if touched is not None:
        executor.run(Lead.corrections["touch"], lead.pk, {"answered_at": touched})


def first_touch_of(lead: Lead) -> datetime | None:
    """Returns when a person first touched a lead after its creation, or None."""
    activities = Activity.objects.filter(
        lead=lead.pk, status=Activity.Status.COMPLETED, completed_at__gte=lead.created_at
    )
    versions = Lead.past.objects.filter(tenant=tenancy.require(), record=lead.pk)
    done, moved = by_people(activities), moves_by_people(versions)
    moments = [
        *done.order_by("completed_at").values_list("completed_at", flat=True)[:1],
        *moved.order_by("valid_from").values_list("valid_from", flat=True)[:1],
    ]
    return min(moments, default=None)


# -- when the time is over ------------------------------------------------------------------------------

#: The tenants with a lead whose time for a first answer is over.
LATE = """
SELECT t.id FROM headlessly_tenant AS t WHERE EXISTS (
    SELECT FROM crm_lead AS a
    WHERE a.tenant_id = t.id AND a.answer = 'Waiting' AND a.deleted_at IS NULL
      AND a.answer_due_at <= %s
)
"""
#: The next such leads of one tenant, in the order of their times.
LATE_LEADS = """
SELECT id, answer_due_at FROM crm_lead
WHERE tenant_id = %s AND answer = 'Waiting' AND deleted_at IS NULL
  AND answer_due_at <= %s AND (answer_due_at, id) > (%s, %s)
ORDER BY answer_due_at, id LIMIT %s
"""


@app.periodic(cron="* * * * *")
@app.task(name="first_answer.tick", queueing_lock="first_answer.tick")
def tick(timestamp: int) -> None:
    """Start jobs for the tenants with leads whose time for a first answer is over. Runs once a minute."""
    with every_tenant():
        with connection.cursor() as cursor:
            cursor.execute(LATE, [clock.now()])
            late = [id for (id,) in cursor.fetchall()]
        tenants = list(Tenant.not_closed().filter(pk__in=late))
    for tenant in tenants:
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            note_missed_answers.defer(once=f"first_answer:{tenant.pk}")


@job("first_answer.note_missed")
def note_missed_answers() -> None:
    """Record the missed answer of every lead whose time is over, and notify people.

    Each is recorded exactly once, together with its notifications, however many jobs run at once or are
    killed.
    """
    until = time.monotonic() + SLICE
    passed: tuple[str, datetime] | None = None
    while page := _late_page(passed):
        for id, due in page:
            try:
                retry_on_deadlock(partial(note_missed_answer, id))
            except VerbRefused:
                pass  # another job was faster, or the lead was answered meanwhile
            except Exception as problem:
                if not is_contention(problem):  # otherwise it is looked at again in a minute
                    _note_failure(id, problem)
            passed = (id, due)
        if is_over(until):
            note_missed_answers.defer(once=f"first_answer:{tenancy.require().pk}")
            return


def _late_page(passed: tuple[str, datetime] | None) -> list[tuple[str, Any]]:
    """Returns the next leads whose time is over, after the given one."""
    id, due = passed or ("", datetime.min.replace(tzinfo=UTC))
    return execute_prepared(LATE_LEADS, [tenancy.require().pk, clock.now(), due, id, PAGE])


def note_missed_answer(id: str) -> None:
    """Record that a lead was not answered in time, and notify its owner and their leaders.

    It is recorded as done by the rule that set the time. Raises VerbRefused if the answer is not missed, or
    no longer.
    """
    with executor.one_transaction() as execution, execution.acted_by(_actor_for(id)):
        lead = executor.run(MISSED, id, {})
        if lead.answer_due_at < clock.now() - FRESH:
            return  # no worker ran for days: it is recorded, but no news any more
        tell(
            [
                Notice(
                    "answer_missed",
                    user,
                    f"{lead.pk}:{lead.answer_due_at.isoformat()}",
                    actors.current().id,
                    record=lead.pk,
                    record_type="Lead",
                )
                for user in sorted(_who_is_told(lead))
            ]
        )


def _note_failure(id: str, problem: Exception) -> None:
    """Note that a missed answer could not be recorded, with the rule that set its time.

    One such lead must not hold up the others.
    """
    rule = Rule.with_deleted.filter(pk=_actor_for(id).id).first()
    if rule is None:
        logger.warning("The missed answer of %s could not be noted.", id, exc_info=problem)
    else:
        attempts.note_failure(rule, id, Lead.__name__, problem)


def _actor_for(id: str) -> Actor:
    """Returns the rule that set the time for a lead's answer, else the system."""
    said = Lead.history(id).filter(name=Lead.verbs["expect_answer"].event)
    actor = next(iter(said.values_list("actor", flat=True)[:1]), "")
    rule = Rule.with_deleted.filter(pk=actor).first()
    return actors.SYSTEM if rule is None else Actor(rule.pk, rule.name, ADMIN)


def _who_is_told(lead: Lead) -> set[str]:
    """Returns the users to notify: the owner and the leaders of their teams, or all managers if there are
    none."""
    members = Membership.objects.filter(tenant=tenancy.require())
    told = set()
    leaders: set[str] = set()
    if lead.owner_id is not None:
        told = set(members.filter(contact=lead.owner_id).values_list("user", flat=True))
        teams = TeamMember.objects.filter(member=lead.owner_id).values("team")
        places = TeamMember.objects.filter(team__in=teams, role=TeamMember.Role.LEADER)
        contacts = list(places.values_list("member", flat=True))
        leaders = set(members.filter(contact__in=contacts).values_list("user", flat=True))
    if not leaders:
        leaders = set(members.filter(role=actors.MANAGER).values_list("user", flat=True))
    return told | leaders
