"""The numbers of sales by name that have several parts: a row for each stage, source or month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from crm.models import Contact, Deal, Goal, Lead
from crm.reports import named  # noqa: F401  (declares what is drawn over time)
from crm.reports.deals import LATER, OVERDUE, UNDATED, PipelinePart, open_pipeline
from crm.reports.forecast import EXPECTED, PARTS, MonthForecast, forecast_by_category
from crm.reports.goals import Attainment, add_amounts, goals_under_way
from crm.reports.leads import (
    Group,
    conversion_by_field,
    lead_cohort,
    lead_funnel,
    lost_leads,
    lost_reasons,
)
from crm.reports.speed import converted_leads, cycle_time
from crm.reports.waiting import DUE, open_tasks, stale_by_state
from headlessly.access import tenancy
from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.language import wording
from headlessly.query import reports as basis
from headlessly.query import series
from headlessly.query.money import Amounts
from headlessly.query.named_reports import Column, Measured, Row, Value, percent, reports
from headlessly.query.report_answers import measure_series
from headlessly.query.reports import Slice

LEADS = Column("leads", gettext_lazy("Leads"), "leads")
SHARE_OF_ALL = Column("share", gettext_lazy("Of all"), "percent")
CONVERSION_COLUMNS = (
    Column("rate", gettext_lazy("Converted, in %"), "percent"),
    LEADS,
    Column("qualified", gettext_lazy("Qualified"), "leads"),
    Column("converted", gettext_lazy("Converted"), "leads"),
)
PIPELINE_COLUMNS = (
    Column("weighted", gettext_lazy("Weighted"), "money"),
    Column("value", gettext_lazy("Value"), "money"),
    Column("deals", gettext_lazy("Deals"), "deals"),
)


# -- over time ------------------------------------------------------------------------------------

#: What is drawn over time, each counted by its own moment.
OVER_TIME = ("newLeads", "conversions", "lostLeads")


@reports.declare(
    "leadsOverTime",
    gettext_lazy("Leads over time"),
    unit="leads",
    row_title=gettext_lazy("From"),
    columns=[Column(name, reports.require(name).title, "leads") for name in OVER_TIME],
)
def leads_over_time(slice: Slice) -> Measured:
    """The leads created, converted and lost on each day of the period, up to 31 days; of a longer one in each
    week (from Monday), beyond 190 days in each month. The value is how many were created."""
    parts = series.parts_of(slice)
    columns = {name: measure_series(reports.require(name), slice) for name in OVER_TIME}
    rows = [
        Row(
            f"{part.period.first}",
            display.day_text(part.period.first),
            {name: points[number][1].value for name, points in columns.items()},
            {name: part.during(Lead, reports.require(name).counted_by) for name in OVER_TIME},
        )
        for number, part in enumerate(parts)
    ]
    return Measured(slice.cached(lead_funnel).all, lead_cohort(slice), rows=rows)


# -- leads -----------------------------------------------------------------------------------------


@reports.declare(
    "leadFunnel",
    gettext_lazy("Funnel"),
    unit="leads",
    row_title=gettext_lazy("Stage"),
    columns=(
        LEADS,
        SHARE_OF_ALL,
        Column("ofStageBefore", gettext_lazy("Of the stage before"), "percent"),
        Column("lost", gettext_lazy("Lost here"), "leads"),
    ),
)
def measure_lead_funnel(slice: Slice) -> Measured:
    """Of the leads created in the period, how many came how far: those that stand in a stage, have passed it
    or were lost after it; and how many of them were lost while they stood there."""
    found, rows, last = slice.cached(lead_funnel), [], None
    for stage in found.stages:
        rows.append(
            Row(
                stage.state,
                wording.state_label(stage.state),
                {
                    "leads": stage.reached,
                    "share": percent(stage.reached, found.all),
                    "ofStageBefore": None if last is None else percent(stage.reached, last),
                    "lost": stage.lost,
                },
                {"leads": stage.who, "lost": stage.who_lost},
            )
        )
        last = stage.reached
    return Measured(found.all, lead_cohort(slice), rows=rows)


@reports.declare(
    "conversionBySource",
    gettext_lazy("Conversion by source"),
    unit="percent",
    row_title=gettext_lazy("Source"),
    columns=CONVERSION_COLUMNS,
)
def conversion_by_source(slice: Slice) -> Measured:
    """Of the leads created in the period, by source, how many reached Qualified and how many became deals
    since."""
    return measure_conversion(slice, "source")


@reports.declare(
    "conversionByOwner",
    gettext_lazy("Conversion by owner"),
    unit="percent",
    row_title=gettext_lazy("Owner"),
    columns=CONVERSION_COLUMNS,
)
def conversion_by_owner(slice: Slice) -> Measured:
    """Of the leads created in the period, by owner, how many reached Qualified and how many became deals
    since."""
    return measure_conversion(slice, "owner")


def measure_conversion(slice: Slice, by: str) -> Measured:
    """The groups of a cohort by a field of the lead, best rate first; all others come last."""
    groups = slice.cached(conversion_by_field, by)
    order = sorted(groups, key=lambda g: (g.is_rest, -g.converted / g.leads, -g.leads))
    rows = [
        Row(
            group.value,
            name,
            {
                "rate": percent(group.converted, group.leads),
                "leads": group.leads,
                "qualified": group.qualified,
                "converted": group.converted,
            },
            {
                "rate": group.who_converted,
                "leads": group.who,
                "qualified": group.who_qualified,
                "converted": group.who_converted,
            },
            is_rest=group.is_rest,
        )
        for group, name in zip(order, _group_names(order, by), strict=True)
    ]
    leads = sum(group.leads for group in groups)
    became = sum(group.converted for group in groups)
    return Measured(percent(became, leads), lead_cohort(slice), rows=rows)


def _group_names(groups: Sequence[Group], by: str) -> list[str]:
    """What the groups are called, in words."""
    field = Lead.schema.by_name[by]
    known: Mapping[Any, str] = {}
    if field.type == "reference":
        known = basis.record_names(field.target_noun, (group.value for group in groups))
    nobody = _("No %(field)s") % {"field": wording.inside_sentence(labels.field_label(field))}

    def name(group: Group) -> str:
        if group.is_rest:
            return _("All others")
        if group.value is None:
            return nobody
        return known.get(group.value, display.visible_name(None)) if field.to else group.value

    return [name(group) for group in groups]


@reports.declare(
    "cycleTimes",
    gettext_lazy("Spread of cycle times"),
    unit="seconds",
    row_title=gettext_lazy("Converted in"),
    columns=(
        Column("median", gettext_lazy("Median"), "seconds"),
        Column("tenth", gettext_lazy("Fastest tenth"), "seconds"),
        Column("lower", gettext_lazy("Lower quartile"), "seconds"),
        Column("upper", gettext_lazy("Upper quartile"), "seconds"),
        Column("ninetieth", gettext_lazy("Slowest tenth"), "seconds"),
        LEADS,
    ),
)
def measure_cycle_times(slice: Slice) -> Measured:
    """The times from firstTouchAt to convertedAt of the leads converted in the period, and of those of the
    period before: their median, quartiles, and the deciles at the ends."""
    rows = []
    for key, each in (("period", slice), ("before", slice.before)):
        spread, who = each.cached(cycle_time), converted_leads(each)
        values = {
            name: getattr(spread, name)
            for name in ("median", "tenth", "lower", "upper", "ninetieth")
        }
        rows.append(
            Row(
                key,
                each.period.name,
                values | {"leads": spread.count},
                {"median": who, "leads": who},
            )
        )
    return Measured(rows[0].values["median"], converted_leads(slice), rows=rows)


@reports.declare(
    "lostReasons",
    gettext_lazy("Lost reasons"),
    unit="leads",
    row_title=gettext_lazy("Reason"),
    columns=(LEADS, SHARE_OF_ALL),
)
def measure_lost_reasons(slice: Slice) -> Measured:
    """The leads lost in the period (lostAt), by lostReason in the words of who gave up, the most frequent
    first."""
    found = slice.cached(lost_reasons)
    every = sum(reason.leads for reason in found)
    rows = [
        Row(
            reason.text,
            reason.text or (_("All others") if reason.is_rest else _("No reason")),
            {"leads": reason.leads, "share": percent(reason.leads, every)},
            {"leads": reason.who},
            is_rest=reason.is_rest,
        )
        for reason in found
    ]
    return Measured(every, lost_leads(slice), rows=rows)


# -- deals -----------------------------------------------------------------------------------------


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
    """A stage, a month or another part of the open deals, in words."""
    if name in PART_LABELS:
        return str(PART_LABELS[name])
    if name in Deal.schema.require_machine().states:
        return wording.state_label(name)
    return month_label(date.fromisoformat(f"{name}-01"))


def month_label(first: date) -> str:
    """``January 2026``."""
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
    """One month as it is told, or as it was so many weeks before."""
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
    """An amount in the tenant's currency."""
    own = tenancy.require().currency
    found = Amounts(own)
    found.add(own, value, Decimal(1))
    return found


