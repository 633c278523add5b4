"""Tries score rules: what leads would have been worth, beside the score that they had.

It shows which of the two scores tells better who is converted. Leads that were converted or lost are counted
as everything was at that moment, all others as everything was at the end of the period. Score rules that
decide earlier take the leads that fit them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from crm.models import Lead, Rule
from crm.rules.active import rules_before
from crm.rules.backtest.assignment import CREATED
from crm.rules.backtest.trial import (
    MOST_TOLD,
    Period,
    Tally,
    backtests,
    only_reading,
    read_events,
)
from crm.rules.conditions import versions_held
from crm.rules.score.counting import Count, Model, count_scores, count_versions
from crm.rules.score.preview import gives_away, separate_by_outcome
from headlessly.access import tenancy
from headlessly.context import clock

#: A period that ended this recently counts as ending now: open leads need no look into the past.
NOW = timedelta(minutes=5)


class Outcome(NamedTuple):
    """The outcome of a lead in a period (None if there is none yet), and its moment."""

    converted: bool | None
    at: datetime


class Compared:
    """Compares the scores of many leads by a rule with the scores that they had."""

    def __init__(self) -> None:
        self.tallies = {name: Tally() for name in ("higher", "same", "lower", "unscored")}
        self.open = 0
        self.by_hand = 0
        self.would: list[tuple[int, bool, str]] = []
        self.stored: list[tuple[int, bool, str]] = []
        self.told: list[dict[str, Any]] = []

    def add(self, found: Count, outcome: Outcome) -> None:
        """Add one lead to the comparison."""
        converted, stored = outcome.converted, found.score
        self.tallies[_compare(found.number, stored)].add(bool(converted))
        self.by_hand += found.is_by_hand
        if converted is None:
            self.open += 1
        else:
            self.would.append((found.number, converted, found.lead))
            if stored is not None:
                self.stored.append((int(stored), converted, found.lead))
        if len(self.told) < MOST_TOLD:
            self.told.append(
                {"record": found.lead, "at": outcome.at, "would": found.number, "really": stored}
            )

    def as_json(self) -> dict[str, Any]:
        would, stored = (
            separate_by_outcome(rows, is_all=True) for rows in (self.would, self.stored)
        )
        return {
            "fitting": sum(each.count for each in self.tallies.values()),
            "decided": Tally(would["leads"], would["converted"]).as_json(),
            "open": self.open,
            "byHand": self.by_hand,
            **{name: each.as_json() for name, each in self.tallies.items()},
            "order": {"would": _rounded(would["order"]), "really": _rounded(stored["order"])},
            "tenths": list(_side_by_side(would["tenths"], stored["tenths"])),
            "records": self.told,
        }


@backtests(Rule.Kind.SCORE)
def try_score(rule: Rule, period: Period) -> dict[str, Any]:
    """Returns what the leads of a period would have been worth."""
    model, compared, taken = Model.of_rule(rule), Compared(), 0
    # Earlier rules only matter for which leads fit them.
    models = [replace(Model.of_rule(each), lines=()) for each in rules_before(rule)] + [model]
    for page in read_events(CREATED, period):
        with only_reading():
            outcomes = _outcomes([event.target for event in page], period.ends)
            counts = {each.lead: each for each in _count(outcomes, models, period.ends)}
        for event in page:
            found = counts.get(event.target)
            if found is None or found.model is None:
                continue
            if found.model.rule == rule.pk:
                compared.add(found, outcomes[event.target])
            else:
                taken += 1
    return {"taken": taken, **compared.as_json(), "givesAway": gives_away(model)}


def _outcomes(ids: list[str], ends: datetime) -> dict[str, Outcome]:
    """Returns the outcome of each existing lead by the end of a period."""
    rows = Lead.objects.filter(pk__in=ids).order_by()
    found = {}
    for pk, *moments in rows.values_list("pk", "converted_at", "lost_at"):
        converted, lost = (at if at is not None and at <= ends else None for at in moments)
        decided = converted or lost
        found[pk] = Outcome(None if decided is None else converted is not None, decided or ends)
    return found


def _count(outcomes: Mapping[str, Outcome], models: list[Model], ends: datetime) -> Iterator[Count]:
    """Yields each lead, counted as it was at the moment of its outcome."""
    decided = [(id, each.at) for id, each in outcomes.items() if each.converted is not None]
    held = versions_held(Lead, decided)
    versions = set(held.values())
    if missing := {id for id, _at in decided} - {id for id, _at in held}:
        # Imported leads may have been closed before they were created here: they are counted as they came in.
        came = Lead.past.objects.filter(
            tenant_id=tenancy.require().pk, record__in=missing, version=1
        )
        versions |= set(came.order_by().values_list("seq", flat=True))
    if versions:
        yield from count_versions(versions, models, ends)
    if left := [id for id, each in outcomes.items() if each.converted is None]:
        is_now = clock.now() - ends < NOW
        yield from count_scores(left, models, ends, as_of=None if is_now else ends)


def _compare(would: int, stored: float | None) -> str:
    if stored is None:
        return "unscored"
    return "same" if would == stored else "higher" if would > stored else "lower"


def _side_by_side(
    would: list[dict[str, Any]], stored: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yields each tenth of the closed leads by both scores, the highest first."""
    for number in range(max(len(would), len(stored))):
        yield {
            "tenth": number + 1,
            "would": _tenth(would[number]) if number < len(would) else None,
            "really": _tenth(stored[number]) if number < len(stored) else None,
        }


def _tenth(found: dict[str, Any]) -> dict[str, Any]:
    tally = Tally(found["leads"], found["converted"])
    return {"from": found["from"], "to": found["to"], **tally.as_json()}


def _rounded(order: float | None) -> float | None:
    return None if order is None else round(order, 3)
