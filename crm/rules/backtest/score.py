"""What the leads of a period would have been worth by a score rule when it was decided about them, beside the
number that stood there then; and which of the two tells better who is converted.

Of a lead that was converted or lost it is counted as everything was then, of all others as everything was at
the end of the period. The score rules that are asked before it take what fits them.
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

#: Until so long ago a period ends now: nothing of the past has to be asked for what is open.
NOW = timedelta(minutes=5)


class Outcome(NamedTuple):
    """What came of a lead in a period, None for nothing yet, and when."""

    converted: bool | None
    at: datetime


class Compared:
    """The numbers of many leads by a rule, beside those that stood there."""

    def __init__(self) -> None:
        self.tallies = {name: Tally() for name in ("higher", "same", "lower", "unscored")}
        self.open = 0
        self.by_hand = 0
        self.would: list[tuple[int, bool, str]] = []
        self.stored: list[tuple[int, bool, str]] = []
        self.told: list[dict[str, Any]] = []

    def add(self, found: Count, outcome: Outcome) -> None:
        """Compare one lead."""
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
    """What the leads of a period would have been worth."""
    model, compared, taken = Model.of_rule(rule), Compared(), 0
    # Of those that are asked before it counts alone whether they fit.
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
    """What came of each lead that is there by the end of a period."""
    rows = Lead.objects.filter(pk__in=ids).order_by()
    found = {}
    for pk, *moments in rows.values_list("pk", "converted_at", "lost_at"):
        converted, lost = (at if at is not None and at <= ends else None for at in moments)
        decided = converted or lost
        found[pk] = Outcome(None if decided is None else converted is not None, decided or ends)
    return found


def _count(outcomes: Mapping[str, Outcome], models: list[Model], ends: datetime) -> Iterator[Count]:
    """Each lead as it was at the moment of its outcome."""
    decided = [(id, each.at) for id, each in outcomes.items() if each.converted is not None]
    held = versions_held(Lead, decided)
    versions = set(held.values())
    if missing := {id for id, _at in decided} - {id for id, _at in held}:
        # Their dates are of a time before they were here: as they came.
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
    """Each tenth of the leads about which it is decided, by both numbers, the highest first."""
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
