"""The OpenAPI description of the addresses that marketing adds."""

from __future__ import annotations

from headlessly.api.json_schema import (
    COUNT,
    MOMENT,
    TEXT,
    TEXTS,
    TYPES,
    WHEN,
    Schema,
    nullable,
    object_schema,
)
from headlessly.api.openapi.operations import read_operation
from headlessly.api.openapi.parameters import narrowing_parameters, query_parameter
from headlessly.query.periods import PRESETS
from marketing.attribution.parameters import USUAL_GROUP, USUAL_MODEL
from marketing.attribution.paths import GROUPS
from marketing.attribution.sharing import MODELS

AMOUNTS: Schema = {
    "type": "object",
    "additionalProperties": {"type": "number"},
    "description": "One number per currency.",
}
NUMBER = nullable({"type": "number"})


def paths() -> dict[str, Schema]:
    """Returns their path items."""
    day = TYPES["date"]
    own = [
        query_parameter("model", TEXT | {"enum": [*MODELS]}, f"{USUAL_MODEL} unless said."),
        query_parameter("by", TEXT | {"enum": [*GROUPS]}, f"{USUAL_GROUP} unless said."),
        query_parameter("period", TEXT | {"enum": [*PRESETS]}, "In which the deals were won."),
        query_parameter("from", day, "The first day, instead of a period."),
        query_parameter("to", day, "The last day; today unless said."),
        query_parameter("asOf", WHEN, "What the report said at a moment."),
    ]
    return {
        "/reports/attribution": {
            "get": read_operation(
                "attributionReport",
                "What campaigns, sources, media, pages or owners earned of the deals won in a period.",
                "Deal",
                "Attribution",
                own=own,
            )
        },
        "/reports/funnel": {
            "get": read_operation(
                "funnelReport",
                "How many took each step of a funnel, of those who began in a period.",
                "Funnel",
                "Report",
                own=[
                    query_parameter("funnel", TEXT, "The id of a funnel."),
                    query_parameter("steps", TEXT, "Events instead: Lead.Created,Lead.Converted."),
                    query_parameter("period", TEXT | {"enum": [*PRESETS]}, "In which they began."),
                    query_parameter("from", day, "The first day, instead of a period."),
                    query_parameter("to", day, "The last day; today unless said."),
                    *narrowing_parameters(),
                    query_parameter(
                        "by",
                        TEXT | {"enum": ["owner", "campaign"]},
                        "Also the funnel of each, side by side in groups: the largest, and all others.",
                    ),
                    own[-1],
                ],
            )
        },
    }


def components() -> dict[str, Schema]:
    """Returns the schemas of their responses."""
    converted = object_schema({"revenue": NUMBER, "cost": NUMBER}, ("revenue", "cost"))
    counted: dict[str, Schema] = {
        "revenue": AMOUNTS,
        "deals": COUNT,
        "leads": COUNT,
        "cost": nullable(AMOUNTS),
        "converted": converted | {"description": "In the tenant's currency; null without a rate."},
    }
    measured = counted | {
        "roi": NUMBER | {"description": "(revenue - cost) / cost * 100, in percent."},
        "costPerLead": NUMBER,
        "costPerDeal": NUMBER,
    }
    keys = {name: nullable(TEXT) for name in GROUPS}
    row = object_schema(keys | {"name": nullable(TEXT)} | measured, ("name", *measured))
    report = {
        "model": TEXT | {"enum": [*MODELS]},
        "by": TEXT | {"enum": [*GROUPS]},
        "from": TYPES["date"],
        "to": TYPES["date"],
        "asOf": nullable(MOMENT),
        "currency": TEXT,
        "rows": {"type": "array", "items": row},
        "total": object_schema(counted, counted),
        "missing": TEXTS | {"description": "Currencies without a rate on some day."},
    }
    return {"Attribution": object_schema(report, report)}
