"""Tables of deals, with a row for each stage, month or category."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.translation import gettext_lazy, ngettext

from crm.models import Deal
from crm.reports.deals import LATER, OVERDUE, UNDATED, PipelinePart, open_pipeline
from crm.reports.forecast import EXPECTED, PARTS, MonthForecast, forecast_by_category
from headlessly.access import tenancy
from headlessly.language import wording
from headlessly.query.money import Amounts, add_amounts
from headlessly.query.named_reports import Column, Measured, Row, Value, reports
from headlessly.query.reports import Slice

PIPELINE_COLUMNS = (
    Column("weighted", gettext_lazy("Weighted"), "money"),
    Column("value", gettext_lazy("Value"), "money"),
    Column("deals", gettext_lazy("Deals"), "deals"),
)


@reports.declare(
    "pipelineByStage",
    gettext_lazy("Pipeline"),
    unit="money",
    over_time=False,
    row_title=gettext_lazy("Stage"),
    columns=PIPELINE_COLUMNS,
)
def pipeline_by_stage(slice: Slice) -> Measured:
    """The open deals by stage: their value, and that times the chance of winning."""
    return _pipeline(slice, slice.cached(open_pipeline).stages)


@reports.declare(
    "forecastByMonth",
    gettext_lazy("Forecast by month"),
    unit="money",
    over_time=False,
    row_title=gettext_lazy("Expected close"),
    columns=PIPELINE_COLUMNS,
)
def forecast_by_month(slice: Slice) -> Measured:
    """The open deals by the month of expectedCloseDate: their value, and that times the chance of winning.
    What should have closed before is overdue; what closes after six months is later."""
    return _pipeline(slice, slice.cached(open_pipeline).months)


def _pipeline(slice: Slice, parts: Sequence[PipelinePart]) -> Measured:
    found = slice.cached(open_pipeline)
    rows = [
        Row(
            part.name,
            pipeline_part_label(part.name),
            {
                "weighted": found.sum_of(part, "weighted"),
                "value": found.sum_of(part, "value"),
                "deals": part.deals,
            },
            dict.fromkeys(("weighted", "value", "deals"), part.who),
        )
        for part in parts
    ]
    return Measured(found.sum_of(found.whole, "weighted"), found.whole.who, rows=rows)


PART_LABELS = {
    OVERDUE: gettext_lazy("Overdue"),
    LATER: gettext_lazy("Later"),
    UNDATED: gettext_lazy("No date"),
}


def pipeline_part_label(name: str) -> str:
    """Returns the name of a stage, a month or another part of the open deals, in words."""
    if name in PART_LABELS:
        return str(PART_LABELS[name])
    if name in Deal.schema.require_machine().states:
        return wording.state_label(name)
    return month_label(date.fromisoformat(f"{name}-01"))


def month_label(first: date) -> str:
    """Returns a month in words: ``January 2026``."""
    return str(formats.date_format(first, "YEAR_MONTH_FORMAT"))


@reports.declare(
    "forecastByCategory",
    gettext_lazy("Forecast by category"),
    unit="money",
    over_time=False,
    row_title=gettext_lazy("Month"),
    columns=(
        Column("expected", gettext_lazy("Won and commit"), "money"),
        Column("won", gettext_lazy("Won"), "money"),
        Column("commit", gettext_lazy("Commit"), "money"),
        Column("bestCase", gettext_lazy("Best case"), "money"),
        Column("pipeline", gettext_lazy("Pipeline"), "money"),
        Column("omitted", gettext_lazy("Omitted"), "money"),
        Column("goal", gettext_lazy("Goal"), "money"),
    ),
)
def measure_forecast_by_category(slice: Slice) -> Measured:
    """What this month and the five after it should bring: open deals by expectedCloseDate and
    forecastCategory, won ones by actualCloseDate; and what the same months looked like one and four weeks
    ago. The value is what was won and is committed of all six months; the goal is that of won value."""
    found = slice.cached(forecast_by_category)
    rows = []
    for number, month in enumerate(found.months):
        goal = found.goals.get(month.first)
        rows.append(_month_row(month, goal))
        for weeks, then in found.before.items():
            rows.append(_month_row(then.months[number], goal, weeks, then))
    value = add_amounts(month.expected for month in found.months)
    return Measured(value, rows=rows)


def _month_row(
    month: MonthForecast, goal: float | None, weeks: int = 0, then: Any | None = None
) -> Row:
    """Returns the row of one month, as it is forecast now or as it was some weeks ago."""
    name = month_label(month.first)
    if weeks:
        ago = ngettext("%(month)s, a week ago", "%(month)s, %(weeks)s weeks ago", weeks)
        name = ago % {"month": name, "weeks": weeks}
    columns = {part: f"{part[0].lower()}{part[1:]}" for part in PARTS}
    values: dict[str, Value] = {"expected": month.sum_of(*EXPECTED)}
    values |= {column: month.sum_of(part) for part, column in columns.items()}
    values["goal"] = None if goal is None else own_amount(Decimal(str(goal)))
    return Row(
        f"{month.first:%Y-%m}",
        name,
        values,
        {column: month.records[part] for part, column in columns.items()},
        as_of=then.as_of if then else None,
    )


def own_amount(value: Decimal) -> Amounts:
    """Returns an amount in the tenant's currency."""
    own = tenancy.require().currency
    found = Amounts(own)
    found.add(own, value, Decimal(1))
    return found
