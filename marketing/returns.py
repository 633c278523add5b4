"""What campaigns cost and what they brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum

from crm import models as crm
from headlessly.query.reports import Records
from marketing import attribution

if TYPE_CHECKING:
    from marketing.models import Campaign


@dataclass(frozen=True)
class CampaignReturn:
    """What a campaign has brought so far: counts of leads and deals, amounts in its currency.

    What was won in other currencies stands apart: without a rate it can neither be added nor be set against
    the cost.
    """

    leads: int
    converted: int
    won: int
    revenue: Decimal
    others: dict[str, Decimal]  #: revenue by other currencies, the largest number of deals first
    cost: Decimal | None
    who: Records
    who_converted: Records
    who_won: Records

    @property
    def roi(self) -> float | None:
        """In percent, as it is stored when the campaign is completed; None while nobody knows the cost."""
        return attribution.roi(self.revenue, self.cost)

    def revenues(self, currency: str) -> dict[str, Decimal]:
        """All that it brought, by currency, its own first; that one stands there for nothing too."""
        return {currency: self.revenue} | self.others


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
    earned: dict[str, dict[str, tuple[int, Decimal]]] = defaultdict(dict)
    for id, currency, count, total in (
        deals.queryset()
        .filter(campaign__in=ids, stage=crm.Deal.Stage.WON)
        .values("campaign", "currency")
        .annotate(count=Count("pk"), total=Sum("value"))
        .order_by("-count", "currency")
        .values_list("campaign", "currency", "count", "total")
    ):
        earned[id][currency] = (count, total)
    found = {}
    for campaign in every:
        who = leads.where(campaign=campaign.pk)
        won = earned.get(campaign.pk, {})
        _own, revenue = won.get(campaign.currency, (0, Decimal(0)))
        count, converted = counted.get(campaign.pk, (0, 0))
        found[campaign.pk] = CampaignReturn(
            leads=count,
            converted=converted,
            won=sum(deals for deals, _total in won.values()),
            revenue=revenue,
            others={c: total for c, (_, total) in won.items() if c != campaign.currency},
            cost=campaign.actual_cost,
            who=who,
            who_converted=who.where(status=crm.Lead.Status.CONVERTED.value),
            who_won=deals.where(campaign=campaign.pk, stage=crm.Deal.Stage.WON.value),
        )
    return found
