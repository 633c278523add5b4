"""What campaigns cost and what they brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum

from crm import models as crm
from headlessly.query.reports import Records

if TYPE_CHECKING:
    from marketing.models import Campaign


@dataclass(frozen=True)
class CampaignReturn:
    """What a campaign has brought so far: counts of leads and deals, amounts in its currency."""

    leads: int
    converted: int
    won: int
    revenue: Decimal
    cost: Decimal | None
    who: Records
    who_converted: Records
    who_won: Records

    @property
    def gain(self) -> Decimal | None:
        """What is left of the revenue when the cost is paid; None while nobody knows the cost."""
        return self.revenue - self.cost if self.cost else None


def campaign_returns(
    campaigns: Iterable[Campaign],
    leads: Records | None = None,
    deals: Records | None = None,
) -> dict[str, CampaignReturn]:
    """What each of these campaigns has brought, by its id: all, or of these ``leads`` and ``deals``.

    It counts as :func:`~marketing.attribution.leads_and_revenue` does when a campaign is completed, in two
    statements for all campaigns.
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
    earned = {
        id: (count, total or Decimal(0))
        for id, count, total in deals.queryset()
        .filter(campaign__in=ids, stage=crm.Deal.Stage.WON)
        .values("campaign")
        .annotate(count=Count("pk"), total=Sum("value"))
        .values_list("campaign", "count", "total")
    }
    found = {}
    for campaign in every:
        who = leads.where(campaign=campaign.pk)
        won, revenue = earned.get(campaign.pk, (0, Decimal(0)))
        count, converted = counted.get(campaign.pk, (0, 0))
        found[campaign.pk] = CampaignReturn(
            leads=count,
            converted=converted,
            won=won,
            revenue=revenue,
            cost=campaign.actual_cost,
            who=who,
            who_converted=who.where(status=crm.Lead.Status.CONVERTED.value),
            who_won=deals.where(campaign=campaign.pk, stage=crm.Deal.Stage.WON.value),
        )
    return found
