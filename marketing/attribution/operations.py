"""The attribution of one deal as an operation on every surface. The report is a number by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crm.models import Deal
from headlessly.access import tenancy
from headlessly.api.json_schema import MOMENT, TEXT, Schema, nullable, object_schema, ref
from headlessly.query import reads
from headlessly.query.record_operations import explains
from marketing.attribution.credit import credit_of_deal
from marketing.attribution.sharing import MODELS
from marketing.models import Touchpoint

_SHARES = {"type": "object", "additionalProperties": {"type": "number"}}
_DEAL: dict[str, Schema] = {
    "value": {"type": "number"},
    "currency": TEXT,
    "wonAt": nullable(MOMENT),
    "path": {"type": "array", "items": ref("Touchpoint")},
    "credits": object_schema(dict.fromkeys(MODELS, _SHARES), ()),
}


@explains(Deal, "attribution", schema=object_schema(_DEAL, _DEAL), in_past=True)
def explain_attribution(id: str, as_of: datetime | None = None) -> dict[str, Any]:
    """The touchpoints that led to a deal, and what each earned under each model."""
    deal = reads.find_record(Deal, id, as_of=as_of)
    found = credit_of_deal(deal, as_of)
    return {
        "value": float(deal.value),
        "currency": deal.currency,
        "wonAt": deal.won_at,
        "path": _touches(found.touches, as_of),
        "credits": {
            model: {id: cents / 100 for id, cents in parts.items()}
            for model, parts in found.credits.items()
        },
    }


def _touches(ids: list[str], as_of: datetime | None) -> list[dict[str, Any]]:
    known = reads.find_queryset(Touchpoint, {"$id": {"$in": ids}}, as_of=as_of) if ids else []
    context = {"$context": tenancy.context_url()}
    by_id = {touch.pk: touch.as_json() | context for touch in known}
    return [by_id[id] for id in ids if id in by_id]
