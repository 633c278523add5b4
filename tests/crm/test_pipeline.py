"""The pipeline: stages in order, and one default per tenant."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Pipeline
from headlessly.access import tenancy
from headlessly.errors import Conflict, Invalid
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

STAGES = [
    {"name": "First", "probability": 10, "order": 1},
    {"name": "Second", "probability": 99.5, "order": 2},
]


def test_it_keeps_its_stages_in_order() -> None:
    pipeline = Pipeline.create(name="Sales", stages=STAGES, deal_rotting=30)
    assert Pipeline.get(pipeline.id).stages == STAGES
    pipeline.update(stages=STAGES[::-1])
    assert Pipeline.get(pipeline.id).stages == STAGES[::-1]


@pytest.mark.parametrize(
    "stages",
    [
        {}, "First", 5, [5], ["First"], [{}], [{"name": ""}], [{"name": 5}],
        [{"name": "A"}, {"name": "A"}], [{"name": "A", "probability": 101}],
        [{"name": "A", "probability": "50"}], [{"name": "A", "probability": True}],
        [{"name": "A", "order": "1"}], [{"name": "A", "colour": "red"}],
    ],
    ids=str,
)  # fmt: skip
def test_it_refuses_stages_that_are_none(stages: Any) -> None:
    with refused(Invalid) as caught:
        Pipeline.create(name="Sales", stages=stages)
    assert list(details(caught)) == ["stages"]


@pytest.mark.parametrize("name", ["Offer, sent", "A" * 101])
def test_it_says_what_a_name_of_a_stage_has(name: str) -> None:
    with refused(Invalid) as caught:
        Pipeline.create(name="Sales", stages=[{"name": "A"}, {"name": name}])
    assert "Stage 2: its name has at most" in details(caught)["stages"]


def test_it_is_the_default_alone_in_its_tenant(rival: Any) -> None:
    first = Pipeline.create(name="Sales", is_default=True)
    second = Pipeline.create(name="Renewals")
    for change in (
        lambda: Pipeline.create(name="Third", is_default=True),
        lambda: second.update(is_default=True),
    ):
        with refused((Invalid, Conflict), "Sales") as caught:
            change()
        assert list(details(caught)) == ["is_default"]
    first.update(is_default=True)
    with tenancy.active(rival):
        Pipeline.create(name="Theirs", is_default=True)
    first.update(is_default=False)
    second.update(is_default=True)
    second.delete()
    first.update(is_default=True)


@pytest.mark.parametrize("days", [0, -1, 1.5, 2**31 - 1])
def test_it_rots_after_whole_days(days: Any) -> None:
    with refused(Invalid):
        Pipeline.create(name="Sales", deal_rotting=days)


@pytest.mark.parametrize(
    "stages",
    [
        [{"name": "A", "key": []}],
        [{"name": "A", "key": {}}],
        [{"name": "A", "key": ""}],
        [{"name": "A", "key": "A,B"}],
        [{"name": "A", "key": "a"}, {"name": "B", "key": " a"}],
        [{"name": "A", "key": None}],
        [{"name": " A"}, {"name": "A"}],
        [{"name": "A", "rotting": 2**31}],
        [{"name": f"Stage {n}"} for n in range(51)],
    ],
)
def test_a_stage_is_found_by_one_name_and_there_are_not_too_many(stages: Any) -> None:
    with refused(Invalid) as caught:
        Pipeline.create(name="Sales", stages=stages)
    assert list(details(caught)) == ["stages"]


def test_the_name_of_a_stage_has_no_blanks_around_it() -> None:
    made = Pipeline.create(name="Sales", stages=[{"name": " Open "}])
    assert made.stages[0]["name"] == "Open"
    assert "Open" in [state.name for state in made.as_path().states]
