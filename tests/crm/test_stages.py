"""The stages of pipelines: what deals stand in, how they move, and what becomes of a stage that goes."""

from __future__ import annotations

from typing import Any

import pytest

from crm import Contact, Deal, DealContact, Gate, Lead, Pipeline
from headlessly.access import tenancy
from headlessly.errors import Conflict, Invalid
from headlessly.log.events import Event
from tests.answered import answered, problem, unchanged
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

RENEWALS: list[dict[str, Any]] = [
    {"name": "Upcoming", "probability": 60},
    {"name": "Legal review", "probability": 80, "rotting": 5},
    {"name": "Proposal", "probability": 90},
    {"name": "Renewed", "kind": "won"},
    {"name": "Churned", "kind": "lost"},
]


@pytest.fixture
def sales() -> Pipeline:
    return Pipeline.create(name="Sales", is_default=True)


@pytest.fixture
def renewals(sales: Pipeline) -> Pipeline:
    return Pipeline.create(name="Renewals", stages=RENEWALS)


def renewal(renewals: Pipeline, **fields: Any) -> Deal:
    return Deal.create(name="R", value=10, pipeline=renewals.id, **fields)


def test_a_deal_passes_the_stages_of_its_pipeline(sales: Pipeline, renewals: Pipeline) -> None:
    plain = Deal.create(name="D", value=1)
    assert (plain.pipeline_id, plain.stage) == (sales.id, "Prospecting")
    deal = renewal(renewals)
    assert [deal.stage, deal.advance().stage, deal.advance().stage] == [
        "Upcoming", "Legal review", "Proposal",
    ]  # fmt: skip
    with refused(Conflict):
        deal.advance()
    assert deal.win().stage == "Renewed"
    assert deal.won_at
    assert deal.forecast_category == "Commit"
    assert deal.reopen().stage == "Upcoming"
    assert deal.forecast_category == "BestCase"
    assert deal.lose(lost_reason="Price").stage == "Churned"
    assert (
        deal.reopen().close().stage == "Closed"
    )  # what ends a deal is there where it was not given
    for stage in ("Prospecting", "Nowhere"):
        with refused(Invalid, "Upcoming") as caught:
            renewal(renewals, stage=stage)
        assert list(details(caught)) == ["stage"]


def test_a_deal_moves_to_any_open_stage_and_leaves_one_event(renewals: Pipeline) -> None:
    deal = renewal(renewals)
    assert deal.move(stage="Proposal").stage == "Proposal"
    assert deal.move(stage="Legal review").stage == "Legal review"
    assert [e.name for e in Deal.history(deal).order_by("seq")] == [
        "Deal.Created", "Deal.Moved", "Deal.Moved",
    ]  # fmt: skip
    for stage in ("Renewed", "Prospecting"):
        with refused(Invalid, "Upcoming"):
            deal.move(stage=stage)
    deal.win()
    with refused(Conflict):
        deal.move(stage="Upcoming")


def test_a_deal_goes_to_another_pipeline_with_a_stage_of_that(
    sales: Pipeline, renewals: Pipeline
) -> None:
    deal = Deal.create(name="D", value=1, stage="Qualification")
    with refused(Invalid, "Upcoming") as caught:
        deal.update(pipeline=renewals.id)
    assert list(details(caught)) == ["stage"]
    with refused(Conflict, "Use the verb move for that"):
        deal.update(pipeline=renewals.id, stage="Upcoming")
    moved = deal.move(pipeline=renewals.id, stage="Legal review")
    assert (moved.pipeline_id, moved.stage) == (renewals.id, "Legal review")
    back = deal.move(pipeline=sales.id, stage="Proposal")
    assert back.update(pipeline=renewals.id).stage == "Proposal"  # both have one of this name


def test_a_deal_finds_its_stage_in_another_pipeline(
    api: Any, sales: Pipeline, renewals: Pipeline
) -> None:
    deal = Deal.create(name="D", value=1, stage="Qualification")
    place = f"/deals/{deal.pk}/move"
    said = answered(api.call("POST", place, {"pipeline": renewals.pk}))
    assert (said["pipeline"], said["stage"]) == (renewals.pk, "Upcoming")
    answered(api.call("POST", place, {"stage": "Proposal"}))
    said = answered(api.call("POST", place, {"pipeline": sales.pk}))
    assert (said["pipeline"], said["stage"]) == (sales.pk, "Proposal")
    with unchanged():
        for nothing in ({}, {"pipeline": None}, {"stage": ""}):
            wrong = problem(api.call("POST", place, nothing), 422, "validation_error")
            assert [each["field"] for each in wrong["details"]] == ["stage"]
        assert problem(api.call("POST", place, {"pipeline": "none"}), 422, "validation_error")


