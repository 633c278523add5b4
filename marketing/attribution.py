"""From a visitor to the campaign that brought them, from a campaign to the revenue that it brought."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Sum

from crm import models as crm

if TYPE_CHECKING:
    from marketing.models import Campaign


def leads_and_revenue(campaign: Campaign) -> tuple[int, Decimal]:
    """How many leads a campaign generated, and the value of the deals that were won from it."""
    leads = crm.Lead.objects.filter(campaign=campaign.pk).count()
    won = crm.Deal.objects.filter(campaign=campaign.pk, stage=crm.Deal.Stage.WON)
    return leads, won.aggregate(total=Sum("value"))["total"] or Decimal(0)
