"""Attribution over REST: the path of one deal. The report is a number by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework.request import Request

from crm.models import Deal
from headlessly.access import tenancy
from headlessly.api import parameters
from headlessly.api.base import TenantView
from headlessly.api.bodies import ApiResponse
from headlessly.query import reads
from marketing.attribution.credit import credit_of_deal
from marketing.models import Touchpoint


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
