"""The deal: from open to its end and back, what winning does, and conversion's other ways."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from crm import Contact, Deal, Lead, Organization
from headlessly.admin.lists import totals
from headlessly.context import clock
from headlessly.errors import Conflict, Invalid, InvalidFilter, VerbRefused
from headlessly.execution import executor
from headlessly.log.events import Event
from tests.conftest import Api
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

OPEN = ("Prospecting", "Qualification", "Proposal", "Negotiation")
ENDED = ("Closed", "Won", "Lost")
WAYS = {"Closed": "close", "Won": "win", "Lost": "lose"}


@pytest.fixture
def deal(people: SimpleNamespace) -> Deal:
    return Deal.create(name="Big one", value=100, contact=people.ada, organization=people.corp)


def end(deal: Deal, stage: str) -> Deal:
    getattr(deal, WAYS[stage])(**{"lost_reason": "Price"} if stage == "Lost" else {})
    return deal


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("value", [0, 1.25, 9_999_999_999_999.99], [-1, 1.255, 10**13, None]),
        ("currency", ["USD", "EUR"], ["usd", "XYZ", "Dollar"]),
        ("probability", [0, 100], [-1, 101]),
        ("recurring_interval", ["Monthly", "Quarterly", "Yearly"], ["Daily"]),
        ("expected_close_date", ["2026-01-31"], ["31/01/2026", "2026-02-30"]),
    ],
)
def test_it_takes_only_sensible_values(field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        Deal.create(**{"name": "D", "value": 1} | {field: value})
    for value in bad:
        with refused(Invalid) as caught:
            Deal.create(**{"name": "D", "value": 1} | {field: value})
        assert list(details(caught)) == [field]


def test_it_is_in_dollars_unless_said(deal: Deal) -> None:
    assert deal.currency == "USD"


def test_it_needs_an_interval_for_what_recurs(deal: Deal) -> None:
    with refused(Invalid) as caught:
        deal.update(recurring_value=10)
    assert list(details(caught)) == ["recurring_interval"]
    deal.update(recurring_value=10, recurring_interval="Monthly")
    with refused(Invalid) as caught:
        deal.update(recurring_interval=None)
    assert list(details(caught)) == ["recurring_interval"]
    deal.update(recurring_value=None, recurring_interval=None)


def test_a_list_does_not_add_up_what_recurs_in_other_intervals() -> None:
    by_name = Deal.schema.by_name
    assert totals.measure_of(Deal, by_name["value"]) == "sum(value)"
    assert totals.measure_of(Deal, by_name["recurring_value"]) == ""


@pytest.fixture
def recurring() -> None:
    for amount, interval in ((10, "Monthly"), (20, "Monthly"), (100, "Yearly")):
        Deal.create(
            name="Seats",
            value=1,
            recurring_value=amount,
            recurring_interval=interval,
            source="fair",
        )


MEASURES = [f"{name}(recurringValue)" for name in ("sum", "avg", "median", "min", "max")]


def test_what_recurs_is_measured_by_its_interval(recurring: None) -> None:
    found = Deal.aggregate(measure=MEASURES, group="recurringInterval")
    assert [[row[measure]["USD"] for measure in MEASURES] for row in found] == [
        [30, 15, 15, 10, 20], [100, 100, 100, 100, 100]
    ]  # fmt: skip
    # How many have some is a number of any intervals.
    assert Deal.aggregate(measure="count(recurringValue)") == [{"count(recurringValue)": 3}]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("group", ["", "source"])
def test_amounts_of_several_intervals_are_not_measured_together(
    recurring: None, acme: Any, measure: str, group: str
) -> None:
    said = f"{measure}: its amounts are each per recurringInterval. Group by recurringInterval as well."
    with pytest.raises(InvalidFilter, match=re.escape(said)):
        Deal.aggregate(measure=measure, group=group)
    answer = Api(acme).call("GET", f"/deals/aggregate?measure={measure}&group={group}")
    assert (answer.status_code, answer.json()["field"]) == (400, "measure")


def test_it_advances_stage_by_stage(deal: Deal) -> None:
    for stage in OPEN[1:]:
        assert deal.advance().stage == stage
    with refused(Conflict, "Negotiation"):
        deal.advance()


@pytest.mark.parametrize("stage", [*OPEN[1:], *ENDED])
def test_it_does_not_change_its_stage_by_update(deal: Deal, stage: str) -> None:
    with refused(Conflict):
        deal.update(stage=stage)


@pytest.mark.parametrize("stage", OPEN)
@pytest.mark.parametrize("ended", ENDED)
def test_it_ends_from_any_open_stage_and_reopens(stage: str, ended: str) -> None:
    deal = end(Deal.create(name="D", value=1, stage=stage), ended)
    assert (deal.stage, deal.actual_close_date) == (ended, clock.now().date())
    assert deal.lost_reason == ("Price" if ended == "Lost" else None)
    for other in ENDED:
        with refused(Conflict):
            end(deal, other)
    with refused(Conflict):
        deal.advance()
    deal.reopen()
    assert (deal.stage, deal.actual_close_date, deal.lost_reason, deal.won_reason) == (
        "Prospecting", None, None, None,
    )  # fmt: skip
    with refused(Conflict):
        deal.reopen()


def test_it_is_lost_with_a_reason_and_won_with_or_without(deal: Deal) -> None:
    for reason in ({}, {"lost_reason": None}, {"lost_reason": "  "}):
        with refused(Invalid) as caught:
            deal.lose(**reason)
        assert list(details(caught)) == ["lost_reason"]
    assert deal.win(won_reason="Best offer").won_reason == "Best offer"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Lead", "Customer"),
        ("Qualified", "Customer"),
        ("Customer", "Customer"),
        ("Churned", "Customer"),
        ("Partner", "Partner"),
    ],
)
def test_it_makes_the_contact_a_customer_when_won(before: str, after: str) -> None:
    ada = Contact.create(name="Ada", stage=before)
    deal = Deal.create(name="D", value=1, contact=ada).win()
    assert Contact.get(ada.id).stage == after
    caused = Event.objects.filter(target=ada.id).exclude(name="Contact.Created")
    assert {e.cause for e in caused} == (
        {Deal.won_by("system")[0].id} if before != after else set()
    )
    assert deal.stage == "Won"


@pytest.mark.parametrize(
    ("before", "after"),
    [("Prospect", "Customer"), ("Customer", "Customer"), ("Partner", "Partner"),
     ("Vendor", "Vendor"), ("Competitor", "Competitor")],
)  # fmt: skip
def test_it_makes_the_organization_a_customer_when_won(before: str, after: str) -> None:
    org = Organization.create(name="Acme", type=before)
    Deal.create(name="D", value=1, organization=org).win()
    assert Organization.get(org.id).type == after


def test_it_is_won_without_anybody_behind_it() -> None:
    assert Deal.create(name="D", value=1).win().stage == "Won"


def test_it_remembers_its_stage_moves_as_activity(deal: Deal) -> None:
    first = deal.last_activity_at
    assert first == deal.created_at
    deal.advance()
    assert first < deal.last_activity_at <= deal.updated_at


# -- what a conversion may say of the deal --------------------------------------------------------


def test_it_takes_the_fields_that_the_conversion_overrides(qualified: Lead, people: Any) -> None:
    body = {"deal": {"name": "Renamed", "value": 75_000.5, "stage": "Proposal",
                     "owner": people.cleo.id, "probability": 40}}  # fmt: skip
    lead = executor.run(Lead.verbs["convert"], qualified.id, body, wire=True)
    deal = lead.deal
    assert (deal.name, float(deal.value), deal.stage, deal.probability) == (
        "Renamed", 75_000.5, "Proposal", 40,
    )  # fmt: skip
    assert (deal.owner, deal.contact, deal.campaign) == (people.cleo, people.ada, people.spring)


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ({"nonsense": 1}, "deal.nonsense"),
        ({"value": "much"}, "deal.value"),
        ({"value": -1}, "deal.value"),
        ({"stage": "Won"}, "deal.stage"),
        ({"owner": "contact_aaaaaaaaaaaa"}, "deal.owner"),
        ({"expected_close_date": "2027-01-01"}, "deal.expected_close_date"),
        ({"lostReason": "x"}, "deal.lostReason"),
        ({"name": None}, "deal.name"),
        ({"recurringValue": 5}, "deal.recurringInterval"),
    ],
)
def test_it_refuses_an_override_that_no_deal_takes(
    qualified: Lead, override: dict[str, Any], field: str
) -> None:
    with refused(Invalid) as caught:
        executor.run(Lead.verbs["convert"], qualified.id, {"deal": override}, wire=True)
    assert field in details(caught)


def test_what_an_override_misses_is_named_as_the_caller_writes_it(qualified: Lead) -> None:
    with refused(Invalid) as caught:
        qualified.convert(deal={"recurring_value": 5})
    assert list(details(caught)) == ["deal.recurring_interval"]


def test_what_a_hook_could_not_do_is_named_as_the_wire_has_it(qualified: Lead) -> None:
    def misses(lead: Lead, ctx: Any) -> None:
        ctx.Deal.create(name="Another", value=1, recurring_value=5)

    with Lead.converted.attached(misses), refused(Invalid) as caught:
        executor.run(Lead.verbs["convert"], qualified.id, {}, wire=True)
    assert (caught.value.type, list(details(caught))) == ("Deal", ["recurringInterval"])


@pytest.mark.parametrize("stage", OPEN)
def test_it_is_attached_when_it_exists_and_is_open(qualified: Lead, stage: str) -> None:
    deal = Deal.create(name="Known", value=7, stage=stage)
    version = deal.version
    assert Lead.convert(qualified.id, deal=deal.id).deal == deal
    assert Deal.count() == 1
    now = Deal.get(deal.id)
    assert (now.version, now.name, now.stage) == (version, "Known", stage)


@pytest.mark.parametrize("stage", ENDED)
def test_it_is_not_attached_when_it_has_ended(qualified: Lead, stage: str) -> None:
    deal = end(Deal.create(name="Known", value=7), stage)
    with refused(VerbRefused, stage):
        Lead.convert(qualified.id, deal=deal)


def test_it_is_not_attached_when_it_is_somebody_elses(qualified: Lead, rival: Any) -> None:
    from headlessly.access import tenancy

    with tenancy.active(rival):
        theirs = Deal.create(name="Theirs", value=1)
    for id in (theirs.id, theirs, "deal_aaaaaaaaaaaa", qualified.id, 5, ["deal"]):
        with refused(Invalid) as caught:
            Lead.convert(qualified.id, deal=id)
        assert list(details(caught)) == ["deal"]


@pytest.mark.parametrize("stage", ["Lead", "Qualified", "Customer", "Churned", "Partner"])
def test_it_moves_the_contact_of_a_conversion_forward_never_back(stage: str) -> None:
    ada = Contact.create(name="Ada", stage=stage)
    lead = Lead.create(name="L", source="x", contact=ada)
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    lead.convert()
    assert Contact.get(ada.id).stage == ("Qualified" if stage == "Lead" else stage)
    assert Contact.get(ada.id).version == (2 if stage == "Lead" else 1)


def test_it_leaves_exactly_these_events_of_a_conversion(qualified: Lead, people: Any) -> None:
    qualified.convert()
    request = Lead.converted_by("system")[0].request_id
    found = list(Event.objects.filter(request_id=request))
    assert [(e.name, e.target) for e in found] == [
        ("Lead.Converted", qualified.id),
        ("Deal.Created", qualified.deal_id),
        ("Lead.Updated", qualified.id),
        ("Contact.Qualified", people.ada.id),
        ("lead_converted", None),
    ]
    assert [e.cause for e in found] == [None, *[found[0].id] * 4]
    assert found[2].previous == {"deal": None}


def test_it_closes_the_lead_that_became_it(qualified: Lead, people: SimpleNamespace) -> None:
    deal = qualified.convert().deal
    other = Deal.create(name="Other", value=1)
    for change in ({"budget": 1}, {"authority": "x"}, {"need": "x"}, {"timeline": "x"}):
        with refused(Conflict, "no longer changes") as caught:
            qualified.update(**change)
        assert caught.value.body()["deal"] == deal.id
    with refused(Invalid, "convert"):
        qualified.update(deal=other)
    with refused(Conflict):
        qualified.rollback(as_of=qualified.created_at)
    qualified.update(owner=people.cleo, name="Renamed", budget=50_000, deal=deal.id)
    with refused(Conflict) as caught:
        Deal.delete(deal.id)
    assert caught.value.body()["referredBy"] == {"Lead": 1}


# -- the forecast -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "category"),
    [
        ("Prospecting", "Pipeline"),
        ("Qualification", "Pipeline"),
        ("Proposal", "BestCase"),
        ("Negotiation", "Commit"),
    ],
)
def test_its_forecast_category_is_that_of_its_stage(stage: str, category: str) -> None:
    made = Deal.create(name="D", value=1, stage=stage)
    assert made.forecast_category == category
    assert Deal.find({"forecastCategory": category}).get().pk == made.pk


def test_its_forecast_category_follows_its_stage_until_somebody_sets_it(deal: Deal) -> None:
    deal.advance()
    deal.advance()
    assert deal.forecast_category == "BestCase"
    deal.update(forecast_category="BestCase")  # the same as by stage, and set all the same
    deal.advance()
    assert deal.forecast_category == "BestCase"
    deal.update(forecast_category=None)
    assert Deal.get(deal.pk).forecast_category == "Commit"


def test_its_forecast_category_is_as_it_was_after_a_rollback(deal: Deal) -> None:
    moment = clock.now()
    deal.update(forecast_category="Omitted")
    deal.rollback(as_of=moment)
    assert deal.forecast_category == "Pipeline"
    deal.advance()
    deal.advance()
    assert deal.forecast_category == "BestCase"


def test_its_forecast_category_was_then_what_it_was_then(deal: Deal) -> None:
    moment = clock.now()
    deal.update(forecast_category="Commit")
    assert Deal.aggregate(group="forecastCategory", as_of=moment) == [
        {"forecastCategory": "Pipeline", "count": 1}
    ]


def test_it_takes_only_a_forecast_category_that_there_is(deal: Deal) -> None:
    with refused(Invalid) as caught:
        deal.update(forecast_category="Maybe")
    assert list(details(caught)) == ["forecast_category"]
