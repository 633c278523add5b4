"""The report on attribution for programs: over REST, MCP, the clients and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headlessly.access import tenancy
from marketing.attribution import parameters
from marketing.attribution.report import Row


def answer_attribution(given: Mapping[str, str]) -> dict[str, Any]:
    """Returns the rows under the requested model, and their total. Raises InvalidFilter."""
    asked = parameters.read_question(given)
    question = asked.question
    found = question.attribute(asked.model)
    total = _row_json(found.total)
    del total["roi"], total["costPerLead"], total["costPerDeal"]
    return {
        "model": found.model,
        "by": found.by,
        "from": question.period.first,
        "to": question.period.last,
        "asOf": question.as_of,
        "currency": tenancy.require().currency,
        "rows": [
            {found.by: row.key, "name": row.name or None} | _row_json(row) for row in found.rows
        ],
        "total": total,
        "missing": sorted(found.total.revenue.missing),
    }


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
