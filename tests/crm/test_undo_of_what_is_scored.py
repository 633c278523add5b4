"""What a request made can be taken back though a rule has counted its score since, and nobody did more."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Lead, Rule
from crm.rules.score import recount
from headlessly.context import tracing
from headlessly.undo.at_once import undo_request

MADE = "req_made000000000000"


@pytest.fixture
def lead(acme: Any) -> Lead:
    """A lead that a request made, and that a rule has scored since."""
    with tracing.request_id_scope(MADE):
        made = Lead.create(name="Hof", source="website")
    line = {"name": "Site", "points": 30, "type": "Lead", "filter": {"source": "website"}}
    about = {"type": "Lead", "filter": {}}
    Rule.create(name="Worth", kind="Score", condition=about, lines=[line])
    recount.recount([made.pk])
    assert Lead.get(made.pk).score == 30 and Lead.get(made.pk).version > made.version
    return made


def test_a_score_that_a_rule_counted_since_keeps_nothing(lead: Lead) -> None:
    done = undo_request(MADE)
    assert [each.id for each in done.undone] == [lead.pk] and not done.stays
    assert not Lead.find().exists()


def test_what_somebody_did_since_keeps_it(lead: Lead) -> None:
    Lead.update(lead.pk, budget=7)
    recount.recount([lead.pk])
    with pytest.raises(Exception, match="changed again since"):
        undo_request(MADE)
    assert Lead.get(lead.pk).budget == 7
