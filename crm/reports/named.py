"""The single numbers of sales by name, each with its meaning and origin.

Those with several parts stand in :mod:`crm.reports.tables`.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from crm.models import Deal, Lead
from crm.reports.deals import open_pipeline, won_stages
from crm.reports.leads import (
    COHORT_BY,
    LOST_BY,
    Stage,
    count_lost,
    lead_cohort,
    lead_funnel,
    lost_leads,
)
from crm.reports.speed import converted_leads, cycle_time, first_response
from crm.reports.waiting import stale_by_state, stale_deals, stale_leads
from headlessly.access import tenancy
from headlessly.query import money
from headlessly.query.named_reports import Measured, percent, reports
from headlessly.query.reports import Records, Slice

#: The numbers that are drawn over time, each counted by its own moment.
OVER_TIME = ("newLeads", "conversions", "lostLeads")

reports.narrow(Lead, "owner", rank=1)
reports.narrow(Lead, "owner.team", rank=2)
reports.narrow(Lead, "campaign", rank=3)


@reports.declare(
    "newLeads",
    gettext_lazy("New leads"),
    unit="leads",
    counted_by="createdAt",
    grouped_by=COHORT_BY,
)
def new_leads(slice: Slice) -> Measured:
    """The leads created in the period (createdAt), deleted ones aside, wherever they stand now."""
    return Measured(slice.cached(lead_funnel).all, lead_cohort(slice))


@reports.declare("qualifiedRate", gettext_lazy("Qualified"), unit="percent")
def qualified_rate(slice: Slice) -> Measured:
    """Of the leads created in the period, the share that reached Qualified since, lost ones included. The
    list has those that reached it."""
    return _share_of_cohort(slice, Lead.Status.QUALIFIED)


@reports.declare("convertedRate", gettext_lazy("Converted"), unit="percent")
def converted_rate(slice: Slice) -> Measured:
    """Of the leads created in the period, the share that became deals since. The list has those that did."""
    return _share_of_cohort(slice, Lead.Status.CONVERTED)


def _share_of_cohort(slice: Slice, state: str) -> Measured:
    funnel = slice.cached(lead_funnel)
    stage: Stage = funnel.stage(state)
    return Measured(percent(stage.reached, funnel.all), stage.who)


@reports.declare("firstTouch", gettext_lazy("First touch"), unit="seconds")
def first_touch(slice: Slice) -> Measured:
    """The median time from the creation of the leads created in the period to the first completed activity
    or first move of their status by somebody, and no rule; untouched leads aside. Of the latest 2,500. The
    list has all of them."""
    spread = slice.cached(first_response).spread
    return Measured(spread.median, lead_cohort(slice), spread.count)


@reports.declare("cycleTime", gettext_lazy("Cycle time"), unit="seconds")
def lead_cycle(slice: Slice) -> Measured:
    """The median time from firstTouchAt to convertedAt of the leads converted in the period."""
    spread = slice.cached(cycle_time)
    return Measured(spread.median, converted_leads(slice), spread.count)


@reports.declare("conversions", gettext_lazy("Conversions"), unit="leads", counted_by="convertedAt")
def conversions(slice: Slice) -> Measured:
    """The leads converted in the period (convertedAt), whenever they were created."""
    return _counted(converted_leads(slice))


@reports.declare(
    "lostLeads",
    gettext_lazy("Lost leads"),
    unit="leads",
    counted_by="lostAt",
    grouped_by=LOST_BY,
)
def leads_lost(slice: Slice) -> Measured:
    """The leads lost in the period (lostAt), whenever they were created, and not reopened since."""
    return Measured(count_lost(slice), lost_leads(slice))


@reports.declare("wonDeals", gettext_lazy("Won deals"), unit="deals", counted_by="actualCloseDate")
def won_deals(slice: Slice) -> Measured:
    """The deals won in the period, by actualCloseDate."""
    return _counted(deals_won(slice))


@reports.declare("wonValue", gettext_lazy("Won value"), unit="money")
def won_value(slice: Slice) -> Measured:
    """The value of the deals won in the period, by actualCloseDate: one sum per currency, converted at the
    rates of the days they were won on."""
    who = deals_won(slice)
    sums = money.sum_amounts(who.queryset(), "value", as_of=slice.as_of)
    (found,) = sums.get((), (money.Amounts(tenancy.require().currency),))
    return Measured(found, who)


@reports.declare("forecast", gettext_lazy("Forecast"), unit="money", over_time=False)
def forecast(slice: Slice) -> Measured:
    """The value of the open deals times their chance of winning: the deal's own probability, else that of
    its stage in the default pipeline. One sum per currency, converted at the rates of the day on which it is
    told."""
    pipeline = slice.cached(open_pipeline)
    return Measured(pipeline.sum_of(pipeline.whole, "weighted"), pipeline.whole.who)


@reports.declare("openValue", gettext_lazy("Open value"), unit="money", over_time=False)
def open_value(slice: Slice) -> Measured:
    """The value of the open deals: one sum per currency, converted at the rates of the day on which it is
    told."""
    pipeline = slice.cached(open_pipeline)
    return Measured(pipeline.sum_of(pipeline.whole, "value"), pipeline.whole.who)


@reports.declare("openDeals", gettext_lazy("Open deals"), unit="deals", over_time=False)
def open_stages(slice: Slice) -> Measured:
    """The deals that are neither won nor lost nor closed."""
    whole = slice.cached(open_pipeline).whole
    return Measured(whole.deals, whole.who)


@reports.declare("staleLeads", gettext_lazy("Going stale"), unit="leads", over_time=False)
def leads_going_stale(slice: Slice) -> Measured:
    """The open leads without activity (lastActivityAt) for as long as leads may rest."""
    waiting = slice.cached(stale_by_state)["Lead"]
    return Measured(sum(each.count for each in waiting), stale_leads(slice))


@reports.declare("staleDeals", gettext_lazy("Deals going stale"), unit="deals", over_time=False)
def deals_going_stale(slice: Slice) -> Measured:
    """The open deals without activity (lastActivityAt) for as long as deals may rest."""
    waiting = slice.cached(stale_by_state)["Deal"]
    return Measured(sum(each.count for each in waiting), stale_deals(slice))


def deals_won(slice: Slice) -> Records:
    """Returns the deals won on the days of the period."""
    period = slice.period
    return slice.records(
        Deal,
        stage__in=won_stages(),
        actualCloseDate__gte=f"{period.first}",
        actualCloseDate__lt=f"{period.end}",
    )


def _counted(who: Records) -> Measured:
    return Measured(who.queryset().count(), who)
