"""What tests of score rules need: lines, rules with them, days, and the worker's job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from crm import Lead, Rule
from crm.rules.score import recount
from headlessly.context import clock

ALL = {"type": "Lead", "filter": {}}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEB = {"name": "From the site", "points": 30, "type": "Lead", "filter": {"source": "website"}}
RICH = {"name": "Has money", "points": 25, "type": "Lead", "filter": {"budget": {"$gte": 10_000}}}
CALLS = {
    "name": "Calls",
    "about": "engagement",
    "points": 20,
    "type": "Activity",
    "filter": {"type": "Call", "status": "Completed"},
    "since": "completedAt",
    "halfLife": 10,
    "cap": 35,
}
TECH = {"name": "Our field", "points": 10, "type": "Lead",
        "filter": {"organization.industry": "Technology"}}  # fmt: skip


def rule(*lines: Any, **given: Any) -> Rule:
    values = {"name": "Worth", "kind": "Score", "condition": ALL, "lines": list(lines or (WEB,))}
    return Rule.create(**values | given)


def at(days: float) -> Any:
    return clock.set_clock(START + timedelta(days=days), purpose="replay")


def score(lead: Lead) -> float | None:
    return Lead.get(lead.pk).score


def recount_now() -> recount.Progress:
    """Do the worker's job in this process."""
    for descends in (False, True):
        recount.recount_all(descends=descends)
    found = recount.progress()
    assert found is not None
    return found
