"""What campaigns cost, and what they brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from crm import models as crm
from headlessly.query import money
from headlessly.query.reports import Records

if TYPE_CHECKING:
    from marketing.models import Campaign


@dataclass(frozen=True)
class CampaignReturn:
    """What a campaign has brought so far: counts of leads and deals, and amounts in its currency.

    Deals won in other currencies are in its revenue at the rates of their days. If a rate is missing, they
    are listed separately: they can neither be added nor be compared with the cost.
    """

    leads: int
    converted: int
    won: int
    earned: money.Amounts  #: the value of its won deals, converted to its currency
    cost: Decimal | None
    who: Records
    who_converted: Records
    who_won: Records

    @property
    def revenue(self) -> Decimal:
        """What it won, in its currency."""
        return revenue_in_its_currency(self.earned)

    @property
    def unconverted(self) -> dict[str, Decimal]:
        """What it won beyond its revenue, by currency, as a rate is missing."""
        won = self.earned
        apart = won.by_currency if won.missing else {}
        return {c: amount for c, amount in apart.items() if c != won.currency}

    @property
    def roi(self) -> float | None:
        """In percent, as it is stored when the campaign is completed; None if the cost is unknown."""
        return return_on_investment(self.revenue, self.cost)

    @property
    def conversion(self) -> float | None:
        """The percentage of leads that became deals; None without leads."""
        return 100 * self.converted / self.leads if self.leads else None

    @property
    def cost_per_lead(self) -> Decimal | None:
        return self._cost_of_each(self.leads)

    @property
    def cost_per_deal(self) -> Decimal | None:
        """The cost of each won deal; None without deals, or if the cost is unknown."""
        return self._cost_of_each(self.won)

    def _cost_of_each(self, count: int) -> Decimal | None:
        return self.cost / count if self.cost and count else None

    @property
    def revenues(self) -> dict[str, Decimal]:
        """All that it brought, by currency: its revenue, and what could not be converted."""
        return {self.earned.currency: self.revenue} | self.unconverted


def campaign_returns(
    campaigns: Iterable[Campaign],
    leads: Records | None = None,
    deals: Records | None = None,
) -> dict[str, CampaignReturn]:
    """Returns what each of these campaigns has brought, by id: in total, or from these `leads` and `deals`.

    It counts as :func:`leads_and_revenue` does when a campaign is completed, in two statements for all
    campaigns and one for the revenue of each currency among them.
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
    won = deals.queryset().filter(campaign__in=ids, stage__in=crm.Deal.WON)
    wins = dict(won.values_list("campaign").annotate(count=Count("pk")))
    earned: dict[str, money.Amounts] = {}
    for currency in {campaign.currency for campaign in every}:
        own = [campaign.pk for campaign in every if campaign.currency == currency]
        sums = money.sum_amounts(
            won.filter(campaign__in=own),
            "value",
            by=["campaign"],
            to=currency,
            as_of=deals.as_of,
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
            who_won=deals.where(campaign=campaign.pk, stage__in=",".join(crm.Deal.WON)),
        )
    return found


def leads_and_revenue(campaign: Campaign) -> tuple[int, Decimal]:
    """Returns how many leads a campaign generated, and the value of the deals won from it, in its
    currency."""
    leads = crm.Lead.objects.filter(campaign=campaign.pk).count()
    won = crm.Deal.objects.filter(campaign=campaign.pk, stage__in=crm.Deal.WON)
    sums = money.sum_amounts(won, "value", to=campaign.currency)
    return leads, revenue_in_its_currency(sums[()][0]) if sums else Decimal(0)


def revenue_in_its_currency(won: money.Amounts) -> Decimal:
    """Returns all that was won, at the rates of the days on which it was won.

    If one of these rates is missing, it is only what was won in the campaign's own currency: amounts that
    cannot be converted are never added.
    """
    own = won.by_currency.get(won.currency, Decimal(0))
    return own if won.converted is None else won.converted


def return_on_investment(revenue: Decimal, cost: Decimal | None) -> float | None:
    """Return on investment in percent: (revenue - cost) / cost * 100; None without a cost."""
    return round(float((revenue - cost) / cost * 100), 2) if cost else None
