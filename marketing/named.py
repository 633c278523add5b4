"""The numbers of marketing by name: what campaigns brought, and what touches earned."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from django.utils.translation import gettext_lazy

from crm.models import Deal, Lead
from crm.reports.tables.leads import CONVERSION_COLUMNS, LEADS, measure_conversion
from headlessly.query.money import CENT, Amounts
from headlessly.query.named_reports import Column, Measured, Report, Row, reports
from headlessly.query.reports import Slice
from marketing.attribution.answer import answer_attribution
from marketing.attribution.parameters import PARAMETERS
from marketing.funnel_report import COLUMNS, answer_funnel
from marketing.funnel_report import PARAMETERS as FUNNEL_PARAMETERS
from marketing.models import Campaign
from marketing.returns import CampaignReturn, campaign_returns

#: How many campaigns are compared, the latest launches first.
MAX_CAMPAIGNS = 20


@reports.declare(
    "conversionByCampaign",
    gettext_lazy("Conversion by campaign"),
    unit="percent",
    row_title=gettext_lazy("Campaign"),
    columns=CONVERSION_COLUMNS,
)
def conversion_by_campaign(slice: Slice) -> Measured:
    """Of the leads created in the period, by campaign, how many reached Qualified and how many became deals
    since."""
    return measure_conversion(slice, "campaign")


@reports.declare(
    "returnByCampaign",
    gettext_lazy("Return by campaign"),
    unit="percent",
    over_time=False,
    row_title=gettext_lazy("Campaign"),
    columns=(
        Column("roi", gettext_lazy("ROI"), "percent"),
        LEADS,
        Column("won", gettext_lazy("Deals won"), "deals"),
        Column("revenue", gettext_lazy("Revenue"), "money"),
        Column("cost", gettext_lazy("Cost"), "money"),
        Column("costPerLead", gettext_lazy("Cost per lead"), "money"),
    ),
)
def return_by_campaign(slice: Slice) -> Measured:
    """What the latest launched campaigns have brought so far: their leads, the value of the deals won from
    them in the campaign's currency, at the rates of the days on which they were won, and (revenue - cost) /
    cost * 100. What one owner brought is not set against what the whole campaign cost."""
    found = slice.cached(launched_returns)
    rows = [
        Row(
            campaign.pk,
            str(campaign),
            {
                "roi": each.roi if found.costs else None,
                "leads": each.leads,
                "won": each.won,
                "revenue": each.earned,
                **_costs(each if found.costs else None, campaign.currency),
            },
            {"roi": each.who_won, "leads": each.who, "won": each.who_won, "revenue": each.who_won},
        )
        for campaign, each in found.campaigns
    ]
    return Measured(None, rows=rows)


def _costs(found: CampaignReturn | None, currency: str) -> dict[str, Amounts | None]:
    """Returns the cost of a campaign and of each of its leads, in its currency; None if it is unknown."""
    return {
        "cost": _amount(found.cost if found else None, currency),
        "costPerLead": _amount(found.cost_per_lead if found else None, currency),
    }


def _amount(amount: Decimal | None, currency: str) -> Amounts | None:
    if not amount:
        return None
    amounts = Amounts(currency)
    amounts.add(currency, amount.quantize(CENT), Decimal(1))
    return amounts


class LaunchedReturns:
    """The latest launched campaigns with what they brought, the most profitable first.

    `costs` says whether revenue is compared with cost.
    """

    def __init__(self, slice: Slice) -> None:
        narrowed = dict(slice.narrowed)
        scope = slice.scope(Campaign)
        launched = scope.queryset().filter(launched_at__isnull=False)
        if "campaign" in narrowed:
            launched = launched.filter(**{scope.key: narrowed.pop("campaign")})
        rows = launched.order_by("-launched_at", scope.key)[:MAX_CAMPAIGNS]
        campaigns = [row if slice.as_of is None else row.as_record() for row in rows]
        whose = Slice(slice.period, narrowed, slice.as_of)
        found = campaign_returns(campaigns, whose.records(Lead), whose.records(Deal))
        self.costs = not narrowed
        # Amounts of different currencies are not compared: the campaigns of each currency stand together.
        usual = Counter(campaign.currency for campaign in campaigns)
        campaigns.sort(key=lambda c: (-usual[c.currency], c.currency, -self._gain(found[c.pk])))
        self.campaigns = [(campaign, found[campaign.pk]) for campaign in campaigns]

    def _gain(self, found: CampaignReturn) -> Decimal:
        return found.revenue - ((found.cost or 0) if self.costs else 0)


def launched_returns(slice: Slice) -> LaunchedReturns:
    return LaunchedReturns(slice)


reports.add(
    Report(
        "funnel",
        gettext_lazy("Funnel by steps"),
        "Of those who took the first step of a funnel (funnel, or steps by their events) in the period, how "
        "many took each of the others after it, in order, whenever that was. Lists have the latest 200.",
        "percent",
        columns=COLUMNS,
        row_title=gettext_lazy("Step"),
        answer=answer_funnel,
        own_parameters=FUNNEL_PARAMETERS,
    )
)
reports.add(
    Report(
        "attribution",
        gettext_lazy("Attribution"),
        "What campaigns, sources, media, pages or owners (by) earned of the deals won in the period, by "
        "wonAt, shared by a model among the touchpoints of each deal.",
        "money",
        answer=answer_attribution,
        own_parameters=PARAMETERS,
    )
)
