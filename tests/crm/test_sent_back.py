"""What was read can be sent back as it is, and changed otherwise, whatever became of what it is about."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import ExchangeRate, Gate, Pipeline, Rule
from headlessly.access.models import Membership
from headlessly.nouns import Noun
from headlessly.shaping import custom_fields
from marketing import Funnel, Segment
from tests.answered import answered, problem
from tests.crm.test_views_start_automations import CALL, rule, views  # noqa: F401
from tests.headlessly.admin.conftest import *  # noqa: F403  (the people who sign in)

NORTH = {"type": "Lead", "filter": {"region": "North"}}


def gives(**given: Any) -> Rule:
    return Rule.create(**{"name": "Inbound", "condition": NORTH} | given)


@pytest.fixture
def made(people: SimpleNamespace, users: Any, views: Any) -> dict[str, Noun]:  # noqa: F811
    """Records of which each is about something that is gone by now."""
    field = custom_fields.create_field({"noun": "Lead", "label": "Region", "type": "string"})
    line = {"name": "Far", "points": 5, **NORTH}
    steps = [{"name": "In", "event": "Lead.Created"}, {"name": "Out", "event": "Lead.Lost"}]
    pipeline = Pipeline.create(name="Renewals", stages=[{"name": "Upcoming"}, {"name": "Quoted"}])
    found: dict[str, Noun] = {
        "who left": gives(how="Person", person=people.bob, fallback=people.bob),
        "a field of the condition": gives(how="Nobody"),
        "a field of the lines": gives(kind="Score", lines=[line]),
        "a view": rule(f"View.Entered:{views[0].pk}"),
        "a field of a step": rule(
            "Lead.Created", steps=[{"do": "Lead.update", "with": {"name": "{{region}}"}}]
        ),
        "criteria": Segment.create(name="Northern", criteria=NORTH),
        "criteria of a funnel": Funnel.create(name="Northern", steps=steps, criteria=NORTH),
        "a stage": Gate.create(
            type="Deal", state="Quoted", pipeline=pipeline, requires=[{"field": "nextStep"}]
        ),
        "another currency": ExchangeRate.create(currency="CHF", rate=2, day="2026-01-05"),
    }
    custom_fields.archive_field(field)
    Membership.objects.filter(contact=people.bob).delete()
    Gate.get(found["a stage"].pk)
    pipeline.update(stages=[{"name": "Upcoming"}])
    views[0].delete()
    return found


def test_what_is_about_something_that_is_gone_is_sent_back_and_changed_otherwise(
    api: Any, acme: Any, made: dict[str, Noun]
) -> None:
    acme.currency = "CHF"
    acme.save()
    wrong = {}
    for about, record in made.items():
        place = f"/{type(record).plural}/{record.pk}"
        read = answered(api.call("GET", place))
        for body in (read, read | {"rate": 3} if "rate" in read else read | {"tags": ["seen"]}):
            answer = api.call("PUT", place, body)
            if answer.status_code != 200:
                wrong[about] = answer.json()["message"]
    assert not wrong


def test_what_is_news_is_checked_all_the_same(api: Any, made: dict[str, Noun]) -> None:
    for about, news in (
        ("who left", {"condition": NORTH | {"filter": {"country": "Norway"}}}),
        ("who left", {"how": "Turns"}),
        ("who left", {"person": None}),
        ("a view", {"events": ["View.Entered:view_nothingthere"]}),
        ("criteria of a funnel", {"steps": [{"name": "In", "event": "Lead.Created"}]}),
        ("a stage", {"state": "Nowhere"}),
    ):
        record = made[about]
        problem(
            api.call("PATCH", f"/{type(record).plural}/{record.pk}", news), 422, "validation_error"
        )
