"""How far a record has come: remembered when it steps back or leaves its path, asked for by filters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crm import Deal, Lead
from headlessly.context import clock
from headlessly.errors import InvalidFilter


def reached(*states: str, **more: Any) -> set[str]:
    return {lead.name for lead in Lead.find({"reached": {"$in": list(states)}, **more})}


@pytest.fixture
def leads(people: SimpleNamespace) -> None:
    """One in each place that a lead can be in, called by its way."""
    ways = {
        "n": "",
        "nc": "c",
        "ncq": "cq",
        "ncqx": "cqx",
        "nl": "l",
        "ncl": "cl",
        "ncqln": "cqln",
        "ncqlnc": "cqlnc",
    }
    for name, way in ways.items():
        lead = Lead.create(name=name, source="website", contact=people.ada)
        for step in way:
            if step == "l":
                lead.lose(lost_reason="No budget")
            elif step == "x":
                lead.convert()
            else:
                lead.update(status={"c": "Contacted", "q": "Qualified", "n": "New"}[step])


def test_it_is_where_the_record_stands_or_the_furthest_place_it_left(leads: None) -> None:
    assert reached("New") == {"n", "nl"}
    assert reached("Contacted") == {"nc", "ncl"}
    assert reached("Qualified") == {"ncq", "ncqln", "ncqlnc"}
    assert reached("Converted") == {"ncqx"}
    assert reached("Qualified", status="New") == {"ncqln"}


def test_only_what_the_state_does_not_say_is_stored(leads: None) -> None:
    kept = dict(Lead.objects.exclude(reached=None).values_list("name", "reached"))
    assert kept == {"ncl": "Contacted", "ncqln": "Qualified", "ncqlnc": "Qualified"}


def test_it_is_forgotten_when_the_record_comes_as_far_again(leads: None) -> None:
    lead = Lead.objects.get(name="ncqlnc")
    lead.update(status="Qualified")
    assert Lead.objects.get(name="ncqlnc").reached is None
    assert "ncqlnc" in reached("Qualified")


def test_a_step_that_is_rolled_back_was_none(people: SimpleNamespace) -> None:
    lead = Lead.create(name="Slip", source="website")
    before = clock.now()
    lead.update(status="Contacted")
    lead.rollback(as_of=before)
    assert reached("New") == {"Slip"} and reached("Contacted") == set()
    lead.update(status="Contacted")
    lead.lose(lost_reason="No budget")
    lost = clock.now()
    lead.update(status="New")
    lead.rollback(as_of=lost)
    assert reached("Contacted", status="Lost") == {"Slip"}


def test_filters_take_its_complement_and_the_past(leads: None) -> None:
    names = {lead.name for lead in Lead.find({"$reached": {"$nin": ["New", "Converted"]}})}
    assert names == {"nc", "ncl", "ncq", "ncqln", "ncqlnc"}
    assert Lead.count({"reached": {"$ne": "New"}}) == 6
    assert Lead.count({"reached": {"$exists": True}}) == 8
    assert Lead.count({"reached": None}) == 0
    now = clock.now()
    Lead.objects.get(name="ncq").lose(lost_reason="Timing")
    assert Lead.count({"reached": "Qualified"}, as_of=now) == 3


@pytest.mark.parametrize(
    "filter",
    [
        {"reached": "Lost"},  # no place on the path
        {"reached": {"$in": "Qualified"}},
        {"reached": {"$gt": "New"}},
        {"reached": {"$in": [1]}},
        {"reached": {"$regex": "N"}},
    ],
)
def test_what_means_nothing_is_an_error_that_names_it(acme: Any, filter: Any) -> None:
    with pytest.raises(InvalidFilter, match="reached"):
        list(Lead.find(filter))


def test_a_noun_without_states_has_none(acme: Any) -> None:
    from crm import Organization

    with pytest.raises(InvalidFilter, match="no field 'reached'"):
        list(Organization.find({"reached": "New"}))


def test_every_noun_with_states_has_it(acme: Any) -> None:
    deal = Deal.create(name="Pilot", value=1, stage="Negotiation")
    deal.lose(lost_reason="No decision")
    assert Deal.count({"reached": "Negotiation", "stage": "Lost"}) == 1
    deal.reopen()
    assert Deal.count({"reached": "Negotiation", "stage": "Prospecting"}) == 1


def test_rest_asks_for_it_and_never_answers_it(api: Any, leads: None) -> None:
    found = api.call("GET", "/leads?reached__in=Qualified,Converted&limit=100").json()
    assert {lead["name"] for lead in found["results"]} == {"ncq", "ncqx", "ncqln", "ncqlnc"}
    assert not {"reached", "$reached"} & set(found["results"][0])
    wrong = api.call("GET", "/leads?reached=Nowhere")
    assert wrong.status_code == 400 and "New, Contacted, Qualified" in wrong.content.decode()
    lead = found["results"][0]
    changed = api.call("PATCH", f"/leads/{lead['$id']}", {"reached": "Converted"})
    assert changed.status_code in (400, 422)
    assert api.call("GET", f"/leads/{lead['$id']}").json()["$version"] == lead["$version"]
