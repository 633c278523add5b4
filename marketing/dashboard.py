"""Marketing's part of the dashboard: what campaigns brought."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from crm.dashboard import conversion_by, format_money, percent_of
from crm.models import Deal, Lead
from headlessly.admin import display
from headlessly.admin.dashboards.figures import Bar, Chart, Figure, Mark, dashboard, number_figure
from headlessly.declaration import labels
from headlessly.query.reports import Slice
from marketing.models import Campaign
from marketing.returns import CampaignReturn, campaign_returns

#: How many campaigns are compared, the latest launches first.
MAX_CAMPAIGNS = 20


@dashboard.chart(rank=4)
def by_campaign(slice: Slice) -> Chart:
    return conversion_by(slice, "campaign", _("Conversion by campaign"))


@dashboard.chart(rank=4)
def return_by_campaign(slice: Slice) -> Chart:
    """Leads, revenue and return of the campaigns that were launched, the most profitable first."""
    narrowed = dict(slice.narrowed)
    launched = Campaign.objects.filter(launched_at__isnull=False)
    if "campaign" in narrowed:
        launched = launched.filter(pk=narrowed.pop("campaign"))
    campaigns = list(launched.order_by("-launched_at")[:MAX_CAMPAIGNS])
    whose = Slice(slice.period, narrowed)
    found = campaign_returns(campaigns, whose.records(Lead), whose.records(Deal))
    # What one owner brought is not set against what the whole campaign cost.
    costs = not narrowed
    # Amounts of different currencies are not compared: bars are drawn to the scale of their own.
    most: dict[str, Decimal] = defaultdict(Decimal)
    for campaign in campaigns:
        each = found[campaign.pk]
        largest = max(each.revenue, (each.cost or Decimal(0)) if costs else Decimal(0))
        most[campaign.currency] = max(most[campaign.currency], largest)
    usual = Counter(campaign.currency for campaign in campaigns)
    campaigns.sort(key=lambda c: (-usual[c.currency], c.currency, -_gain_of(found[c.pk], costs)))
    return Chart(
        _("Return by campaign"),
        [_bar(c, found[c.pk], most[c.currency], costs) for c in campaigns],
        (
            labels.noun_title(Campaign),
            labels.field_label(Campaign.schema.by_name["roi"]),
            labels.plural_title(Lead),
            _("Deals won"),
            _("Revenue"),
            _("Cost"),
        ),
        format_html(
            '{} <a href="{}">{}</a>',
            _(
                "The latest launched campaigns: deals won in their currency against the cost. As of now."
            ),
            reverse("admin:marketing_touchpoint_attribution"),
            _("Compare what each campaign earned under six models"),
        ),
        nothing=_("No campaign was launched yet."),
        legend=(("whole", _("revenue")), *((("lost", _("cost")),) if costs else ())),
    )


def _gain_of(found: CampaignReturn, costs: bool) -> Decimal:
    return found.revenue - ((found.cost or 0) if costs else 0)


def _bar(campaign: Campaign, found: CampaignReturn, most: Decimal | int, costs: bool) -> Bar:
    amounts = found.revenues
    revenue = Figure(" + ".join(format_money(amounts[c], c) for c in amounts), found.who_won)
    cost = format_money(found.cost, campaign.currency) if costs and found.cost else "–"
    spent = percent_of(found.cost or 0, most) if costs else 0
    known = found.roi if costs else None
    return Bar(
        Figure(str(campaign), found.who),
        Figure(display.number_with_unit(known, "%") if known is not None else "–", found.who_won),
        (
            Mark(0, percent_of(found.revenue, most)),
            Mark(max(spent - 0.8, 0), 0.8 if spent else 0, "lost"),
        ),
        format_html(
            _("{revenue} from {leads} leads, {won} won"),
            revenue=revenue,
            leads=number_figure(found.leads, found.who),
            won=number_figure(found.won, found.who_won),
        ),
        (
            number_figure(found.leads, found.who),
            number_figure(found.won, found.who_won),
            revenue,
            cost,
        ),
    )
