"""From a visitor to the campaign that brought them, from a campaign to the revenue that it brought."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Sum

from crm import models as crm

if TYPE_CHECKING:
    from marketing.models import Campaign


def leads_and_revenue(campaign: Campaign) -> tuple[int, Decimal]:
    """How many leads a campaign generated, and the value of the deals that were won from it.

    Of the deals in its own currency: amounts of others are not added to what it cost in this one.
    """
    leads = crm.Lead.objects.filter(campaign=campaign.pk).count()
    won = crm.Deal.objects.filter(
        campaign=campaign.pk, stage=crm.Deal.Stage.WON, currency=campaign.currency
    )
    return leads, won.aggregate(total=Sum("value"))["total"] or Decimal(0)


def roi(revenue: Decimal, cost: Decimal | None) -> float | None:
    """Return on investment in percent: (revenue - cost) / cost * 100; None without a cost."""
    return round(float((revenue - cost) / cost * 100), 2) if cost else None
