"""What touches earned of won deals: every model, to the cent, as a plain script makes it of exports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm.models import Contact, Deal, ExchangeRate, Lead
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.context import clock
from headlessly.query import periods
from marketing.attribution import sharing
from marketing.attribution.credit import credit_of_deal
from marketing.attribution.report import Question
from marketing.models import Campaign, Touchpoint
from tests.answered import answered, problem
from tests.headlessly.transfer.conftest import imported, send  # noqa: F401  (fixtures)
from tests.marketing import attribution_oracle as oracle

START = datetime(2025, 1, 6, 9, tzinfo=UTC)
HOURS = st.integers(-2000, 2000)


def microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def wire(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


# -- sharing ---------------------------------------------------------------------------------------


@given(
    hours=st.lists(HOURS, min_size=1, max_size=8),
    leads=st.lists(HOURS, max_size=2),
    deal=HOURS,
    cents=st.integers(0, 10**9),
)
@example(hours=[0], leads=[0], deal=0, cents=1)
@example(hours=[0, 0, 0], leads=[], deal=-5, cents=100)
@example(hours=[0, 1, 2], leads=[1], deal=2, cents=10_001)
@example(hours=[-2000, 2000], leads=[2000], deal=-2000, cents=7)
@settings(max_examples=150, deadline=None)
def test_it_shares_as_the_contract_says(
    hours: list[int], leads: list[int], deal: int, cents: int
) -> None:
    def at(hour: int) -> datetime:
        return START + timedelta(hours=hour)

    touches = [
        {"$id": f"touch_{n:03}", "occurredAt": wire(at(hour)), "lead": None, "contact": "contact_1"}
        for n, hour in enumerate(hours)
    ]
    those = [{"$id": f"lead_{h}", "deal": "deal_1", "$createdAt": wire(at(h))} for h in leads]
    won = {
        "$id": "deal_1", "contact": "contact_1", "value": Decimal(cents) / 100,
        "$createdAt": wire(at(deal)), "wonAt": wire(at(2001)),
    }  # fmt: skip
    path = sharing.Path(
        sorted(microseconds(at(hour)) for hour in hours),
        min((microseconds(at(h)) for h in leads), default=None),
        microseconds(at(deal)),
    )
    expected = oracle.credits(won, those, touches)
    for model in sharing.MODELS:
        earned = sharing.credits(model, path, cents)
        assert earned == list(expected[model].values()), model
        assert sum(earned) == cents


def test_time_decay_knows_the_order_of_touches_of_many_years_ago() -> None:
    far = sharing.Path([0, sharing.MICROSECONDS_A_DAY * 7], None, 0)
    assert sharing.credits("TimeDecay", far, 300) == [100, 200]
    years = sharing.Path([0, sharing.MICROSECONDS_A_DAY * 36_500], None, 0)
    assert sharing.credits("TimeDecay", years, 300) == [0, 300]


# -- the report ------------------------------------------------------------------------------------


@pytest.fixture
def story(people: Any) -> list[Deal]:
    """Sixty won deals whose paths have every shape: none, one, equal moments, several leads."""
    random = Random(11)
    campaigns = [Campaign.create(name=f"C{n}", slug=f"c{n}") for n in range(4)]
    ExchangeRate.create(currency="EUR", day="2024-01-01", rate=1.08)
    ExchangeRate.create(currency="JPY", day="2024-01-01", rate=0.0067)
    deals = []
    for number in range(60):
        contact = Contact.create(name=f"Person {number}")
        day = START + timedelta(days=random.randrange(30), hours=random.randrange(9))
        with clock.set_clock(day, purpose="demo"):
            deal = Deal.create(
                name=f"D{number}",
                value=Decimal(random.randrange(1_000_000)) / 100,
                currency=random.choice(("USD", "USD", "EUR", "JPY")),
                contact=random.choice((contact, contact, None)),
                owner=random.choice((people.bob, people.cleo)),
            )
        leads = []
        for _ in range(random.randrange(3)):
            with clock.set_clock(day - timedelta(days=random.randrange(20)), purpose="demo"):
                lead = Lead.create(
                    name="L",
                    source="event",
                    contact=contact,
                    campaign=random.choice((*campaigns, None)),
                )
                lead.update(status="Contacted")
                lead.update(status="Qualified")
                leads.append(lead)
        with clock.set_clock(day, purpose="demo"):
            for lead in leads:
                lead.convert(deal=deal.pk)
        moments = [day + timedelta(days=random.randrange(-40, 20)) for _ in range(3)]
        with clock.set_clock(day + timedelta(days=25), purpose="demo"):
            for _ in range(random.choice((0, 0, 1, 2, 5))):
                Touchpoint.create(
                    occurred_at=random.choice(moments),
                    contact=random.choice((contact, None)),
                    lead=random.choice((*leads, None)),
                    campaign=random.choice((*campaigns, None)),
                    source=random.choice(("ads", "mail", None)),
                    medium=random.choice(("cpc", None)),
                )
        with clock.set_clock(day + timedelta(days=10), purpose="demo"):
            deals.append(deal.win())
    return deals


def exported(api: Any, plural: str) -> list[dict[str, Any]]:
    response = api.call("GET", f"/export/{plural}?format=ndjson")
    return oracle.read(b"".join(response.streaming_content).decode().splitlines())


def question(by: str = "campaign", as_of: datetime | None = None) -> Question:
    period = periods.period_between(START.date(), (START + timedelta(days=90)).date())
    return Question(by, period, as_of)


def test_it_is_what_a_plain_script_makes_of_the_exports(story: list[Deal], api: Any) -> None:
    touches, leads, deals = (exported(api, name) for name in ("touchpoints", "leads", "deals"))
    lengths = {len(oracle.path_of(deal, leads, touches)) for deal in deals}
    assert {0, 1, 2} < lengths
    revenue = Deal.aggregate({"stage": "Won"}, measure="sum(value)")[0]
    for by in ("campaign", "source", "medium"):
        asked, expected = question(by), oracle.report(by, deals, leads, touches)
        for model in sharing.MODELS:
            found = asked.attribute(model)
            earned = {
                (row.key, currency): int(amount * 100)
                for row in found.rows
                for currency, amount in row.revenue.by_currency.items()
            }
            assert earned == {
                (key, currency): cents
                for key, amounts in expected[model].items()
                for currency, cents in amounts.items()
                if cents
            }
            assert found.total.revenue.as_json() == revenue["sum(value)"]
            assert (
                float(sum(row.converted or 0 for row in found.rows))
                == (revenue["converted"]["sum(value)"]["value"])
            )
    for deal, told in zip(deals, deals, strict=True):
        credit = credit_of_deal(Deal.get(deal["$id"]))
        assert credit.credits == oracle.credits(told, leads, touches)


def test_it_is_of_any_day_what_it_was_then(story: list[Deal], spring: Campaign) -> None:
    middle = START + timedelta(days=25)
    before = question(as_of=middle)
    known = {model: _earned(before, model) for model in sharing.MODELS}
    assert 0 < len(before.paths) < len(story)
    for deal in story[:20]:
        deal.reopen()
    for touch in Touchpoint.objects.all()[:20]:
        touch.delete()
    again = question(as_of=middle)
    assert {model: _earned(again, model) for model in sharing.MODELS} == known
    assert len(question().paths) == len(story) - 20


@pytest.fixture
def spring(people: Any) -> Campaign:
    return Campaign.create(
        name="Spring", slug="spring", actual_cost=400, utm_source="news", owner=people.bob
    )


def _earned(asked: Question, model: str) -> dict[Any, Any]:
    return {row.key: row.revenue.by_currency for row in asked.attribute(model).rows}


def win(campaign: Campaign | None, value: float = 1000, **more: Any) -> Deal:
    contact = Contact.create(name="Somebody")
    lead = Lead.create(name="L", source="news", contact=contact, campaign=campaign, **more)
    lead.update(status="Contacted")
    lead.update(status="Qualified")
    lead.convert(deal={"value": value})
    return Deal.get(Lead.get(lead.pk).deal_id).win()


def test_the_moment_of_a_win_is_set_by_it_and_cleared_by_reopening(people: Any) -> None:
    deal = Deal.create(name="D", value=1)
    assert deal.won_at is None
    assert deal.win().won_at == deal.updated_at
    assert deal.reopen().won_at is None


def test_an_imported_win_has_the_moment_of_its_day(imported: Any) -> None:  # noqa: F811
    rows = b"Name,Value,Stage,Actual close date\nA,5,Won,2024-05-01\n"
    assert imported("deals", rows)["created"] == 1
    assert Deal.objects.get().won_at == datetime(2024, 5, 1, tzinfo=UTC)


def test_the_report_says_what_each_campaign_cost_and_brought(spring: Campaign, api: Any) -> None:
    win(spring)
    win(None, 500)
    Lead.create(name="M", source="news", campaign=spring)
    found = answered(api.call("GET", "/reports/attribution?model=FirstTouch"))
    assert (found["model"], found["by"], found["currency"]) == ("FirstTouch", "campaign", "USD")
    rows = {row["campaign"]: row for row in found["rows"]}
    assert rows[spring.pk] == {
        "campaign": spring.pk, "name": "Spring", "revenue": {"USD": 1000.0}, "deals": 1, "leads": 2,
        "cost": {"USD": 400.0}, "converted": {"revenue": 1000.0, "cost": 400.0}, "roi": 150.0,
        "costPerLead": 200.0, "costPerDeal": 400.0,
    }  # fmt: skip
    assert rows[None]["revenue"] == {"USD": 500.0} and rows[None]["cost"] is None
    assert found["total"]["revenue"] == {"USD": 1500.0} and found["total"]["leads"] == 3
    for by, key in (("source", "news"), ("owner", None), ("medium", None), ("page", None)):
        rows = answered(api.call("GET", f"/reports/attribution?by={by}"))["rows"]
        assert key in {row[by] for row in rows}
        assert sum(row["converted"]["revenue"] for row in rows) == 1500
        assert sum(row["leads"] for row in rows) == 3


def test_without_a_rate_nothing_is_added(spring: Campaign, api: Any) -> None:
    win(spring, currency="EUR")
    win(spring)
    found = answered(api.call("GET", "/reports/attribution"))
    (row,) = found["rows"]
    assert row["revenue"] == {"USD": 1000.0, "EUR": 1000.0}
    assert (row["converted"]["revenue"], row["roi"]) == (None, None)
    assert found["missing"] == ["EUR"]


def test_a_deal_has_its_path_and_the_credit_of_every_touch(spring: Campaign, api: Any) -> None:
    deal = win(spring)
    extra = Touchpoint.create(contact=deal.contact, occurred_at="2024-05-01T10:00:00Z")
    found = answered(api.call("GET", f"/deals/{deal.pk}/attribution"))
    first, second = (touch["$id"] for touch in found["path"])
    assert first == extra.pk and found["path"][1]["campaign"] == spring.pk
    assert (found["value"], found["currency"]) == (1000.0, "USD")
    assert found["credits"].keys() == sharing.MODELS.keys()
    assert found["credits"]["FirstTouch"] == {first: 1000.0, second: 0.0}
    assert found["credits"]["PositionBased"] == {first: 500.0, second: 500.0}
    still = Deal.create(name="Open", value=5, contact=deal.contact)
    found = answered(api.call("GET", f"/deals/{still.pk}/attribution"))
    assert (len(found["path"]), found["credits"], found["wonAt"]) == (2, {}, None)


def test_its_periods_are_those_of_the_day_as_of_which_one_asks(api: Any) -> None:
    asked = "/reports/attribution?asOf=2025-02-10T12:00:00Z"
    for query, first in (("", "2024-11-13"), ("&period=this_month", "2025-02-01")):
        found = answered(api.call("GET", asked + query))
        assert (found["from"], found["to"]) == (first, "2025-02-10")


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("model=Best", "model", "FirstTouch, LastTouch, Linear"),
        ("by=colour", "by", "campaign, source, medium, page, owner"),
        ("from=soon", "from", "a day like"),
        ("from=2025-02-01&to=2025-01-01", "to", "a day from"),
        ("period=ever", "period", "this_month"),
        ("asOf=whenever", "asOf", "7d ago"),
        ("owner=me", "owner", "model, by"),
        ("model=Linear&model=WShaped", "model", "2 times"),
    ],
)
def test_it_says_what_is_wrong_with_a_question(query: str, field: str, says: str, api: Any) -> None:
    code = "bad_request" if field == "owner" or "&model" in query else "invalid_filter"
    told = problem(api.call("GET", f"/reports/attribution?{query}"), 400, code)
    assert told["field"] == field and says in told["message"]


def test_it_shows_nobody_what_they_do_not_see(
    spring: Campaign, people: Any, rival: Any, rival_api: Any, api: Any, acme: Any
) -> None:
    mine, others = win(spring, owner=people.bob), win(spring, 700, owner=people.cleo)
    with actors.acting(Actor("user_x", "Bob", "rep", people.bob.pk, limited=True)):
        period = periods.read_period({})
        found = Question("campaign", period).attribute("Linear")
        assert found.total.revenue.as_json() == {"USD": 1000.0}
        assert [each.deal for each in Question("campaign", period).paths] == [mine.pk]
    with tenancy.active(rival):
        assert Question("campaign", period).attribute("Linear").rows == []
    problem(rival_api.call("GET", f"/deals/{others.pk}/attribution"), 404, "not_found")
    assert answered(rival_api.call("GET", "/reports/attribution"))["rows"] == []
    reader = type(api)(acme, "read")
    assert len(answered(reader.call("GET", "/reports/attribution"))["rows"]) == 1
    problem(reader.call("POST", "/reports/attribution", {}), 405, "method_not_allowed")
