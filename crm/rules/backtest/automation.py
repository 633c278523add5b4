"""Tries automations: what they would have done in a period, and when, beside what was really done.

Waits follow the record as it was: a wait until a date lasts until the date that the record had when the wait
began, and at its end the condition is checked against the record of that moment.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.models import Rule
from crm.models.steps import WORKING_DAY, Step, Wait, read_steps
from crm.rules.automation import RAN, moment_of
from crm.rules.backtest.trial import (
    MOST_TOLD,
    Happened,
    Period,
    Tally,
    backtests,
    only_reading,
    read_events,
    won_ids,
)
from crm.rules.conditions import fitting_versions, moments_that_fitted, versions_held
from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.declaration.record import Record
from headlessly.declaration.registry import registry
from headlessly.log.events import Event
from headlessly.log.names import VIEW_EVENTS, names_of, without_view


@dataclass
class Case:
    """A run that would have happened: its record and its present moment."""

    record: str
    moment: datetime


@dataclass
class StepTally:
    """The outcomes that a step would have had."""

    step: Any
    done: int = 0
    waiting: int = 0
    stopped: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "would": self.done,
            "waiting": self.waiting,
            "stopped": self.stopped,
        }


@backtests(Rule.Kind.AUTOMATION)
def try_automation(rule: Rule, period: Period) -> dict[str, Any]:
    """Returns what would have been done."""
    noun, filter = registry[rule.condition["type"]], rule.condition["filter"]
    steps = read_steps(noun, rule.steps, saved=True)
    tallies = [StepTally(step) for step in rule.steps or ()]
    acted, others = Tally(), Tally()
    told: list[dict[str, Any]] = []
    fitting = 0
    followed = set(rule.events or ())
    for every in read_events({without_view(name) for name in followed}, period):
        page = [event for event in every if _is_followed(noun, followed, event)]
        changes = list(dict.fromkeys((event.target, event.timestamp) for event in page))
        noted = {(e.target, e.timestamp) for e in page if e.name in VIEW_EVENTS}
        ids = {event.target for event in page}
        with only_reading():
            fits = moments_that_fitted(
                noun, filter, [change for change in changes if change not in noted]
            )
            fits |= fitting_versions(noun, filter, versions_held(noun, list(noted)))
            cases = [Case(*change) for change in changes if change in fits]
            reached = _take_steps(noun, filter, steps, tallies, cases, told)
            successes = won_ids(noun, ids)
        fitting += len(cases)
        for id in ids:
            (acted if id in reached else others).add(id in successes)
    with only_reading():
        ran = Event.log.filter(
            name=RAN, actor=rule.pk, timestamp__gte=period.begins, timestamp__lt=period.ends
        ).count()
    return {
        "fitting": fitting,
        "steps": [each.as_json() for each in tallies],
        "really": {"done": ran},
        "acted": acted.as_json(),
        "others": others.as_json(),
        "records": told,
    }


def _is_followed(noun: type[Record], followed: Set[str], event: Happened) -> bool:
    names = names_of(event.name, event.view)
    return event.target_type == noun.__name__ and not followed.isdisjoint(names)


def _take_steps(
    noun: type[Record],
    filter: dict[str, Any],
    steps: list[Step],
    tallies: list[StepTally],
    cases: list[Case],
    told: list[dict[str, Any]],
) -> set[str]:
    """Take all cases through the steps together. Returns the records for which something would have been
    done."""
    now, reached = clock.now(), set()
    for number, (step, tally) in enumerate(zip(steps, tallies, strict=True), 1):
        if isinstance(step, Wait):
            cases = _wait(noun, filter, step, tally, cases, now)
            continue
        tally.done += len(cases)
        reached |= {case.record for case in cases}
        for case in cases[: MOST_TOLD - len(told)]:
            told.append({"record": case.record, "at": case.moment, "step": number})
    return reached


def _wait(
    noun: type[Record],
    filter: dict[str, Any],
    step: Wait,
    tally: StepTally,
    cases: list[Case],
    now: datetime,
) -> list[Case]:
    """Returns the cases whose wait would have ended by now, and whose records still fitted then."""
    begins = [(case.record, case.moment) for case in cases]
    records: dict[int, Any] = {}
    held: dict[tuple[str, datetime], int] = {}
    if step.until not in (None, WORKING_DAY):
        held = versions_held(noun, begins)
        past = noun.past.objects.filter(tenant_id=tenancy.require().pk, seq__in=set(held.values()))
        records = {version.seq: version.as_record() for version in past}
    ended = []
    for case in cases:
        record = records.get(held.get((case.record, case.moment), 0))
        if held and record is None:
            tally.stopped += 1
            continue
        until = moment_of(step, case.moment, record)
        if until is None:
            tally.stopped += 1
        elif until > now:
            tally.waiting += 1
        else:
            ended.append(Case(case.record, max(until, case.moment)))
    then = versions_held(noun, [(case.record, case.moment) for case in ended])
    fits = fitting_versions(noun, filter, then)
    kept = [case for case in ended if (case.record, case.moment) in fits]
    tally.stopped += len(ended) - len(kept)
    tally.done += len(kept)
    return kept
