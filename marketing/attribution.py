"""From a visitor to the campaign that brought them, from a campaign to the revenue that it brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum

from crm import models as crm
from headlessly.reports import Records

if TYPE_CHECKING:
    from .models import Campaign


#: What an address says of a campaign, the most telling last.
UTM = ("utm_medium", "utm_source", "utm_campaign")


def campaign_of(utm: Mapping[str, str | None]) -> str | None:
    """The id of the campaign that these utm values belong to, or None.

    A campaign fits when its utm_campaign is the one given (or neither has one), when its source and its
    medium are those given wherever both say one, and when anything is the same at all. Of several the one
    that says most wins, then one that is running, then the newest.
    """
    from .models import Campaign

    given = {name: value for name in UTM if (value := utm.get(name))}
    if not given:
        return None
    fits, same = Q(utm_campaign=given.get("utm_campaign")), Q()
    for name, value in given.items():
        same |= Q(**{name: value})
        if name != "utm_campaign":
            fits &= Q(**{name: value}) | Q(**{f"{name}__isnull": True})
    found = Campaign.objects.filter(fits & same).order_by("-created_at", "-id")[:100]

    def rank(campaign: Campaign) -> tuple[int, bool]:
        said = sum(getattr(campaign, name) == value for name, value in given.items())
        return said, campaign.status == Campaign.Status.LAUNCHED

    return best.pk if (best := max(found, key=rank, default=None)) else None


def brought(campaign: Campaign) -> tuple[int, Decimal]:
    """How many leads a campaign generated, and the value of the deals that were won from it."""
    leads = crm.Lead.objects.filter(campaign=campaign.pk).count()
    won = crm.Deal.objects.filter(campaign=campaign.pk, stage=crm.Deal.Stage.WON)
    return leads, won.aggregate(total=Sum("value"))["total"] or Decimal(0)


@dataclass(frozen=True)
class Return:
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


def returns(
    campaigns: Iterable[Campaign],
    leads: Records | None = None,
    deals: Records | None = None,
) -> dict[str, Return]:
    """What each of these campaigns has brought, by its id: all, or of these ``leads`` and ``deals``.

    Counted as :func:`brought` counts when a campaign is completed, in two statements for all of them.
    """
    every = list(campaigns)
    leads, deals = leads or Records(crm.Lead), deals or Records(crm.Deal)
    ids = [campaign.pk for campaign in every]
    became = Count("pk", filter=Q(status=crm.Lead.Status.CONVERTED))
    counted = {
        id: (count, converted)
        for id, count, converted in leads.found()
        .filter(campaign__in=ids)
        .values("campaign")
        .annotate(count=Count("pk"), became=became)
        .values_list("campaign", "count", "became")
    }
    earned = {
        id: (count, total or Decimal(0))
        for id, count, total in deals.found()
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
        found[campaign.pk] = Return(
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
