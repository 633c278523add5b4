"""What campaigns cost and what they brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from crm import models as crm
from headlessly.query import money
from headlessly.query.reports import Records
from marketing import attribution

if TYPE_CHECKING:
    from marketing.models import Campaign


@dataclass(frozen=True)
class CampaignReturn:
    """What a campaign has brought so far: counts of leads and deals, amounts in its currency.

    What was won in other currencies is in its revenue at the rates of their days. Where one is missing, it
    stands apart: it can neither be added nor be set against the cost.
    """

    leads: int
    converted: int
    won: int
    earned: money.Amounts  #: the value of the deals that it won, converted to its currency
    cost: Decimal | None
    who: Records
    who_converted: Records
    who_won: Records

    @property
    def revenue(self) -> Decimal:
        """What it won, in its currency."""
        return attribution.revenue_in_its_currency(self.earned)

    @property
    def unconverted(self) -> dict[str, Decimal]:
        """What it won beside its revenue, by currency: without a rate."""
        won = self.earned
        apart = won.by_currency if won.missing else {}
        return {c: amount for c, amount in apart.items() if c != won.currency}

    @property
    def roi(self) -> float | None:
        """In percent, as it is stored when the campaign is completed; None while nobody knows the cost."""
        return attribution.roi(self.revenue, self.cost)

    @property
    def revenues(self) -> dict[str, Decimal]:
        """All that it brought, by currency: its revenue, and what could not be converted to that."""
        return {self.earned.currency: self.revenue} | self.unconverted


def campaign_returns(
    campaigns: Iterable[Campaign],
    leads: Records | None = None,
    deals: Records | None = None,
) -> dict[str, CampaignReturn]:
    """What each of these campaigns has brought, by its id: all, or of these ``leads`` and ``deals``.

    It counts as :func:`~marketing.attribution.leads_and_revenue` does when a campaign is completed, in two
    statements for all campaigns, and one for the revenue of each currency among them.
    """
    every = list(campaigns)
    leads, deals = leads or Records(crm.Lead), deals or Records(crm.Deal)
    ids = [campaign.pk for campaign in every]
    became = Count("pk", filter=Q(status=crm.Lead.Status.CONVERTED))
    counted = {
        id: (count, converted)
        for id, count, converted in leads.queryset()
        .filter(campaign__in=ids)
        .values("campaign")
        .annotate(count=Count("pk"), became=became)
        .values_list("campaign", "count", "became")
    }
    won = deals.queryset().filter(campaign__in=ids, stage=crm.Deal.Stage.WON)
    wins = dict(won.values_list("campaign").annotate(count=Count("pk")))
    earned: dict[str, money.Amounts] = {}
    for currency in {campaign.currency for campaign in every}:
        own = [campaign.pk for campaign in every if campaign.currency == currency]
        sums = money.sum_amounts(
            won.filter(campaign__in=own), "value", by=["campaign"], to=currency
        )
        earned |= {id: amounts for (id,), (amounts,) in sums.items()}
    found = {}
    for campaign in every:
        who = leads.where(campaign=campaign.pk)
        count, converted = counted.get(campaign.pk, (0, 0))
        found[campaign.pk] = CampaignReturn(
            leads=count,
            converted=converted,
            won=wins.get(campaign.pk, 0),
            earned=earned.get(campaign.pk, money.Amounts(campaign.currency)),
            cost=campaign.actual_cost,
            who=who,
            who_converted=who.where(status=crm.Lead.Status.CONVERTED.value),
            who_won=deals.where(campaign=campaign.pk, stage=crm.Deal.Stage.WON.value),
        )
    return found
