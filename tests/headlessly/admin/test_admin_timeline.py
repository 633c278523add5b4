"""A record's timeline is what people did; what happened by itself is a line that opens."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from headlessly.access import actors
from headlessly.access.actors import ADMIN, Actor
from tests.headlessly.admin.signed_in import without_frame


@pytest.fixture
def rule(acme: Any) -> Actor:
    from crm import Rule

    never = {"type": "Lead", "filter": {"name": "Nobody is called so"}}
    made = Rule.create(name="Fit", condition=never, how="Nobody")
    return Actor(made.pk, made.name, ADMIN)


def lines(page: str) -> list[str]:
    """The lines of a timeline as one reads them while nothing is opened."""
    told = page.split('<ol class="timeline">')[1].split("</ol>")[0]
    told = re.sub(r"(?s)(?<=</summary>).*?</details>", "", told)
    parts = re.split(r"<li(?: class=\"automatic\")?>\s*<(?=div|details)", told)[1:]
    return [unescape(" ".join(re.sub(r"<[^>]+>", " ", f"<{part}").split())) for part in parts]


def test_what_rules_did_in_a_row_is_one_line_that_opens(bob, address, lead, rule):
    from crm import Activity

    with actors.acting(rule):
        lead.update(score=10)
        lead.update(score=20)
    with actors.acting(Actor("user_ofsomebody1", "Somebody", ADMIN)):
        Activity.create(type="Task", subject="They like it", lead=lead)
    with actors.acting(rule):
        lead.update(score=30)
        lead.update(score=40)
        lead.update(score=50)
    page = without_frame(bob, address(lead))
    shown = lines(page)
    assert "3 automatic changes" in shown[0]
    assert "They like it" in shown[1]
    assert "2 automatic changes" in shown[2]
    assert "created this lead" in shown[3]
    assert page.count("<b>Rule “Fit”</b>") == 5  # all of it is there, and opens without a script


def test_one_thing_that_happened_by_itself_is_told_as_it_is(bob, address, lead, rule):
    with actors.acting(rule):
        lead.update(score=10)
    page = without_frame(bob, address(lead))
    assert "automatic change" not in page
    assert '<li class="automatic">' in page


def test_how_a_record_began_is_told_whoever_made_it(bob, address, rule):
    from crm import Lead

    with actors.acting(rule):
        made = Lead.create(name="By itself", source="web")
        made.update(score=10)
    page = without_frame(bob, address(made))
    assert "automatic change" not in page
    assert "created this lead" in page