def test_a_renamed_stage_is_the_same_one_before_and_after(renewals: Pipeline, rival: Any) -> None:
    deal = renewal(renewals, stage="Legal review")
    before = Event.objects.latest("seq").id
    stages = [dict(stage) for stage in RENEWALS]
    stages[1] |= {"name": "Contract", "key": "Legal review"}
    renewals.update(stages=stages)
    assert Deal.get(deal.id).as_json()["stage"] == "Contract"
    assert [d.id for d in Deal.find({"stage": "Contract"})] == [deal.id]
    assert [d.id for d in Deal.find({"stage": "Legal review"})] == [deal.id]
    assert not Event.objects.filter(target=deal.id, seq__gt=Event.objects.get(id=before).seq)
    assert "Contract" in Deal.schema.fields["stage"].choices
    assert "Legal review" not in Deal.schema.fields["stage"].choices
    with refused(Invalid, "Contract"):
        deal.move(stage="Nowhere")
    with refused(Conflict, "A Deal that is Contract cannot reopen."):
        deal.reopen()
    with tenancy.active(rival):
        assert "Contract" not in Deal.schema.fields["stage"].choices
        with refused(Invalid):
            Deal.create(name="D", value=1, stage="Contract")


def test_a_stage_with_deals_goes_when_they_have_gone_elsewhere(renewals: Pipeline) -> None:
    deals = [renewal(renewals, stage="Legal review") for _ in range(3)]
    ended = renewal(renewals).win()
    with refused(Conflict, "3 deals") as caught:
        renewals.update(stages=[s for s in RENEWALS if s["name"] != "Legal review"])
    assert caught.value.body()["count"] == 3
    assert "Proposal" in caught.value.body()["moveTo"]
    with refused(Conflict, "3 deals"):
        renewals.remove_stage(stage="Legal review")
    with refused(Invalid):
        renewals.remove_stage(stage="Legal review", move_to="Renewed")
    renewals.remove_stage(stage="Legal review", move_to="Proposal")
    assert {Deal.get(deal.id).stage for deal in deals} == {"Proposal"}
    moved = Event.objects.filter(name="Deal.Moved", target__in=[deal.id for deal in deals])
    assert moved.count() == 3
    assert [s["name"] for s in Pipeline.get(renewals.id).stages][:2] == ["Upcoming", "Proposal"]
    stages = [*Pipeline.get(renewals.id).stages, {"name": "Signed", "kind": "won"}]
    renewals.update(stages=stages)
    renewals.remove_stage(stage="Renewed", move_to="Signed")
    assert Deal.get(ended.id).stage == "Signed"


def test_a_lead_becomes_a_deal_of_the_pipeline_that_was_asked_for(renewals: Pipeline) -> None:
    ada = Contact.create(name="Ada")
    lead = Lead.create(name="L", source="web", contact=ada)
    lead.update(status="Contacted").update(status="Qualified")
    lead.convert(deal={"pipeline": renewals.id})
    assert Deal.get(Lead.get(lead.id).deal_id).stage == "Upcoming"


def test_a_conversion_says_in_which_pipeline_its_deal_begins(
    api: Any, renewals: Pipeline, rival: Any
) -> None:
    def qualified() -> Lead:
        ada = Contact.create(name="Ada")
        lead = Lead.create(name="L", source="web", contact=ada)
        return lead.update(status="Contacted").update(status="Qualified")

    def convert(lead: Lead, **said: Any) -> Any:
        return api.call("POST", f"/leads/{lead.pk}/convert", said)

    lead = qualified()
    answered(convert(lead, pipeline=renewals.pk, deal={"value": 7, "pipeline": renewals.pk}))
    deal = Deal.get(Lead.get(lead.pk).deal_id)
    assert (deal.pipeline_id, deal.stage, deal.value) == (renewals.pk, "Upcoming", 7)
    there = Deal.create(name="D", value=1)
    usual = there.pipeline_id
    lead = qualified()
    with tenancy.active(rival):
        theirs = Pipeline.create(name="Theirs")
    number = Deal.count()
    for said, kind in (
        ({"withoutDeal": True, "pipeline": renewals.pk}, "refused"),
        ({"deal": there.pk, "pipeline": renewals.pk}, "refused"),
        ({"deal": {"pipeline": usual}, "pipeline": renewals.pk}, "refused"),
        ({"pipeline": theirs.pk}, "validation_error"),
        ({"pipeline": "nothing"}, "validation_error"),
    ):
        wrong = problem(convert(lead, **said), 422, kind)
        told = [each["field"] for each in wrong.get("details", ())] or [wrong["field"]]
        assert told == ["pipeline"], wrong
    assert (Lead.get(lead.pk).status, Deal.count()) == ("Qualified", number)
    answered(convert(lead))
    assert Deal.get(Lead.get(lead.pk).deal_id).pipeline_id == usual