# -- goals -----------------------------------------------------------------------------------------

STANDINGS = {
    "reached": pgettext_lazy("goal", "reached"),
    "on track": pgettext_lazy("goal", "on track"),
    "behind": pgettext_lazy("goal", "behind"),
    "missed": pgettext_lazy("goal", "missed"),
    "": gettext_lazy("not to be said"),
}


@reports.declare(
    "goals",
    gettext_lazy("Goals"),
    unit="goals",
    row_title=gettext_lazy("Goal"),
    columns=(
        Column("share", gettext_lazy("Reached, in %"), "percent"),
        Column("reached", gettext_lazy("Reached"), "number or money"),
        Column("target", gettext_lazy("Target"), "number or money"),
        Column("standing", gettext_lazy("Standing"), "text"),
        Column("elapsed", gettext_lazy("Days over"), "percent"),
    ),
)
def measure_goals(slice: Slice) -> Measured:
    """What was reached of the goals whose period has the last day of the chosen one in it: reached, on track
    (at least the part of the target that is the part of the days over), behind, or missed. The value is how
    many there are."""
    found = slice.cached(goals_under_way)
    if found is None:
        return Measured(None, rows=())
    today = min(slice.today, slice.period.last)
    names = basis.record_names(Contact, (each.goal.owner_id for each in found))
    rows = [_goal_row(each, names, today) for each in found]
    return Measured(len(rows), rows=rows)


