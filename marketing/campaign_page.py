"""The page and the list of campaigns: what each has brought so far, what it cost, and its link."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.models import Lead
from headlessly.access import actors
from headlessly.admin import NounAdmin, display, workplace
from headlessly.admin.dashboards.figures import Figure, number_figure
from headlessly.admin.import_pages import import_url
from headlessly.admin.lists import cells
from headlessly.database import timeouts
from headlessly.declaration import days
from headlessly.errors import InvalidFilter
from headlessly.query import money
from marketing import returns, utm
from marketing.models import Campaign


@admin.register(Campaign, site=workplace)
class CampaignAdmin(NounAdmin):
    """The admin of campaigns, with what each has brought so far, even while it is running."""

    record_template = "marketing/campaign.html"

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        found = super().context(request, **more)
        campaign = more.get("original")
        if campaign is not None:
            # A lazy object, as only the page of the record asks for it.
            found["brought"] = SimpleLazyObject(lambda: campaign_figures(campaign))
            found["link"] = utm.landing_link(campaign)
            if actors.may(actors.current(), "create", Lead):
                found["import_url"] = f"{import_url(Lead)}&campaign={campaign.pk}"
        return found


@cells.fills_blanks(
    Campaign,
    "actual_leads",
    "actual_revenue",
    "roi",
    total=gettext_lazy("completed: %s"),
)
def brought_so_far(campaigns: Sequence[Campaign]) -> dict[tuple[str, str], SafeString | str]:
    """Returns what launched campaigns have brought so far, as their own pages show it, until completing
    stores it.

    They stay blank if that takes too long for a list.
    """
    running = [each for each in campaigns if each.launched_at and each.actual_leads is None]
    try:
        with timeouts.statement_timeout():
            known = returns.campaign_returns(running) if running else {}
    except InvalidFilter:
        return {}
    found: dict[tuple[str, str], SafeString | str] = {}
    for campaign in running:
        brought = known[campaign.pk]
        found[campaign.pk, "actual_leads"] = _so_far(display.number(brought.leads))
        found[campaign.pk, "actual_revenue"] = _so_far(
            display.money(brought.revenue, campaign.currency)
        )
        if brought.roi is not None:
            found[campaign.pk, "roi"] = _so_far(display.number_with_unit(brought.roi, "%"))
    return found


def _so_far(text: str) -> SafeString:
    return format_html('<span class="quiet">{}</span>', _("%s so far") % text)


def campaign_figures(campaign: Campaign) -> dict[str, Any]:
    """Returns the figures of a campaign, each with the list behind it, and with targets if it has some."""
    known = returns.campaign_returns([campaign])[campaign.pk]
    currency = campaign.currency
    return {
        "leads": number_figure(known.leads, known.who),
        "target_leads": campaign.target_leads and display.number(campaign.target_leads),
        "converted": number_figure(known.converted, known.who_converted),
        "conversion": known.conversion is not None and display.percent(known.conversion),
        "won": number_figure(known.won, known.who_won),
        "revenues": [
            Figure(display.money(amount, unit), known.who_won)
            if unit == currency and not known.unconverted
            else Figure(display.money(amount, unit), known.who_won.where(currency__exact=unit))
            for unit, amount in known.revenues.items()
        ],
        "unconverted": bool(known.unconverted),
        "rates": rates_text(known.earned),
        "target_revenue": campaign.target_revenue
        and display.money(campaign.target_revenue, currency),
        "cost": known.cost is not None and display.money(known.cost, currency),
        "budget": campaign.budget and display.money(campaign.budget, currency),
        "cost_per_lead": _each(known.cost_per_lead, currency),
        "cost_per_deal": _each(known.cost_per_deal, currency),
        "roi": known.roi is not None and display.number_with_unit(known.roi, "%"),
        "today": display.day_text(days.today()),
        "completed": completed_on(campaign),
        "then": figures_then(campaign, known),
    }


def _each(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else display.money(round(amount, 2), currency)


def figures_then(campaign: Campaign, now: returns.CampaignReturn) -> str:
    """Returns what was stored when the campaign was completed if it differs from now; otherwise an empty
    text."""
    stored = campaign.actual_leads, campaign.actual_revenue, campaign.roi
    if campaign.actual_revenue is None or stored == (now.leads, now.revenue, now.roi):
        return ""
    roi = "" if campaign.roi is None else display.number_with_unit(campaign.roi, "%")
    leads = ngettext("%s lead", "%s leads", campaign.actual_leads or 0)
    figures = (
        leads % display.number(campaign.actual_leads or 0),
        _("%s revenue") % display.money(campaign.actual_revenue, campaign.currency),
        roi and _("%s ROI") % roi,
    )
    return ", ".join(filter(None, figures))


def rates_text(earned: money.Amounts) -> str:
    """Returns the rates at which revenue was converted; empty if none was."""
    if earned.missing:
        return ""
    used = sorted(earned.rates, key=lambda each: (each.currency, each.day))
    return ", ".join(
        f"1 {each.currency} = {display.decimal(each.rate, 4)} ({display.day_text(each.day)})"
        for each in used
    )


def completed_on(campaign: Campaign) -> str:
    """Returns the day on which the stored figures were counted; empty for a campaign that is not
    completed."""
    if campaign.status != Campaign.Status.COMPLETED:
        return ""
    event = Campaign.history(campaign).filter(name=Campaign.verbs["complete"].event).first()
    return display.day_text(event.timestamp) if event else ""
