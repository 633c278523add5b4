"""Tables of leads, with a row for each day, stage, source, owner or reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.models import Lead
from crm.reports.leads import (
    Group,
    conversion_by_field,
    lead_cohort,
    lead_funnel,
    lost_leads,
    lost_reasons,
)
from crm.reports.named import OVER_TIME
from crm.reports.speed import converted_leads, cycle_time
from headlessly.admin import display
from headlessly.declaration import labels
from headlessly.language import wording
from headlessly.query import reports as basis
from headlessly.query import series
from headlessly.query.named_reports import Column, Measured, Row, percent, reports
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
    """Returns the groups of a cohort by a field of the lead, the best rate first and all others last."""
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
    """Returns the names of the groups, in words."""
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
