"""Real, untidy data: three years of another CRM's workspace, through our verbs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Count, F, Max, Min, Q, Sum

from crm import Contact, Deal, Lead, Organization
from headlessly.models import Event
from marketing import Campaign
from tests.crm import zoho

pytestmark = [
    pytest.mark.skipif(
        not zoho.FOLDER.is_dir(), reason=f"the exported workspace is not here: {zoho.FOLDER}"
    ),
]


def counts(noun: Any, field: str) -> dict[str, int]:
    found = noun.objects.order_by().values_list(field).annotate(Count("pk"))
    return dict(found)


def test_it_lives_through_a_real_workspace_and_arrives_at_its_numbers(acme: Any) -> None:
    replay = zoho.Replay()
    replay.run()

    # What the README says to expect.
    assert Lead.count() == 3900
    assert Campaign.count() == 110
    assert counts(Lead, "status") == {
        "New": 52, "Contacted": 123, "Qualified": 50, "Converted": 3632, "Lost": 43,
    }  # fmt: skip
    assert counts(Deal, "stage") == {
        "Won": 1425, "Lost": 485, "Prospecting": 245, "Qualification": 994, "Proposal": 419,
        "Negotiation": 64,
    }  # fmt: skip

    # The people: 1,265 contacts, all of them among the leads by email, and the eleven who sell.
    assert Contact.count() == len({row["Email"].lower() for row in replay.leads}) + 11 == 3911
    assert Organization.count() == 2229
    assert Lead.count({"status": "Lost", "lostReason": "Junk Lead"}) == 22
    assert Lead.count({"status": "Lost", "lostReason": "Lost Lead"}) == 21
    assert counts(Campaign, "status") == {
        "Draft": 26, "Launched": 34, "Paused": 23, "Completed": 27,
    }  # fmt: skip

    _money_is_where_it_was(replay)
    _every_deal_goes_back_to_its_campaign(replay)
    _the_log_is_whole()
    _the_past_is_as_it_was(replay)


def _money_is_where_it_was(replay: zoho.Replay) -> None:
    amounts = [zoho.money(row["Amount"]) for row in replay.potentials.values()]
    assert Deal.objects.aggregate(total=Sum("value"))["total"] == sum(amounts)
    won = (
        Deal.objects.filter(stage="Won")
        .values_list("owner__name")
        .annotate(Sum("value"))
        .order_by()
    )
    expected: Counter[str] = Counter()
    for row in replay.potentials.values():
        if row["Stage"] == "Closed Won":
            expected[row["Potential Owner"]] += zoho.money(row["Amount"])
    assert dict(won) == expected


def _every_deal_goes_back_to_its_campaign(replay: zoho.Replay) -> None:
    converted = Lead.objects.filter(status="Converted")
    same = Q(deal__campaign=F("campaign"), deal__contact=F("contact"), deal__source=F("source"))
    assert converted.filter(same, campaign__isnull=False).count() == 3632
    assert converted.exclude(deal__leads=F("pk")).count() == 0
    per_campaign = Counter(row["Campaign Id"] for row in replay.potentials.values())
    found = dict(Deal.objects.values_list("campaign").annotate(Count("pk")).order_by())
    assert found == {replay.campaigns[id]: number for id, number in per_campaign.items()}


def _the_log_is_whole() -> None:
    """Versions without a gap, one event each; moments that never run backwards."""
    records = Event.objects.exclude(target=None).order_by().values("target")
    records = records.annotate(events=Count("pk"), first=Min("version"), last=Max("version"))
    assert not records.exclude(first=1, events=F("last")).exists()
    moments = list(Event.objects.order_by("seq").values_list("timestamp", flat=True))
    assert moments == sorted(moments)
    assert Event.objects.filter(name="lead_converted").count() == 3632
    assert Event.objects.filter(name="Deal.Created").exclude(cause=None).count() == 3632


def _the_past_is_as_it_was(replay: zoho.Replay) -> None:
    then = datetime(2020, 6, 1, tzinfo=UTC)
    campaigns = replay.campaign_rows
    converted = sum(
        zoho.converted_at(row, potential, campaigns[potential["Campaign Id"]]) <= then
        for row in replay.leads
        if (potential := replay.potentials.get(row["LEADID"]))
    )
    assert Lead.count(as_of=then) == sum(
        zoho.moment(row["Created Time"]) <= then for row in replay.leads
    )
    assert Lead.count({"status": "Converted"}, as_of=then) == converted > 0


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$1,117.10K", "1117100"),
        ("$22,700.00", "22700"),
        ("$342.09K", "342090"),
        ("$1.5M", "1500000"),
    ],
)
def test_it_reads_money_as_people_write_it(text: str, amount: str) -> None:
    assert zoho.money(text) == Decimal(amount)


def test_it_reads_both_kinds_of_dates() -> None:
    assert zoho.moment("15 Apr, 2021 00:03:00") == datetime(2021, 4, 15, 0, 3, tzinfo=UTC)
    assert zoho.moment("2021-04-25") == datetime(2021, 4, 25, tzinfo=UTC)


def test_it_lets_the_conversion_win_over_the_status_beside_it() -> None:
    assert zoho.status_of({"CONVERTED": "Yes", "Lead Status": "Junk Lead"}) == "Converted"
    assert zoho.status_of({"CONVERTED": "No", "Lead Status": "Junk Lead"}) == "Lost"