# -- gates --------------------------------------------------------------------------------------------


def test_a_gate_asks_for_what_has_to_be_filled(renewals: Pipeline, rival: Any) -> None:
    Gate.create(
        type="Lead", state="Qualified", requires=[{"field": "budget"}, {"field": "authority"}]
    )
    Gate.create(
        type="Deal", state="Proposal", pipeline=renewals.id,
        requires=[{"field": "expectedCloseDate"}],
    )  # fmt: skip
    lead = Lead.create(name="L", source="web").update(status="Contacted")
    with refused(Invalid, "Qualified needs this") as caught:
        lead.update(status="Qualified")
    assert list(details(caught)) == ["budget", "authority"]
    with refused(Invalid) as caught:
        lead.update(status="Qualified", budget=5)
    assert list(details(caught)) == ["authority"]
    assert lead.update(status="Qualified", budget=5, authority="CTO").status == "Qualified"
    deal = renewal(renewals)
    deal.advance()
    for way in (deal.advance, lambda: deal.move(stage="Proposal")):
        with refused(Invalid) as caught:
            way()
        assert list(details(caught)) == ["expectedCloseDate"]
    with refused(Invalid):
        renewal(renewals, stage="Proposal")
    assert deal.update(expected_close_date="2030-01-01").advance().stage == "Proposal"
    Deal.create(name="D", value=1, stage="Proposal")  # of the other pipeline
    with tenancy.active(rival):
        Lead.create(name="L", source="web").update(status="Contacted").update(status="Qualified")


def test_a_gate_is_of_states_and_fields_that_there_are() -> None:
    good = {"type": "Lead", "state": "Qualified", "requires": [{"field": "budget"}]}
    wrong: dict[str, Any]
    for wrong in (
        {"type": "Nothing"}, {"state": "Proposal"}, {"requires": []},
        {"requires": [{"field": "status"}]}, {"requires": [{"field": "budgt"}]},
        {"requires": [{"field": []}]}, {"requires": [{"field": {}}]}, {"requires": [{"field": None}]},
    ):  # fmt: skip
        with refused(Invalid) as caught:
            Gate.create(**good | wrong)
        assert list(details(caught)) == list(wrong)
    gate = Gate.create(**good)
    assert [gate.fields for gate in Lead.schema.gates] == [("budget",)]
    gate.delete()
    assert not Lead.schema.gates


def fields_of(said: Any) -> list[str]:
    return [each["field"] for each in said["details"]]


def test_a_gate_holds_when_the_field_that_it_asks_for_is_renamed(api: Any) -> None:
    region = {"noun": "Lead", "name": "region", "type": "string"}
    place = f"/fields/{answered(api.call('POST', '/fields', region), 201)['$id']}"
    asked = {"type": "Lead", "state": "Contacted", "requires": [{"field": "region"}]}
    gate = answered(api.call("POST", "/gates", asked), 201)
    lead = answered(api.call("POST", "/leads", {"name": "L", "source": "web"}), 201)["$id"]
    answered(api.call("PATCH", place, {"name": "area"}))
    assert answered(api.call("GET", f"/gates/{gate['$id']}"))["requires"] == [{"field": "area"}]
    refusal = api.call("PATCH", f"/leads/{lead}", {"status": "Contacted"})
    assert fields_of(problem(refusal, 422, "gate_closed")) == ["area"]
    again = {"reason": "For the map", "requires": [{"field": "area"}, {"field": "budget"}]}
    assert answered(api.call("PATCH", f"/gates/{gate['$id']}", again))["requires"][0] == {
        "field": "area"
    }
    # What is archived can be filled by nobody: the gate asks for the rest, and for it again when it is back.
    answered(api.call("PATCH", place, {"archived": True}))
    answered(api.call("PATCH", f"/gates/{gate['$id']}", {"reason": "For maps"}))
    refusal = api.call("PATCH", f"/leads/{lead}", {"status": "Contacted"})
    assert fields_of(problem(refusal, 422, "gate_closed")) == ["budget"]
    # Called otherwise meanwhile, and the gate deleted and brought back: it is the same field.
    answered(api.call("PATCH", place, {"name": "land"}))
    answered(api.call("PATCH", place, {"archived": False}))
    refusal = api.call("PATCH", f"/leads/{lead}", {"status": "Contacted"})
    assert fields_of(problem(refusal, 422, "gate_closed")) == ["budget", "land"]
    assert api.call("DELETE", f"/gates/{gate['$id']}").status_code == 204
    answered(api.call("PATCH", place, {"name": "country"}))
    answered(api.call("POST", f"/gates/{gate['$id']}/restore", {}))
    refusal = api.call("PATCH", f"/leads/{lead}", {"status": "Contacted"})
    assert fields_of(problem(refusal, 422, "gate_closed")) == ["budget", "country"]
    saved = answered(api.call("PATCH", f"/gates/{gate['$id']}", {"reason": "x"}))["requires"]
    assert saved == [{"field": "country"}, {"field": "budget"}]


