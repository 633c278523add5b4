"""What a verb costs Python, counted in calls of functions: the same whatever else the machine does.

A verb grows dearer by a little with each thing that is asked of all records. Whoever adds such a thing sees
it here, and looks for what can be found out once for a noun, a shape or a process instead (decision 3).
"""

from __future__ import annotations

from collections.abc import Callable
from cProfile import Profile
from pstats import Stats
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Lead

#: As often as the driver runs a statement before it is prepared, and some more.
KNOWN, ROUNDS = 6, 10


def calls_of(work: Callable[[Any], Any], of: list[Any]) -> float:
    """How many functions ``work`` calls for one of these, when all that is found out once is known."""
    for each in of[:KNOWN]:
        work(each)
    profile = Profile()
    with profile:
        for each in of[KNOWN:]:
            work(each)
    return Stats(profile).total_calls / len(of[KNOWN:])  # type: ignore[attr-defined]  # not in the stubs


@pytest.fixture
def new_lead(people: SimpleNamespace) -> Callable[[Any], Lead]:
    given = {"contact": people.ada, "organization": people.corp, "source": "website", "budget": 500}
    return lambda _number: Lead.create(name="A new lead", **given)


def test_to_create_a_lead(new_lead: Callable[[Any], Lead]) -> None:
    assert calls_of(new_lead, [*range(ROUNDS)]) < 930


def test_to_change_a_lead(new_lead: Callable[[Any], Lead]) -> None:
    leads = [new_lead(number) for number in range(ROUNDS)]
    assert calls_of(lambda lead: Lead.update(lead.pk, need="More of it"), leads) < 930


def test_to_convert_a_lead(new_lead: Callable[[Any], Lead]) -> None:
    leads = [new_lead(number) for number in range(ROUNDS)]
    for lead in leads:
        lead.update(status="Contacted")
        lead.update(status="Qualified")
    assert calls_of(lambda lead: Lead.convert(lead.pk), leads) < 2_300
