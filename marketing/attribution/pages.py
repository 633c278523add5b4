"""Attribution in the browser: the six models side by side, the deals behind a figure, and a deal's path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from crm.models import Deal
from headlessly.access import tenancy
from headlessly.admin import NounAdmin, display, workplace
from headlessly.admin.dashboards.dashboard import period_choices, refuse_unknown
from headlessly.admin.lists.address import past_moment
from headlessly.admin.past_days import read_past_days
from headlessly.admin.records.panels import FactsPanel, record_panel
from headlessly.errors import InvalidFilter, NotFound
from headlessly.language import wording
from headlessly.query.list_address import NONE
from marketing.attribution import parameters, sharing
from marketing.attribution.credit import credit_of_deal
from marketing.attribution.paths import DealPath
from marketing.attribution.report import NOUNS, Attribution, Question, Row
from marketing.attribution.sharing import MODELS
from marketing.models import Touchpoint

#: The labels of the models.
MODEL_LABELS = {
    "FirstTouch": pgettext_lazy("model", "First touch"),
    "LastTouch": pgettext_lazy("model", "Last touch"),
    "Linear": pgettext_lazy("model", "Linear"),
    "PositionBased": pgettext_lazy("model", "Position-based"),
    "WShaped": pgettext_lazy("model", "W-shaped"),
    "TimeDecay": pgettext_lazy("model", "Time decay"),
}
GROUP_LABELS = {
    "campaign": pgettext_lazy("group", "Campaign"),
    "source": pgettext_lazy("group", "Source"),
    "medium": pgettext_lazy("group", "Medium"),
    "page": pgettext_lazy("group", "Page"),
    "owner": pgettext_lazy("group", "Owner of the deal"),
}
#: The most deals that are shown behind a figure, and the most touches on the page of a deal.
MOST_DEALS, MOST_TOUCHES = 200, 8


@admin.register(Touchpoint, site=workplace)
class TouchpointAdmin(NounAdmin):
    """The admin of touchpoints, with the pages of attribution."""

    def menu_pages(self) -> list[tuple[str, str, str]]:
        return [(_("Attribution"), "share", self.place("attribution"))]

    def get_urls(self) -> list[Any]:
        def page(route: str, view: Any, name: str) -> Any:
            return path(
                route, self.admin_site.admin_view(view), name=f"marketing_touchpoint_{name}"
            )

        return [
            page("attribution/", self.attribution_view, "attribution"),
            page("attribution/deals/", self.deals_view, "attribution_deals"),
            page("attribution/<str:id>/", self.deal_view, "attribution_deal"),
            *super().get_urls(),
        ]

    def attribution_view(self, request: HttpRequest) -> HttpResponse:
        """Show what each campaign, source or other group earned in a period, under each model."""
        given = _given(request)
        context: dict[str, Any] = {}
        try:
            refuse_unknown(given, parameters.PARAMETERS)
            question = parameters.read_question(given, _past_moment).question
            context = {"question": question, **_compare(question, given)}
        except InvalidFilter as problem:
            context["problem"] = problem.message
        return self.respond(
            request,
            "marketing/attribution.html",
            title=_("Attribution"),
            styles=["dashboard"],
            given=given,
            groups=[(name, label, name == _by(given)) for name, label in GROUP_LABELS.items()],
            presets=period_choices(given),
            models=MODEL_LABELS.values(),
            unmatched=f"{self.place('changelist')}?view=utm-of-no-campaign"
            if _by(given) == "campaign"
            else "",
            **context,
        )

    def deals_view(self, request: HttpRequest) -> HttpResponse:
        """Show the deals of which a group earned something, and how much of each."""
        given = _given(request)
        key = None if given.get("key") == NONE else given.get("key")
        context: dict[str, Any] = {}
        try:
            refuse_unknown(given, (*parameters.PARAMETERS, "key"))
            asked = parameters.read_question(given, _past_moment)
            context = _deals(asked, key, given)
        except InvalidFilter as problem:
            context["problem"] = problem.message
        back = {name: text for name, text in given.items() if name not in ("key", "model")}
        return self.respond(
            request,
            "marketing/attribution_deals.html",
            title=_("Attribution"),
            styles=["dashboard"],
            models=MODEL_LABELS.values(),
            back=f"{self.place('attribution')}?{urlencode(back)}",
            **context,
        )

    def deal_view(self, request: HttpRequest, id: str) -> HttpResponse:
        """Show the touches that led to a deal, and what each earned."""
        given = _given(request)
        try:
            as_of = _past_moment(given.get("asOf"))
            deal = Deal.get(id, as_of=as_of)
        except (NotFound, InvalidFilter) as problem:
            raise Http404(problem.message) from None
        found = credit_of_deal(deal, as_of)
        touches = {
            touch.pk: touch
            for touch in Touchpoint.with_deleted.filter(pk__in=found.touches).select_related(
                "campaign"
            )
        }
        rows = [
            {
                "touch": touches[id],
                "kind": wording.state_label(touches[id].kind),
                "url": self.place("change", id),
                "events": self.place("history", id),
                "cells": [
                    display.money(Decimal(parts[id]) / 100, deal.currency)
                    for parts in found.credits.values()
                ],
            }
            for id in found.touches
            if id in touches
        ]
        return self.respond(
            request,
            "marketing/attribution_deal.html",
            title=str(deal),
            styles=["dashboard"],
            deal=deal,
            deal_url=display.page_url(Deal, "change", deal.pk),
            attribution_url=self.place("attribution"),
            value=display.money(deal.value, deal.currency),
            as_of=as_of,
            rows=rows,
            models=MODEL_LABELS.values() if found.credits else (),
        )


def _given(request: HttpRequest) -> dict[str, str]:
    given = {name: text for name, value in request.GET.items() if (text := str(value).strip())}
    return read_past_days(given)


def _past_moment(text: str | None) -> Any:
    return past_moment(text or "")


def _by(given: Mapping[str, str]) -> str:
    return given.get("by") or parameters.USUAL_GROUP


# -- the models side by side -----------------------------------------------------------------------


def _compare(question: Question, given: Mapping[str, str]) -> dict[str, Any]:
    """Returns a row for each group, with a column for each model."""
    reports = [question.attribute(model) for model in MODELS]
    by_key: dict[str | None, list[Row]] = defaultdict(list)
    for report in reports:
        for row in report.rows:
            by_key[row.key].append(row)
    linear = next(report for report in reports if report.model == parameters.USUAL_MODEL)
    now = {name: text for name, text in given.items() if name not in ("asOf", "model")}
    return {
        "rows": [_row(row, by_key[row.key], question, given) for row in linear.rows],
        "total": _total(reports),
        "total_leads": display.number(linear.total.leads),
        "total_cost": _amount(linear.total.converted_cost, linear.total.cost),
        "won": display.number(linear.total.deals),
        "missing": ", ".join(sorted(linear.total.revenue.missing)),
        "mixed": linear.total.revenue.is_mixed,
        "currency": tenancy.require().currency,
        "now": f"?{urlencode(now)}",
    }


def _row(
    row: Row, models: list[Row], question: Question, given: Mapping[str, str]
) -> dict[str, Any]:
    place = reverse("admin:marketing_touchpoint_attribution_deals")
    asked = {**given, "by": question.by, "key": row.key or NONE}
    noun = NOUNS.get(question.by)
    return {
        "name": row.name or _("none known"),
        "is_none": row.key is None,
        "url": display.page_url(noun, "change", row.key) if noun and row.key else "",
        "cells": [
            {
                "text": _amount(each.converted, each.revenue),
                "url": f"{place}?{urlencode({**asked, 'model': model})}" if each.deals else "",
                "roi": "" if each.roi is None else display.number_with_unit(each.roi, "%"),
            }
            for model, each in zip(MODELS, models, strict=True)
        ],
        "deals": display.number(max(each.deals for each in models)),
        "leads": display.number(row.leads),
        "cost": _amount(row.converted_cost, row.cost) if row.cost is not None else "–",
    }


def _total(reports: list[Attribution]) -> list[str]:
    return [_amount(report.total.converted, report.total.revenue) for report in reports]


def _amount(converted: Decimal | None, amounts: Any) -> str:
    """Returns an amount in the tenant's currency, or one for each currency if a rate is missing.

    It is rounded to whole units: the cents of a shared value mean nothing.
    """
    if converted is not None:
        return display.money(round(converted), tenancy.require().currency)
    if amounts is None:
        return "–"
    return " + ".join(
        display.money(round(each), code) for code, each in amounts.by_currency.items()
    )


# -- the deals behind a figure ---------------------------------------------------------------------


def _deals(asked: parameters.Asked, key: str | None, given: Mapping[str, str]) -> dict[str, Any]:
    question = asked.question
    earned: list[tuple[DealPath, list[int]]] = []
    for each in question.paths:
        said = each.said or [None]
        if key in said:
            shares = [
                sharing.credits(model, each.path, each.cents) or [each.cents] for model in MODELS
            ]
            earned.append(
                (each, [sum(c for k, c in zip(said, cents, strict=True) if k == key) for cents in shares])
            )  # fmt: skip
    at = list(MODELS).index(asked.model)
    earned.sort(key=lambda pair: -pair[1][at])
    shown = earned[:MOST_DEALS]
    deals = {d.pk: d for d in Deal.with_deleted.filter(pk__in=[each.deal for each, _ in shown])}
    keep = f"?{urlencode({'asOf': given['asOf']})}" if given.get("asOf") else ""
    return {
        "name": question.names([key]).get(key, "") or _("none known"),
        "group": GROUP_LABELS[question.by],
        "question": question,
        "rows": [
            {
                "deal": deals[each.deal],
                "url": reverse("admin:marketing_touchpoint_attribution_deal", args=[each.deal])
                + keep,
                "value": display.money(Decimal(each.cents) / 100, each.currency),
                "cells": [display.money(Decimal(cents) / 100, each.currency) for cents in parts],
            }
            for each, parts in shown
            if each.deal in deals
        ],
        "more": len(earned) - len(shown),
        "chosen": at,
    }


# -- beside a deal ---------------------------------------------------------------------------------


@record_panel(Deal)
def touches_panel(deal: Deal) -> FactsPanel | None:
    """Shows the first touches of a deal's leads and contact, with a link to what each earned."""
    found = credit_of_deal(deal)
    if not found.touches:
        return None
    first = found.touches[:MOST_TOUCHES]
    touches = Touchpoint.objects.filter(pk__in=first).select_related("campaign")
    by_id = {touch.pk: touch for touch in touches}
    pairs = [
        (display.day_text(by_id[id].occurred_at.date()), touch_text(by_id[id]))
        for id in first
        if id in by_id
    ]
    url = reverse("admin:marketing_touchpoint_attribution_deal", args=[deal.pk])
    count = _("all %s") % display.number(len(found.touches))
    return FactsPanel(_("Touchpoints"), pairs, (count, url))


def touch_text(touch: Touchpoint) -> str:
    """Returns a touch in words: ``Form · Spring launch``."""
    kind = wording.state_label(touch.kind)
    return " · ".join(filter(None, (kind, str(touch.campaign or touch.source or ""))))