# -- people of a deal ---------------------------------------------------------------------------------


def test_several_people_are_in_a_deal_and_one_is_its_contact() -> None:
    ada, bob, eve = (Contact.create(name=name) for name in ("Ada", "Bob", "Eve"))
    deal = Deal.create(name="D", value=1, contact=ada)
    person = DealContact.create(deal=deal, contact=bob, role="DecisionMaker")
    person.make_primary()
    assert Deal.get(deal.id).contact_id == bob.id
    assert {p.contact_id for p in DealContact.find({"deal": deal.id})} == {ada.id, bob.id}
    other = DealContact.create(deal=deal, contact=eve, role="Champion")
    Contact.merge(eve.id, into=ada.id)  # who is in the deal already
    assert DealContact.objects.filter(pk=other.pk).first() is None
    Contact.merge(bob.id, into=ada.id)
    assert Deal.get(deal.id).contact_id == ada.id
    deal = Deal.get(deal.id)
    deal.delete()
    assert not DealContact.find({"deal": deal.id})


def test_a_name_in_the_place_of_another_renames_that_stage(renewals: Pipeline) -> None:
    deal = renewal(renewals, stage="Legal review")
    stages = [dict(stage) for stage in RENEWALS]
    stages[1]["name"] = "Contract"
    renewals.update(stages=stages)
    assert Deal.get(deal.id).as_json()["stage"] == "Contract"
    assert Pipeline.get(renewals.id).stages[1]["key"] == "Legal review"
    stages = [*Pipeline.get(renewals.id).stages, {"name": "Legal review"}]
    with refused(Invalid, "is what Contract was first called"):
        renewals.update(stages=stages)


@pytest.mark.parametrize(
    ("names", "stands"),
    [
        ("A N C", "N"),  # renamed
        ("A N C M", "N"),  # and one more
        ("A N M", "N"),  # both renamed
        ("B N M", "B"),  # it stays, and whatever the others are, it is none of them
        ("C N A", None),  # the others moved: is N what B was called?
        ("N C", None),  # one is gone: which?
        ("A N", None),
    ],
)
def test_deals_never_land_in_a_stage_that_may_be_another(
    acme: Any, names: str, stands: str | None
) -> None:
    own = Pipeline.create(name="Own", stages=[{"name": name} for name in "ABC"])
    deal = Deal.create(name="D", value=1, pipeline=own, stage="B")
    stages = [{"name": name} for name in names.split()]
    if stands is None:
        with pytest.raises(Conflict), unchanged():
            own.update(stages=stages)
    else:
        own.update(stages=stages)
    assert Deal.get(deal.id).as_json()["stage"] == (stands or "B")
    if names == "B N M":
        assert [s.get("key") for s in Pipeline.get(own.id).stages] == [None] * 3


def test_a_deal_in_the_only_open_stage_goes_to_another_pipeline(sales: Any, api: Any) -> None:
    short = Pipeline.create(name="Short", stages=[{"name": "Asked"}])
    deal = Deal.create(name="D", value=1, pipeline=short)
    assert "move" in Deal.get(deal.pk).machine.allowed_verbs("Asked")
    moved = answered(api.call("POST", f"/deals/{deal.pk}/move", {"pipeline": sales.pk}))
    assert (moved["pipeline"], moved["stage"]) == (sales.pk, "Prospecting")
    back = answered(api.call("POST", f"/deals/{deal.pk}/move", {"pipeline": short.pk}))
    assert (back["pipeline"], back["stage"]) == (short.pk, "Asked")
    refused = api.call("POST", f"/deals/{deal.pk}/move", {"stage": "Proposal"})
    assert refused.status_code == 422 and "Asked" in refused.json()["message"]


def test_nothing_is_offered_where_there_is_no_other_pipeline(acme: Any) -> None:
    short = Pipeline.create(name="Short", is_default=True, stages=[{"name": "Asked"}])
    deal = Deal.create(name="D", value=1, pipeline=short)
    assert "move" not in Deal.get(deal.pk).machine.allowed_verbs("Asked")
