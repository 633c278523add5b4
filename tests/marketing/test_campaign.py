"""The campaign: its run from draft to complete, and what it brought."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from crm import Deal, ExchangeRate, Lead
from headlessly.errors import Conflict, Invalid, VerbRefused
from marketing import Campaign, Form
from marketing.returns import campaign_returns
from marketing.utm import campaign_of, landing_link
from tests.headlessly.admin.conftest import ann, users  # noqa: F401  (fixtures)
from tests.refusals import details, refused

pytestmark = pytest.mark.usefixtures("acme")

READY = {"landing_page_url": "https://acme.example/spring", "budget": 1000}


@pytest.fixture
def launched() -> Campaign:
    return Campaign.create(name="Spring", **READY).launch()


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("type", ["Email", "Social", "Content", "Event", "Paid", "Webinar", "Referral"], ["TV"]),
        ("currency", ["EUR"], ["Euro"]),
        ("target_leads", [0, 10], [-1, 1.5]),
        ("actual_cost", [0, 1.5], [-1]),
        ("slug", ["spring-2026"], ["Spring 2026"]),
    ],
)
def test_it_takes_only_sensible_values(field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        Campaign.create(name="C", **{field: value})
    for value in bad:
        with refused(Invalid) as caught:
            Campaign.create(name="C", **{field: value})
        assert list(details(caught)) == [field]


def test_it_does_not_end_before_it_starts() -> None:
    campaign = Campaign.create(name="C", start_date="2026-02-01")
    with refused(Invalid) as caught:
        campaign.update(end_date="2026-01-31")
    assert list(details(caught)) == ["end_date"]
    campaign.update(end_date="2026-02-01")


@pytest.mark.parametrize(
    ("has", "misses"),
    [
        ({}, "a landing page and a budget"),
        ({"budget": 1}, "a landing page"),
        ({"landing_page_url": "https://acme.example"}, "a budget"),
    ],
)
def test_it_launches_only_with_a_landing_page_and_a_budget(has: Any, misses: str) -> None:
    campaign = Campaign.create(name="Spring", **has)
    with refused(VerbRefused, f"needs {misses} before") as caught:
        campaign.launch()
    asked = {"landingPageUrl", "budget"} - {Campaign.schema.by_name[name].wire for name in has}
    assert set(details(caught)) == asked and caught.value.field in asked
    assert (campaign.status, campaign.launched_at) == ("Draft", None)


def test_its_launch_asks_in_the_browser_for_what_is_missing(ann: Any) -> None:  # noqa: F811
    campaign = Campaign.create(name="Spring")
    place = f"/~acme/admin/marketing/campaign/{campaign.pk}/do/launch/"
    refused = ann.post(place)
    html = refused.content.decode()
    assert refused.status_code == 422 and "a landing page and a budget before" in html
    lacks = {"lacks": ["landing_page_url", "budget"]}
    assert all(f'name="first-{name}"' in html for name in lacks["lacks"])
    given = {"first-landing_page_url": "www.acme.example/spring", "first-budget": "1.250,50"}
    wrong = ann.post(place, lacks | given | {"first-budget": "$1,250"})
    assert (
        wrong.status_code == 422 and "write digits alone, such as 1250.50" in wrong.content.decode()
    )
    assert Campaign.get(campaign.pk).status == "Draft"
    assert ann.post(place, lacks | given).status_code == 302
    launched = Campaign.get(campaign.pk)
    assert (launched.status, float(launched.budget)) == ("Launched", 1250.5)
    assert launched.landing_page_url == "https://www.acme.example/spring"


def test_it_pauses_and_goes_on_and_remembers_its_first_launch(launched: Campaign) -> None:
    first = launched.launched_at
    assert first
    with refused(Conflict):
        launched.launch()
    launched.pause()
    with refused(Conflict):
        launched.pause()
    launched.launch()
    assert (launched.status, launched.launched_at) == ("Launched", first)


def test_it_launches_when_scheduled() -> None:
    assert Campaign.create(name="S", status="Scheduled", **READY).launch().status == "Launched"


def test_it_is_scheduled_and_cancelled_by_update() -> None:
    campaign = Campaign.create(name="S", **READY)
    campaign.update(status="Scheduled")
    with refused(Conflict):
        campaign.update(status="Draft")
    campaign.update(status="Cancelled")
    with refused(Conflict) as caught:
        campaign.launch()
    assert caught.value.body()["allowed"] == []


def test_it_is_not_cancelled_once_launched(launched: Campaign) -> None:
    for status in ("Cancelled", "Draft", "Scheduled", "Paused", "Completed"):
        with refused(Conflict):
            launched.update(status=status)


def bring(campaign: Campaign, *won: float) -> None:
    """Three leads, the won deals and some that do not count."""
    for n in range(3):
        Lead.create(name=f"L{n}", source="x", campaign=campaign)
    for value in won:
        Deal.create(name="Won", value=value, campaign=campaign).win()
    Deal.create(name="Open", value=999, campaign=campaign)
    Deal.create(name="Lost", value=999, campaign=campaign).lose(lost_reason="Price")
    Deal.create(name="Elsewhere", value=999).win()
    Deal.delete(Deal.create(name="Deleted", value=1, campaign=campaign).win().id)


@pytest.mark.parametrize(
    ("cost", "won", "roi"),
    [
        (1000, (2500,), 150),
        (1000, (400, 100.5), -49.95),
        (1000, (), -100),
        (300, (400,), 33.33),
        (None, (400,), None),
        (0, (400,), None),
    ],
)
def test_it_counts_what_it_brought_when_complete(
    launched: Campaign, cost: Any, won: Any, roi: Any
) -> None:
    # roi = (revenue - cost) / cost * 100, null without cost
    launched.update(actual_cost=cost)
    bring(launched, *won)
    launched.complete()
    assert (launched.status, launched.actual_leads) == ("Completed", 3)
    assert float(launched.actual_revenue) == sum(won)
    assert launched.roi == roi
    with refused(Conflict):
        launched.launch()


def test_it_adds_revenue_of_other_currencies_at_the_rates_of_their_days(launched: Campaign) -> None:
    launched.update(actual_cost=1000, currency="EUR")
    ExchangeRate.create(currency="EUR", day="2020-01-01", rate=2)
    Deal.create(name="D", value=1000, currency="USD", campaign=launched).win()
    Deal.create(name="E", value=700, currency="EUR", campaign=launched).win()
    so_far = campaign_returns([launched])[launched.pk]
    assert (so_far.won, so_far.revenue, so_far.unconverted) == (2, 1200, {})
    launched.complete()
    assert (launched.actual_revenue, launched.roi) == (1200, 20)
    assert so_far.roi == launched.roi, "one definition, so far and in the end"


def test_it_is_not_completed_with_more_revenue_than_an_amount_can_be(launched: Campaign) -> None:
    for name in "AB":
        Deal.create(name=name, value=9_999_999_999_999, campaign=launched).win()
    with refused(VerbRefused, "19,999,999,999,998.00 USD"):
        launched.complete()


def test_it_counts_revenue_without_a_rate_in_its_own_currency_only(launched: Campaign) -> None:
    launched.update(actual_cost=1000, currency="USD")
    Deal.create(name="D", value=1000, currency="USD", campaign=launched).win()
    Deal.create(name="Y", value=150_000, currency="JPY", campaign=launched).win()
    so_far = campaign_returns([launched])[launched.pk]
    assert (so_far.won, so_far.revenue, so_far.unconverted) == (2, 1000, {"JPY": 150_000})
    assert so_far.revenues == {"USD": 1000, "JPY": 150_000}
    launched.complete()
    assert (launched.actual_revenue, launched.roi) == (1000, 0)
    assert so_far.roi == launched.roi, "one definition, so far and in the end"


def test_it_completes_from_launched_or_paused_only(launched: Campaign) -> None:
    draft = Campaign.create(name="Draft")
    with refused(Conflict):
        draft.complete()
    launched.pause()
    assert launched.complete().roi is None


@pytest.mark.parametrize("field", ["actual_leads", "actual_revenue", "roi", "launched_at"])
def test_it_computes_what_no_client_may_say(launched: Campaign, field: str) -> None:
    value = "2026-01-01T00:00:00Z" if field == "launched_at" else 5
    with refused(Invalid, "launch" if field == "launched_at" else "complete"):
        launched.update(**{field: value})


def test_the_list_says_what_a_running_one_has_brought_so_far(
    launched: Campaign,
    ann: Any,  # noqa: F811
) -> None:
    launched.update(actual_cost=1000)
    bring(launched, 2500)
    draft = Campaign.create(name="Draft")
    Lead.create(name="Early", source="x", campaign=draft)
    place = "/~acme/admin/marketing/campaign/?view=all&columns=actualLeads,actualRevenue,roi"

    def row(name: str) -> list[str]:
        html = ann.get(place).content.decode()
        (found,) = [each for each in html.split("<tr ") if f">{name}</a>" in each]
        cells = re.findall(r"<td.*?</td>", found)[2:5]
        return [re.sub(r"<[^>]+>", "", cell).replace("\N{NO-BREAK SPACE}", " ") for cell in cells]

    assert row("Spring") == ["3 so far", "$2,500 so far", "150 % so far"]
    assert row("Draft") == ["", "", ""]
    with CaptureQueriesContext(connection) as one:
        row("Spring")
    for number in range(4):
        bring(Campaign.create(name=f"More {number}", **READY).launch(), 10)
    with CaptureQueriesContext(connection) as five:
        row("Spring")
    assert len(five) == len(one)
    launched.complete()
    assert row("Spring") == ["3", "$2,500", "150 %"], "counted now"
    said = "Sorted by “Actual leads”: final values first"
    assert said in ann.get(f"{place}&o=-actualLeads").content.decode()
    assert said not in ann.get(f"{place}&o=name").content.decode()


def test_what_counts_something_is_added_up_and_a_return_is_not(ann: Any, people: Any) -> None:  # noqa: F811
    for leads in (10, 15):
        Campaign.create(name=f"For {leads}", target_leads=leads)
    done = Campaign.create(name="Done", actual_cost=100, **READY).launch()
    bring(done, 300)
    done.complete()
    foot = "/~acme/admin/marketing/campaign/totals/?columns=targetLeads,actualLeads,roi"
    html = ann.get(foot).content.decode()
    assert re.findall(r'data-label="([^"]+)">([^<]+)</td>', html) == [
        ("Target leads", "25"),
        ("Actual leads", "completed: 3"),
    ], "what running ones brought so far is not in it, and no mean of returns says anything"
    completed = ann.get(f"{foot}&status=Completed").content.decode()
    assert ("Actual leads", "3") in re.findall(r'data-label="([^"]+)">([^<]+)</td>', completed)
    Form.create(name="Demo", fields=[{"name": "email", "type": "email"}])
    assert ">0</td>" in ann.get("/~acme/admin/marketing/form/totals/").content.decode()


def page_of(campaign: Campaign, client: Any) -> str:
    html = client.get(f"/~acme/admin/marketing/campaign/{campaign.pk}/change/").content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\N{NO-BREAK SPACE}", " ").split())


def test_its_page_says_what_a_lead_and_a_won_deal_cost(launched: Campaign, ann: Any) -> None:  # noqa: F811
    assert "Cost per" not in page_of(launched, ann), "nobody knows the cost yet"
    launched.update(actual_cost=1000)
    bring(launched, 2500, 500)
    Lead.create(name="Won over", source="x", campaign=launched, status="New")
    html = page_of(launched, ann)
    assert "Cost per lead $250 " in html and "Cost per deal won $500 " in html
    assert "Became deals 0 0 % of the leads" in html
    launched.complete()
    assert "Lists keep what it was" not in page_of(launched, ann), "it is still so"
    Deal.create(name="Late", value=1000, campaign=launched).win()
    assert "2026: 4 leads, $3,000 revenue, 200 % ROI." in re.sub(
        r", \d{4}:", ", 2026:", page_of(launched, ann)
    )


def test_its_page_has_a_link_by_which_visits_are_told(launched: Campaign, ann: Any) -> None:  # noqa: F811
    assert "It is made of the landing page and the UTM values" in page_of(launched, ann)
    launched.update(
        landing_page_url="https://acme.example/spring?ref=a&utm_source=old#sign-up",
        utm_source="News letter",
        utm_campaign="spring",
    )
    link = "https://acme.example/spring?ref=a&utm_campaign=spring&utm_source=News+letter#sign-up"
    assert landing_link(launched) == link
    assert campaign_of({"utm_campaign": "Spring", "utm_source": "news letter"}) == launched.pk
    html = ann.get(f"/~acme/admin/marketing/campaign/{launched.pk}/change/").content.decode()
    assert html.count(escape(link)) == 3 and f"?type=Lead&amp;campaign={launched.pk}" in html


def test_the_table_of_returns_is_of_no_period_and_says_none(launched: Campaign, ann: Any) -> None:  # noqa: F811
    launched.update(actual_cost=900)
    bring(launched, 1800)
    html = ann.get("/~acme/admin/dashboard/tables/returnByCampaign/").content.decode()
    table = html.split("<tbody>")[1].split("</tbody>")[0]
    assert "<small" not in table, "there is no period before"
    assert 'name="period"' not in html and "Below each number" not in html
    assert re.sub(r"<[^>]+>", " ", table).split() == [
        "Spring", "100", "%", "3", "1", "$1,800", "$900", "$300"
    ]  # fmt: skip
    others = ann.get("/~acme/admin/dashboard/tables/conversionByCampaign/").content.decode()
    assert 'name="period"' in others and "Below each number" in others
