"""Failures of rules: they are noted beside the rule, shown to its authors, and tried again.

A failing rule costs nobody their work: its own effects are undone, and the verb that triggered it goes on. A
row keeps what the rule still owes a record: why it failed, how often, and when it is tried next, after longer
and longer waits, until it succeeds. The same rows keep what somebody asked a rule to do with existing
records.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Q

from crm.models import Rule, RuleAttempt
from crm.rules.active import fits
from crm.rules.automation import error_text, log_failure
from headlessly.access import actors, tenancy
from headlessly.context import clock, tracing
from headlessly.execution.contention import is_contention, retry_on_deadlock
from headlessly.execution.executor import Context, Execution, one_transaction
from headlessly.ids import public_id
from headlessly.log.events import Event
from headlessly.nouns import Noun

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: The wait after each failure. They last for a week; then the rule is only tried again if somebody asks.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=4),
)
#: How many attempts are made at once, and how many rows are written in one statement.
PAGE, BATCH = 100, 1_000

# A failure before the next try is due does not count as another one.
NOTE = """
INSERT INTO crm_ruleattempt AS a (tenant_id, rule_id, rule_version, record, record_type, because, failures,
    first_at, last_at, next_at)
VALUES (%(tenant)s, %(rule)s, %(version)s, %(record)s, %(type)s, %(because)s, 1, %(now)s, %(now)s,
    %(now)s + (%(waits)s::interval[])[1])
ON CONFLICT (tenant_id, rule_id, record) DO UPDATE SET
    rule_version = EXCLUDED.rule_version, because = EXCLUDED.because, last_at = EXCLUDED.last_at,
    failures = a.failures + CASE WHEN a.next_at > EXCLUDED.last_at THEN 0 ELSE 1 END,
    next_at = CASE WHEN a.next_at > EXCLUDED.last_at THEN a.next_at
        ELSE EXCLUDED.last_at + (%(waits)s::interval[])[a.failures + 1] END
"""

#: A function that tries a rule again. It returns whether there was still something to do.
Again = Callable[[Execution, Rule, RuleAttempt], bool]
_again: dict[str, Again] = {}


def tries_again(kind: str) -> Callable[[Again], Again]:
    """Register the function that tries rules of a kind again.

    It runs in a savepoint that is rolled back if it raises.
    """

    def register(again: Again) -> Again:
        _again[kind] = again
        return again

    return register


# -- asking -------------------------------------------------------------------------------------------


def ask_in_order(
    rules: Iterable[Rule], record: Noun, doing: Context | Execution, decide: Callable[[Rule], T]
) -> T | None:
    """Returns the decision of the first rule that a record fits, or None.

    A rule that fails is undone, noted and skipped: it costs nobody their record.
    """
    for rule in rules:
        try:
            with doing.attempt():
                if fits(rule, record):
                    return decide(rule)
        except Exception as problem:
            note_failure(rule, record.pk, type(record).__name__, problem)
    return None


# -- noting -------------------------------------------------------------------------------------------


def note_failure(rule: Any, record: str, type: str, problem: Exception) -> None:
    """Note the failure of a rule, and go on. `rule` needs a ``pk`` and a ``version``.

    Call it in the exception handler, after what was undone. Contention with other transactions is no fault of
    the rule: such an error is raised again, so that the transaction is repeated.
    """
    if is_contention(problem):
        raise problem
    log_failure(logger, f"Rule {rule.pk} for {record}", problem)
    with connection.cursor() as cursor:
        cursor.execute(
            NOTE,
            {
                "tenant": tenancy.require().pk,
                "rule": rule.pk,
                "version": rule.version,
                "record": record,
                "type": type,
                "because": error_text(problem),
                "now": clock.now(),
                "waits": list(WAITS),
            },
        )


def ask_for(rule: Rule, records: Iterable[str], type: str) -> None:
    """Have only this rule tried for existing records, in the background, even if it failed at one of them
    before."""
    now = clock.now()
    rows = [
        RuleAttempt(
            tenant_id=tenancy.require().pk,
            rule_id=rule.pk,
            rule_version=rule.version,
            record=record,
            record_type=type,
            first_at=now,
            last_at=now,
            next_at=now,
            asked_at=now,
            request_id=tracing.request_id(),
        )
        for record in records
    ]
    RuleAttempt.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "rule", "record"],
        update_fields=["next_at", "asked_at", "request_id"],
    )


def try_all_again(rule: Rule) -> int:
    """Schedule everything that a rule failed at for now. Returns the number of attempts."""
    return RuleAttempt.objects.filter(rule=rule.pk).update(next_at=clock.now())


def try_open_again(rule: Rule) -> int:
    """Schedule what is still to be done, or was given up, for now.

    Records that another rule has taken care of meanwhile are left alone.
    """
    given_up = Q(next_at__isnull=True, failures__gt=len(WAITS))
    found = RuleAttempt.objects.filter(Q(next_at__isnull=False) | given_up, rule=rule.pk)
    return found.update(next_at=clock.now())


# -- trying again -------------------------------------------------------------------------------------


def try_due() -> bool:
    """Make some of the attempts that are due. Returns whether any of them changed something."""
    due = RuleAttempt.objects.filter(next_at__lte=clock.now()).order_by("next_at", "id")
    moved = False
    for id, request in list(due.values_list("pk", "request_id")[:PAGE]):
        try:
            # Not the request of the job, which makes many attempts.
            with tracing.request_id_scope(request or public_id("req")):
                moved |= retry_on_deadlock(partial(_try_once, id))
        except Exception:
            logger.warning("Attempt %s could not be made.", id, exc_info=True)
    return moved


def _try_once(id: int) -> bool:
    with one_transaction() as execution, actors.acting(actors.SYSTEM):
        due = RuleAttempt.objects.filter(pk=id, next_at__lte=clock.now())
        row = due.select_for_update(skip_locked=True, of=("self",)).first()
        if row is None:
            return False
        rule = Rule.objects.filter(pk=row.rule_id, is_active=True).first()
        if rule is None or (again := _again.get(rule.kind)) is None:
            _close(row)
            return True
        execution.cause = _created(row)
        try:
            with execution.attempt():
                is_there = again(execution, rule, row)
        except Exception as problem:
            note_failure(rule, row.record, row.record_type, problem)
            return True
        still = RuleAttempt.objects.filter(pk=id)
        if is_there:
            still.filter(
                failures=row.failures
            ).delete()  # meanwhile either another failure was noted, or none
        elif still.filter(failures=row.failures).exists():
            _close(row)
        return True


def _created(row: RuleAttempt) -> str | None:
    """Returns the event that created the record, as the cause of what the rule does."""
    found = Event.log.filter(target=row.record, version=1).order_by("seq")
    return found.values_list("id", flat=True).first()


def _close(row: RuleAttempt) -> None:
    """End an attempt with nothing left to do. If it failed before, the failure is kept to be looked at."""
    if row.because is None:
        row.delete()
    else:
        RuleAttempt.objects.filter(pk=row.pk).update(next_at=None)
