"""Attribution over REST: the report, and the path of one deal."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from rest_framework.request import Request

from crm.models import Deal
from headlessly.access import tenancy
from headlessly.api import parameters
from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse
from headlessly.query import reads
from marketing.attribution import asking
from marketing.attribution.credit import credit_of_deal
from marketing.attribution.report import Row
from marketing.models import Touchpoint


class AttributionReport(TenantView):
    """What campaigns (sources, ...) earned of the deals that were won in a period, under one model."""

    def get(self, request: Request) -> ApiResponse:
        given = parameters.read_parameters(request.GET, asking.PARAMETERS)
        asked = asking.read_question(given)
        question = asked.question
        found = question.attribute(asked.model)
        total = _row_json(found.total)
        del total["roi"], total["costPerLead"], total["costPerDeal"]
        return ApiResponse(
            {
                "model": found.model,
                "by": found.by,
                "from": question.period.first,
                "to": question.period.last,
                "asOf": question.as_of,
                "currency": tenancy.require().currency,
                "rows": [
                    {found.by: row.key, "name": row.name or None} | _row_json(row)
                    for row in found.rows
                ],
                "total": total,
                "missing": sorted(found.total.revenue.missing),
            }
        )


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "revenue": row.revenue.as_json(),
        "deals": row.deals,
        "leads": row.leads,
        "cost": row.cost.as_json() if row.cost is not None else None,
        "converted": {
            "revenue": _number(row.converted),
            "cost": _number(row.converted_cost),
        },
        "roi": row.roi,
        "costPerLead": _number(row.cost_per_lead),
        "costPerDeal": _number(row.cost_per_deal),
    }


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


class DealAttribution(TenantView):
    """The touches that led to a deal, and what each of them earned under each model."""

    def get(self, request: Request, id: str) -> ApiResponse:
        given = parameters.read_parameters(request.GET, ("asOf",))
        as_of = reads.check_moment(given.get("asOf"))
        deal = reads.find_record(Deal, id, as_of=as_of)
        found = credit_of_deal(deal, as_of)
        return ApiResponse(
            {
                "value": float(deal.value),
                "currency": deal.currency,
                "wonAt": deal.won_at,
                "path": _touches(found.touches, as_of),
                "credits": {
                    model: {id: cents / 100 for id, cents in parts.items()}
                    for model, parts in found.credits.items()
                },
            }
        )


def _touches(ids: list[str], as_of: datetime | None) -> list[dict[str, Any]]:
    known = reads.find_queryset(Touchpoint, {"$id": {"$in": ids}}, as_of=as_of) if ids else []
    context = {"$context": tenancy.context_url()}
    by_id = {touch.pk: touch.as_json() | context for touch in known}
    return [by_id[id] for id in ids if id in by_id]
