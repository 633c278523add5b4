"""The goal: its period, who may set it, who sees it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import Goal
from headlessly.access import actors
from headlessly.access.actors import Actor
from headlessly.errors import Conflict, Forbidden, Invalid
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

MARCH: dict[str, Any] = {
    "measure": "WonDeals", "period": "Month", "start_date": "2025-03-01", "target": 4
}  # fmt: skip


@pytest.mark.parametrize(
    ("period", "day", "end", "label"),
    [
        ("Month", "2025-12-01", "2026-01-01", "December 2025"),
        ("Quarter", "2025-10-01", "2026-01-01", "Q4 2025"),
        ("Year", "2025-01-01", "2026-01-01", "2025"),
    ],
)
def test_it_ends_where_the_next_period_begins(period: str, day: str, end: str, label: str) -> None:
    goal = Goal.create(**MARCH | {"period": period, "start_date": day})
    assert (f"{goal.end_date}", goal.period_label) == (end, label)


@pytest.mark.parametrize(
    ("period", "day", "instead"),
    [
        ("Month", "2025-03-02", "2025-03-01"),
        ("Quarter", "2025-03-01", "2025-01-01"),
        ("Year", "2025-10-01", "2025-01-01"),
    ],
)
def test_it_begins_on_the_first_day_of_its_period(period: str, day: str, instead: str) -> None:
    with refused(Invalid) as caught:
        Goal.create(**MARCH | {"period": period, "start_date": day})
    assert list(details(caught)) == ["start_date"]
    assert instead in details(caught)["start_date"]


def test_it_is_refused_when_its_period_no_longer_begins_on_its_day() -> None:
    goal = Goal.create(**MARCH)
    with refused(Invalid) as caught:
        goal.update(period="Year")
    assert list(details(caught)) == ["start_date"]


def test_it_is_the_only_one_for_its_owner_measure_and_period(people: SimpleNamespace) -> None:
    Goal.create(**MARCH)
    Goal.create(**MARCH, owner=people.bob)
    Goal.create(**MARCH | {"measure": "Conversions"})
    for owner in (None, people.bob):
        with refused(Invalid) as caught:
            Goal.create(**MARCH, owner=owner)
        assert list(details(caught)) == ["start_date"]
    assert Goal.count() == 3


def test_what_it_cannot_be_again_is_named_as_the_wire_has_it() -> None:
    goal = Goal.create(**MARCH)
    then = goal.updated_at
    goal.update(start_date="2025-04-01")
    Goal.create(**MARCH)
    with refused(Conflict) as caught:
        goal.rollback(as_of=then)
    assert (caught.value.field, list(details(caught))) == ("startDate", ["startDate"])


@pytest.mark.parametrize("target", [0, -1, None, "many"])
def test_it_takes_a_target_above_zero(target: Any) -> None:
    with refused(Invalid) as caught:
        Goal.create(**MARCH | {"target": target})
    assert list(details(caught)) == ["target"]


def test_it_is_set_by_managers_and_not_by_reps(people: SimpleNamespace) -> None:
    bob = Actor("user_bob", "Bob", "rep", people.bob.pk)
    with actors.acting(bob), refused(Forbidden):
        Goal.create(**MARCH)
    with actors.acting(Actor("user_mia", "Mia", "manager")):
        Goal.create(**MARCH)


def test_it_is_seen_by_a_limited_rep_when_it_is_theirs_or_everybodys(
    people: SimpleNamespace,
) -> None:
    everybodys, own, other = (
        Goal.create(**MARCH, owner=owner) for owner in (None, people.bob, people.cleo)
    )
    with actors.acting(Actor("user_bob", "Bob", "rep", people.bob.pk, limited=True)):
        assert {goal.pk for goal in Goal.find()} == {everybodys.pk, own.pk}
    assert other.pk not in (everybodys.pk, own.pk)
