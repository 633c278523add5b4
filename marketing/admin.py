"""What the pages of marketing's nouns say beside what their declarations do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Case, Count, IntegerField, QuerySet, Subquery, When
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.models import Lead
from headlessly.access import actors, tenancy
from headlessly.admin import NounAdmin, display, workplace
from headlessly.admin.dashboards.figures import Figure, number_figure
from headlessly.admin.filtering.tree import read_filter
from headlessly.admin.filtering.words import describe_part
from headlessly.admin.import_pages import import_url
from headlessly.admin.lists import cells
from headlessly.admin.lists.conditions import filter_text
from headlessly.database import timeouts
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.errors import InvalidFilter
from headlessly.query import filters, money, periods, reads
from marketing import funnel_page, questions, returns, utm
from marketing.attribution import pages  # noqa: F401  (registers them)
from marketing.models import Campaign, Form, Funnel, Segment

#: As many members are named on the page of a segment.
FIRST_MEMBERS = 5


@admin.register(Form, site=workplace)
class FormAdmin(NounAdmin):
    """A form, with its address and the lines that put it on another website."""

    record_template = "marketing/record.html"

    @property
    def starts_with(self) -> dict[str, Any]:  # type: ignore[override]
        """What most forms ask, in the language of whoever makes one."""
        return {
            "fields": [
                {"name": "name", "type": "text", "label": _("Your name"), "required": True},
                {"name": "email", "type": "email", "label": _("Work email"), "required": True},
                {
                    "name": "topic",
                    "type": "select",
                    "label": _("About"),
                    "options": [_("Prices"), _("A demo")],
                },
                {"name": "message", "type": "textarea", "label": _("What can we do for you?")},
            ]
        }

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        found = super().context(request, **more)
        form = more.get("original")
        if form is None:
            return found
        page = f"{tenancy.context_url()}/f/{form.slug or form.pk}"
        return found | {
            "form_page": page,
            "form_address": f"{tenancy.context_url()}/forms/{form.pk}/submit",
            "form_embed": embed_html(form, page),
            "is_published": form.status == Form.Status.PUBLISHED,
        }


def embed_html(form: Form, page: str) -> str:
    """HTML for another website: the form as it is now, sent to its own page."""
    asked = [
        field
        | {
            "label": questions.question_label(field),
            "required": field.get("required")
            or field["name"] == questions.email_question(form.fields),
            "input": {"phone": "tel", "number": "text", "url": "text"}.get(
                field["type"], field["type"]
            ),
        }
        for field in form.fields or ()
    ]
    lines = render_to_string(
        "marketing/embed.html",
        {"action": page, "questions": asked, "trap": questions.HONEYPOT, "utm": questions.UTM},
    )
    return "\n".join(line for line in lines.splitlines() if line.strip())


@admin.register(Funnel, site=workplace)
class FunnelAdmin(NounAdmin):
    """A funnel, and beside the list how many took each step."""

    record_template = "marketing/funnel.html"

    def menu_pages(self) -> list[tuple[str, str, str]]:
        return [(_("Steps of funnels"), "stairs", self.place("steps"))]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.steps_view)
        return [path("steps/", view, name="marketing_funnel_steps"), *super().get_urls()]

    def steps_view(self, request: HttpRequest) -> HttpResponse:
        """How many took each step of a funnel, or of steps chosen on the page."""
        return funnel_page.show_steps(self, request)


@admin.register(Segment, site=workplace)
class SegmentAdmin(NounAdmin):
    """A segment, with those who belong to it now."""

    record_template = "marketing/segment.html"

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        found = super().context(request, **more)
        segment = more.get("original")
        if segment is not None and segment.criteria:
            found["members"] = SimpleLazyObject(lambda: members_now(segment))
        return found


def members_now(segment: Segment) -> dict[str, Any]:
    """Who belongs to a segment now: how many, the first of them, and the list of all with its bulk verbs."""
    noun, filter = registry[segment.criteria["type"]], segment.criteria["filter"]
    place = display.page_url(noun, "changelist")
    found: dict[str, Any] = {
        "nouns": labels.plural_title(noun),
        "words": describe_part(noun, read_filter(noun, filter)),
        "url": f"{place}?{urlencode({'filter': filter_text(filter)})}"
        if filter
        else f"{place}?view=all",
    }
    try:
        with timeouts.statement_timeout():
            total, exact = reads.count_records(_fitting(segment))
            found["count"] = display.number(total) + "+" * (not exact)
            found["first"] = [
                (str(each), display.page_url(noun, "change", each.pk))
                for each in noun.find(filter, limit=FIRST_MEMBERS)
            ]
    except InvalidFilter as problem:
        found["problem"] = problem.message
    return found


def _fitting(segment: Segment) -> QuerySet[Any]:
    noun = registry[segment.criteria["type"]]
    return noun.objects.filter(filters.compile_filter(noun, segment.criteria["filter"]))


@cells.fills_blanks(Segment, "member_count")
def count_uncounted(segments: Sequence[Segment]) -> dict[tuple[str, str], SafeString | str]:
    """How many belong now to segments that nobody has counted, in one statement; nothing where that takes too
    long, or where what a filter names is there no more."""
    counts: dict[str, When] = {}
    for segment in segments:
        if segment.criteria:
            with suppress(InvalidFilter):
                of_one = _fitting(segment).order_by().values("tenant").annotate(many=Count("pk"))
                counts[segment.pk] = When(pk=segment.pk, then=Subquery(of_one.values("many")))
    found: list[tuple[str, int | None]] = []
    if counts:
        asked = Segment.objects.filter(pk__in=counts)
        with suppress(InvalidFilter), timeouts.statement_timeout():
            found = list(
                asked.values_list("pk", Case(*counts.values(), output_field=IntegerField()))
            )
    said = _("%s now")
    return {
        (id, "member_count"): format_html(
            '<span class="quiet">{}</span>', said % display.number(count or 0)
        )
        for id, count in found
    }


@admin.register(Campaign, site=workplace)
class CampaignAdmin(NounAdmin):
    """A campaign, with what it has brought so far: a running one too."""

    record_template = "marketing/campaign.html"

    def context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        found = super().context(request, **more)
        campaign = more.get("original")
        if campaign is not None:
            # Only the page of the record asks for it.
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
    """What campaigns that were launched have brought, as their own pages say it, until completing one counts
    it; nothing where that takes too long for a list."""
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
    """The figures of a campaign, each with the list behind it; targets where it has some."""
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
        "cost_per_win": _each(known.cost_per_win, currency),
        "roi": known.roi is not None and display.number_with_unit(known.roi, "%"),
        "today": display.day_text(periods.today()),
        "completed": completed_on(campaign),
        "then": figures_then(campaign, known),
    }


def _each(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else display.money(round(amount, 2), currency)


def figures_then(campaign: Campaign, now: returns.CampaignReturn) -> str:
    """What was counted when it was completed, where that is no longer so; empty where it is."""
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
    """At which rates revenue was converted; empty where none was."""
    if earned.missing:
        return ""
    used = sorted(earned.rates, key=lambda each: (each.currency, each.day))
    return ", ".join(
        f"1 {each.currency} = {display.decimal(each.rate, 4)} ({display.day_text(each.day)})"
        for each in used
    )


def completed_on(campaign: Campaign) -> str:
    """The day on which its stored figures were counted; empty where it is not completed."""
    if campaign.status != Campaign.Status.COMPLETED:
        return ""
    event = Campaign.history(campaign).filter(name=Campaign.verbs["complete"].event).first()
    return display.day_text(event.timestamp) if event else ""
