"""Any day gives the score that stood there then."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from crm import Activity, Lead, Organization, Rule
from crm.rules.score import recount
from crm.rules.score.counting import count_scores, score_models
from crm.rules.score.explaining import explain_score
from headlessly.access import tenancy
from headlessly.context import clock
from tests.crm.scoring import START, at, recount_now, rule

SOURCES = ("website", "phone", "event")
TYPES = ("Call", "Meeting", "Note")


def lines_of_any_kind() -> Any:
    """Two to five lines: of the lead, of its company, of what happened, with and without forgetting."""
    points = st.integers(-40, 60).filter(bool)
    days = st.one_of(st.none(), st.integers(1, 40))
    of_lead = st.fixed_dictionaries(
        {
            "points": points,
            "type": st.just("Lead"),
            "filter": st.sampled_from([
                {"source": "website"},
                {"budget": {"$gte": 1_000}},
                {"organization.industry": "Technology"},
                {"$or": [{"source": "phone"}, {"need": {"$exists": True}}]},
                {"activities": {"$some": {"type": "Meeting"}}},
            ]),
        }
    )  # fmt: skip
    of_happening = st.fixed_dictionaries(
        {
            "points": points,
            "type": st.just("Activity"),
            "filter": st.sampled_from([{"type": each} for each in TYPES] + [{}]),
            "since": st.sampled_from(["completedAt", "$createdAt"]),
            "halfLife": days,
            "within": days,
            "cap": st.one_of(st.none(), st.integers(1, 60)),
        }
    )
    forgetting = st.fixed_dictionaries(
        {
            "points": points,
            "type": st.just("Lead"),
            "filter": st.just({}),
            "since": st.just("lastActivityAt"),
            "halfLife": st.integers(1, 30),
        }
    )
    several = st.lists(st.one_of(of_lead, of_happening, forgetting), min_size=2, max_size=5)
    return several.map(
        lambda found: [{"name": f"Line {n}", **each} for n, each in enumerate(found)]
    )


STEPS = st.lists(
    st.tuples(
        st.floats(0.01, 9),
        st.one_of(
            st.tuples(st.just("touch"), st.sampled_from(TYPES)),
            st.tuples(
                st.just("update"), st.fixed_dictionaries({"source": st.sampled_from(SOURCES)})
            ),
            st.tuples(st.just("update"), st.fixed_dictionaries({"budget": st.integers(0, 2_000)})),
            st.tuples(st.just("update"), st.fixed_dictionaries({"score": st.integers(0, 100)})),
            st.tuples(st.just("company"), st.sampled_from(["Technology", "Farming"])),
            st.tuples(st.sampled_from(["lift", "time", "delete", "lose"]), st.none()),
            st.tuples(st.just("rule"), lines_of_any_kind()),
        ),
    ),
    min_size=3,
    max_size=9,
)


def live(corp: Any, made: Rule, lead: Lead, what: str, given: Any) -> None:
    """One step of a history, with what the worker does right after it."""
    if what == "touch":
        Activity.log(subject=given, type=given, lead=lead)
    elif what == "update":
        lead.update(**given)
    elif what == "company":
        corp.update(industry=given)
        recount.recount_referring(column="organization_id", id=corp.pk)
    elif what == "rule":
        made.update(lines=given)
        recount_now()
    elif what == "lift":
        lead.rescore()
    elif what == "delete":
        if call := Activity.find({"lead": lead.pk}).order_by("created_at").first():
            call.delete()
    elif what == "lose" and lead.status != "Lost":
        lead.lose(lost_reason="Price")
    recount.count_due()


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=lines_of_any_kind(), steps=STEPS, seed=st.integers(0, 10_000))
def test_any_day_gives_the_number_that_stood_there_then(acme, lines, steps, seed):
    with transaction.atomic():
        day, moments, chance = 0.0, [], Random(seed)
        with at(day):
            corp = Organization.create(name="Corp", industry="Technology")
            made = rule(*lines)
            lead = Lead.create(name="L", source="website", organization=corp)
        for wait, (what, given) in steps:
            # Between two steps one moment: only what is forgotten changes there.
            moments.append(START + timedelta(days=chance.uniform(day, day + wait)))
            day += wait
            with at(day):
                lead = Lead.get(lead.pk)
                live(corp, made, lead, what, given)
        by_rule = 0
        for moment in moments:
            stood = Lead.get(lead.pk, as_of=moment)
            said = explain_score(lead.pk, moment)
            assert said["error"] is None and said["score"] == stood.score
            assert (
                sum(each["points"] for each in said["lines"]) + said["heldBack"] == said["counted"]
            )
            assert said["byHand"] == (stood.scored_by == "by hand")
            if not said["byHand"]:
                assert said["counted"] == stood.score, (moment, said)
                by_rule += 1
        event(f"{(by_rule and 'by a rule') or 'all by hand'}")
        with at(day):
            found = next(count_scores([lead.pk], score_models()[0], clock.now()))
            assert found.is_by_hand or found.number == Lead.get(lead.pk).score
        transaction.set_rollback(True)
    tenancy.reload_shape()
