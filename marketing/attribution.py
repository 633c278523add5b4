"""What a campaign brought: leads, and the revenue of the deals that were won from it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from crm import models as crm
from headlessly.query import money

if TYPE_CHECKING:
    from marketing.models import Campaign


def leads_and_revenue(campaign: Campaign) -> tuple[int, Decimal]:
    """How many leads a campaign generated, and the value of the deals won from it, in its currency."""
    leads = crm.Lead.objects.filter(campaign=campaign.pk).count()
    won = crm.Deal.objects.filter(campaign=campaign.pk, stage=crm.Deal.Stage.WON)
    sums = money.sum_amounts(won, "value", to=campaign.currency)
    return leads, revenue_in_its_currency(sums[()][0]) if sums else Decimal(0)


def revenue_in_its_currency(won: money.Amounts) -> Decimal:
    """All that was won, at the rates of the days on which it was; without one of these rates only what was
    won in the campaign's own currency: what cannot be converted is never added."""
    own = won.by_currency.get(won.currency, Decimal(0))
    return own if won.converted is None else won.converted


def roi(revenue: Decimal, cost: Decimal | None) -> float | None:
    """Return on investment in percent: (revenue - cost) / cost * 100; None without a cost."""
    return round(float((revenue - cost) / cost * 100), 2) if cost else None
