"""Amounts of several currencies, added and compared at the rates of their days."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from crm.models import Activity, Contact, Deal, ExchangeRate, Lead, Organization
from headlessly.access import tenancy
from headlessly.context import clock
from headlessly.errors import Invalid
from headlessly.query import money
from marketing import Campaign, Segment
from tests.answered import answered
from tests.headlessly.admin.conftest import users  # noqa: F401  # a fixture
from tests.headlessly.admin.signed_in import client_of
from tests.headlessly.mcp.conftest import Agent

pytestmark = pytest.mark.django_db

MAY = datetime(2024, 5, 2, tzinfo=UTC)


@pytest.fixture
def rates(acme: Any) -> None:
    for day, rate in ((date(2020, 1, 1), 1.1), (date(2024, 6, 1), 1.2)):
        ExchangeRate.create(currency="EUR", day=day, rate=rate)


def total() -> money.Amounts:
    (found,) = money.sum_amounts(Deal.objects.all(), "value")[()]
    return found


def test_a_sum_is_one_number_per_currency(acme: Any) -> None:
    Deal.create(name="A", value=100)
    Deal.create(name="B", value=50, currency="EUR")
    Deal.create(name="C", value=25, currency="EUR")
    found = total()
    assert found.as_json() == {"USD": 100.0, "EUR": 75.0}
    assert found.converted is None
    assert found.conversion_as_json() == {"currency": "USD", "value": None, "missing": ["EUR"]}


def test_it_converts_at_the_rate_of_today_and_says_which(rates: None) -> None:
    Deal.create(name="A", value=100)
    Deal.create(name="B", value=50, currency="EUR")
    found = total()
    assert found.converted == Decimal("160.00")
    assert found.conversion_as_json() == {
        "currency": "USD",
        "value": 160.0,
        "rates": [{"currency": "EUR", "day": date(2024, 6, 1), "rate": 1.2}],
    }


def test_what_was_won_keeps_the_rate_of_its_day(rates: None) -> None:
    with clock.set_clock(MAY, purpose="replay"):
        deal = Deal.create(name="B", value=50, currency="EUR")
        deal.win()
    assert total().converted == Decimal("55.00")
    assert Deal.objects.filter(value__converted=55).exists()
    Deal.reopen(deal.pk)
    assert total().converted == Decimal("60.00")


def test_a_rate_of_another_tenant_counts_for_nothing(rates: None, rival: Any) -> None:
    with tenancy.active(rival):
        Deal.create(name="B", value=50, currency="EUR")
        assert total().missing == {"EUR"}


def test_a_day_before_the_first_rate_has_none(rates: None) -> None:
    with clock.set_clock(datetime(2019, 5, 2, tzinfo=UTC), purpose="replay"):
        Deal.create(name="B", value=50, currency="EUR").win()
    Deal.create(name="C", value=50, currency="EUR")
    assert total().missing == {"EUR"}
    assert Deal.objects.filter(value__converted=None).get().name == "B"


def test_groups_have_sums_of_their_own(rates: None) -> None:
    Deal.create(name="A", value=100, source="fair")
    Deal.create(name="B", value=50, currency="EUR", source="fair")
    Deal.create(name="C", value=1, currency="EUR")
    found = money.sum_amounts(Deal.objects.all(), "value", "recurring_value", by=["source"])
    assert {key: sums[0].converted for key, sums in found.items()} == {
        ("fair",): Decimal("160.00"),
        (None,): Decimal("1.20"),
    }
    assert found["fair",][1].as_json() == {}


def test_a_noun_without_a_currency_is_in_the_tenants(rates: None) -> None:
    Organization.create(name="Acme", annual_revenue=70)
    (found,) = money.sum_amounts(Organization.objects.all(), "annual_revenue")[()]
    assert (found.as_json(), found.converted) == ({"USD": 70.0}, Decimal("70.00"))


def test_new_amounts_are_in_the_tenants_currency(acme: Any, people: Any) -> None:
    acme.currency = "CHF"
    lead = Lead.create(name="L", source="website", budget=5, contact=people.ada)
    assert lead.currency == "CHF"
    assert Lead.update(lead.pk, currency="EUR").currency == "EUR"
    Lead.update(lead.pk, status="Contacted")
    Lead.update(lead.pk, status="Qualified")
    assert Lead.convert(lead.pk).deal.currency == "EUR"
    assert Lead.create(name="M", source="website", currency=None).currency == "CHF"


def test_a_list_is_sorted_by_the_converted_amount(rates: None) -> None:
    Deal.create(name="100 dollars", value=100)
    Deal.create(name="90 euros", value=90, currency="EUR")
    Deal.create(name="80 euros", value=80, currency="EUR")
    found = Deal.objects.order_by("-value__converted").values_list("name", flat=True)
    assert list(found) == ["90 euros", "100 dollars", "80 euros"]


def test_the_tenants_own_currency_has_no_rate(acme: Any) -> None:
    with pytest.raises(Invalid, match="its rate is 1"):
        ExchangeRate.create(currency="USD", day=date(2024, 1, 1), rate=1)


def test_there_is_one_rate_a_day(rates: None) -> None:
    with pytest.raises(Invalid, match="a rate of EUR for"):
        ExchangeRate.create(currency="EUR", day=date(2024, 6, 1), rate=2)


def test_a_list_of_several_currencies_is_sorted_narrowed_and_paged_converted(
    rates: None, api: Any
) -> None:
    for name, value, currency in (("A", 100, "USD"), ("B", 90, "EUR"), ("C", 80, "EUR")):
        Deal.create(name=name, value=value, currency=currency)
    Deal.create(name="D", value=70, currency="JPY")

    def names(query: str) -> tuple[str, Any]:
        page = api.call("GET", f"/deals?sort=-value&{query}").json()
        return "".join(deal["name"] for deal in page["results"]), page["cursor"]

    assert names("")[0] == "BACD"
    assert names("value__gt=97")[0] == "BA"
    first, cursor = names("limit=2")
    second, _cursor = names(f"limit=2&cursor={cursor}")
    assert first + second == "BACD"
    up = api.call("GET", "/deals?sort=value").json()["results"]
    assert [deal["name"] for deal in up] == ["C", "A", "B", "D"]


@pytest.fixture
def francs(rates: None) -> None:
    """A deal in a currency without a rate, beside others; and a lead."""
    for name, value, currency in (("A", 100, "USD"), ("B", 90, "EUR"), ("C", 80, "CHF")):
        Deal.create(name=name, value=value, currency=currency, source=f"of {name}")
    Lead.create(name="L", source="x", budget=5, currency="SEK")


@pytest.mark.parametrize(
    ("filter", "missing"),
    [
        ({"value": {"$gte": 1}}, ["CHF"]),
        ({"value": {"$lt": 1_000_000}}, ["CHF"]),
        # Whoever asks for no amounts, or for others, misses none.
        ({}, None),
        ({"value": 80}, None),
        ({"createdAt": {"$gte": "1d ago"}}, None),
        ({"value": {"$gte": 1}, "source": "of A"}, None),
        ({"value": {"$gte": 1}, "source": "of C"}, ["CHF"]),
        ({"$or": [{"value": {"$gte": 1}}, {"source": "of A"}]}, ["CHF"]),
        ({"$not": {"value": {"$gte": 1}}}, None),
        ({"recurringValue": {"$gte": 1}}, None),
    ],
)
def test_a_range_says_whose_amounts_it_leaves_out(
    francs: None, api: Any, filter: dict[str, Any], missing: list[str] | None
) -> None:
    said = quote(json.dumps(filter))
    for path in (f"/deals?filter={said}", f"/deals/aggregate?filter={said}"):
        assert answered(api.call("GET", path)).get("missingRates") == missing, path
    agent = Agent(tenancy.require()).tool("search", type="Deal", filter=filter)
    assert agent.get("missingRates") == missing


def test_it_says_so_of_the_words_searched_for_and_of_then(francs: None, api: Any) -> None:
    assert "missingRates" not in answered(api.call("GET", "/deals?value__gte=1&q=A"))
    assert answered(api.call("GET", "/deals?value__gte=1&q=C"))["missingRates"] == ["CHF"]
    then = clock.now().isoformat().replace("+00:00", "Z")
    for deal in Deal.find({"name": "C"}):
        deal.update(currency="USD")
    assert "missingRates" not in answered(api.call("GET", "/deals?value__gte=1"))
    found = answered(api.call("GET", f"/deals?value__gte=1&asOf={then}"))
    assert found["missingRates"] == ["CHF"]


def test_without_any_rate_a_range_leaves_nothing_out(acme: Any, api: Any) -> None:
    Deal.create(name="C", value=80, currency="CHF")
    found = answered(api.call("GET", "/deals?value__gte=1"))
    assert (found["total"], found.get("missingRates")) == (1, None)


def test_pages_say_whose_amounts_a_range_leaves_out(francs: None, users: Any) -> None:  # noqa: F811
    cleo, said = client_of(users.cleo), "Without amounts in CHF: there is no exchange rate."
    for page in ("crm/deal/?", "reports/deals/?groupBy=source&"):
        assert said in cleo.get(f"/~acme/admin/{page}value__gte=1").content.decode()
        assert said not in cleo.get(f"/~acme/admin/{page}value__gte=1&source=of A").content.decode()


@pytest.mark.parametrize("as_of", [False, True])
def test_amounts_behind_references_are_compared_converted_too(
    rates: None, api: Any, people: Any, as_of: bool
) -> None:
    """In a list, as it is now and as it was, in a segment and of what refers to it."""
    spring = Campaign.create(name="Spring", budget=95, currency="USD")
    for name, currency in (("Dear", "EUR"), ("Cheap", "USD")):
        person = Contact.create(name=name)
        lead = Lead.create(
            name=name, source="x", contact=person, budget=90, currency=currency, campaign=spring
        )
        for status in ("Contacted", "Qualified"):
            lead.update(status=status)
        Activity.create(subject=name, lead=lead, deal=lead.convert().deal, contact=person)
    when = f"&asOf={clock.now().isoformat().replace('+00:00', 'Z')}" if as_of else ""
    asked: dict[str, Any] = {
        "leads": {"deal.value": {"$gt": 97}},
        "activities": {"$or": [{"lead.budget": {"$gt": 97}}, {"deal.value": {"$gt": 97}}]},
        "contacts": {"leads": {"$some": {"budget": {"$gt": 97}}}},
        "deals": {"value": {"$gt": 97}, "campaign.budget": {"$lt": 97}},
    }
    for noun, filter in asked.items():
        page = answered(api.call("GET", f"/{noun}?filter={quote(json.dumps(filter))}{when}"))
        assert [row.get("name") or row["subject"] for row in page["results"]] == ["Dear"], noun
        kind = {"leads": "Lead", "activities": "Activity", "contacts": "Contact", "deals": "Deal"}[
            noun
        ]
        criteria = {"type": kind, "filter": filter}
        assert Segment.create(name=noun, criteria=criteria).refresh().member_count == 1


@pytest.mark.parametrize("rate", [0, -1, 1e-300, 1e300, "x", None])
def test_a_rate_is_a_number_that_something_is_worth(acme: Any, rate: Any) -> None:
    with pytest.raises(Invalid, match="rate: ") as caught:
        ExchangeRate.create(currency="EUR", day=date(2024, 6, 1), rate=rate)
    if isinstance(rate, float):
        assert "from 0.000001 to 1000000" in str(caught.value)


def test_the_largest_amounts_at_the_largest_rates_have_a_sum(api: Any, acme: Any) -> None:
    ExchangeRate.create(currency="EUR", day=date(2024, 6, 1), rate=1_000_000)
    for number in range(12):
        Deal.create(name=f"{number}", value=9_999_999_999_999, currency="EUR")
    for query in (
        "/deals/aggregate?measure=sum(value)",
        "/deals?sort=-value",
        "/deals?value__gt=5",
    ):
        assert api.call("GET", query).status_code == 200
