"""Marketing's part of the dashboard: what campaigns brought."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from crm.dashboard import conversion_by, row_figure
from headlessly.admin.dashboards.figures import Bar, Chart, Figure, Mark, dashboard
from headlessly.admin.dashboards.report_text import measure_by_name, percent_of, report_table
from headlessly.query.named_reports import Row
from headlessly.query.reports import Slice
from marketing.models import Campaign
from marketing.named import launched_returns
from marketing.returns import CampaignReturn


@dashboard.chart(rank=4)
def by_campaign(slice: Slice) -> Chart:
    return conversion_by(slice, "conversionByCampaign")


@dashboard.chart(rank=4)
def return_by_campaign(slice: Slice) -> Chart:
    """Draws leads, revenue and return of the campaigns that were launched, the most profitable first."""
    found = slice.cached(launched_returns)
    # Amounts of different currencies are not compared: the bars of each currency have a scale of their own.
    most: dict[str, Decimal] = defaultdict(Decimal)
    for campaign, each in found.campaigns:
        largest = max(each.revenue, (each.cost or Decimal(0)) if found.costs else Decimal(0))
        most[campaign.currency] = max(most[campaign.currency], largest)
    rows = measure_by_name("returnByCampaign", slice).rows or ()
    return Chart(
        "returnByCampaign",
        [
            _bar(campaign, each, row, most[campaign.currency], found.costs)
            for (campaign, each), row in zip(found.campaigns, rows, strict=True)
        ],
        report_table("returnByCampaign", slice),
        format_html(
            '{} <a href="{}">{}</a>',
            _("The latest launched campaigns: deals won in their currency against the cost."),
            reverse("admin:marketing_touchpoint_attribution"),
            _("Compare what each campaign earned under six models"),
        ),
        nothing=_("No campaign was launched yet."),
        legend=(("whole", _("revenue")), *((("lost", _("cost")),) if found.costs else ())),
    )


def _bar(campaign: Campaign, found: CampaignReturn, row: Row, most: Decimal, costs: bool) -> Bar:
    spent = percent_of(found.cost or 0, most) if costs else 0
    return Bar(
        Figure(str(campaign), found.who),
        row_figure(row, "roi", "percent"),
        (
            Mark(0, percent_of(found.revenue, most)),
            Mark(max(spent - 0.8, 0), 0.8 if spent else 0, "lost"),
        ),
        format_html(
            _("{revenue} from {leads} leads, {won} won"),
            revenue=row_figure(row, "revenue", "money"),
            leads=row_figure(row, "leads"),
            won=row_figure(row, "won"),
        ),
    )