def _goal_row(found: Attainment, names: Mapping[str, str], today: date) -> Row:
    goal = found.goal
    is_money = goal.measure == Goal.Measure.WON_VALUE
    target = Decimal(str(goal.target))
    who = _("Everybody") if goal.owner_id is None else names.get(
        goal.owner_id, display.visible_name(None)
    )  # fmt: skip
    reached: Value = found.reached
    if is_money and found.amounts is not None:
        reached = found.amounts
    return Row(
        goal.pk,
        f"{who}: {goal}",
        {
            "share": None if found.share is None else float(found.share) * 100,
            "reached": reached,
            "target": own_amount(target) if is_money else target,
            "standing": str(STANDINGS[found.standing(today)]),
            "elapsed": found.elapsed(today) * 100,
        },
        {"share": found.records, "reached": found.records},
    )


# -- what waits ------------------------------------------------------------------------------------


@reports.declare(
    "staleByState",
    gettext_lazy("Going stale by state"),
    unit="records",
    over_time=False,
    row_title=gettext_lazy("Standing"),
    columns=(Column("records", gettext_lazy("How many"), "records"),),
)
def measure_stale_by_state(slice: Slice) -> Measured:
    """The open leads and deals without activity (lastActivityAt) for as long as they may rest, by where they
    stand."""
    found = slice.cached(stale_by_state)
    rows = []
    for noun in (Lead, Deal):
        for each in found[noun.__name__]:
            state = wording.inside_sentence(wording.state_label(each.name))
            rows.append(
                Row(
                    f"{noun.__name__}.{each.name}",
                    f"{labels.noun_title(noun)}, {state}",
                    {"records": each.count},
                    {"records": each.who},
                )
            )
    return Measured(sum(each.count for parts in found.values() for each in parts), rows=rows)


DUE_LABELS = dict(
    zip(
        DUE,
        (
            gettext_lazy("Overdue"),
            gettext_lazy("Today"),
            gettext_lazy("Next 7 days"),
            gettext_lazy("Afterwards"),
            gettext_lazy("No date"),
        ),
        strict=True,
    )
)


@reports.declare(
    "openTasks",
    gettext_lazy("Open tasks"),
    unit="activities",
    over_time=False,
    row_title=gettext_lazy("Due"),
    columns=(Column("activities", gettext_lazy("Activities"), "activities"),),
)
def measure_open_tasks(slice: Slice) -> Measured:
    """The open activities of the owner asked for, else of whoever asks, by when they are due; none of
    somebody who is no contact here."""
    found = slice.cached(open_tasks)
    if found is None:
        return Measured(None, rows=())
    rows = [
        Row(
            each.name,
            str(DUE_LABELS[each.name]),
            {"activities": each.count},
            {"activities": each.who},
        )
        for each in found
    ]
    return Measured(sum(each.count for each in found), rows=rows)
