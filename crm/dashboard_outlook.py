"""Sales' part of the dashboard that looks ahead: the forecast by month and category, and goals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.utils.html import format_html
from django.utils.translation import gettext as _

from crm import reports
from crm.models import Goal
from crm.reports.forecast import BEST_CASE, COMMIT, OMITTED, PIPELINE, WON
from headlessly.access import tenancy
from headlessly.admin import display
from headlessly.admin.dashboards.figures import Bar, Chart, Figure, Mark, dashboard
from headlessly.admin.dashboards.report_text import (
    amounts_text,
    format_money,
    percent_of,
    report_table,
)
from headlessly.language import wording
from headlessly.query.money import Amounts
from headlessly.query.reports import Slice

#: The most months that are drawn, each with its former value; the table shows all.
DRAWN_MONTHS = 2
#: How the parts of a month look in a bar. Omitted deals are in the table only.
MARKS = {WON: "won", COMMIT: "whole", BEST_CASE: "mid", PIPELINE: "pale"}


def _drawn_value(amounts: Amounts) -> Decimal:
    """Returns the length of a sum in the drawing: the part of it that could be converted."""
    return amounts.exact


# -- the forecast ----------------------------------------------------------------------------------


@dashboard.chart(rank=2)
def forecast_by_category(slice: Slice) -> Chart:
    found = slice.cached(reports.forecast_by_category)
    said = [(None, found), *found.before.items()]
    months = range(len(found.months))
    longest = max(
        [
            *(_drawn_value(each.months[n].sum_of(*MARKS)) for _weeks, each in said for n in months),
            *(Decimal(str(goal)) for goal in found.goals.values()),
        ]
    )
    table = report_table("forecastByCategory", slice)
    lines = [(each, n) for n in months for _weeks, each in said]
    bars = [
        _month_bar(each, n, found.goals.get(each.months[n].first), longest, name, each is found)
        for (each, n), (name, _cells) in zip(lines, table.rows, strict=True)
    ]
    own = tenancy.require().currency
    return Chart(
        "forecastByCategory",
        bars if longest else (),
        table,
        _(
            "Open deals by the month in which they should close and how certain they are, in %s; "
            "and what the same months looked like before."
        )
        % own,
        nothing=_("No deal should close in the months ahead."),
        wide=True,
        legend=tuple((kind, wording.state_label(part)) for part, kind in MARKS.items())
        + ((("goal", _("goal")),) if found.goals else ()),
        most=DRAWN_MONTHS * len(said),
    )


def _month_bar(
    said: reports.Forecast,
    number: int,
    goal: float | None,
    longest: Decimal,
    name: str,
    is_now: bool,
) -> Bar:
    """Returns the bar of one month, as it is forecast now or as it was some weeks ago."""
    month = said.months[number]
    marks, start = [], 0.0
    for part, kind in MARKS.items():
        length = percent_of(_drawn_value(month.sum_of(part)), longest)
        marks.append(Mark(start, length, kind))
        start += length
    goal_text = ""
    if goal is not None:
        marks.append(Mark(min(percent_of(goal, longest), 99.4), 0.6, "goal"))
        goal_text = format_money(Decimal(str(goal)), tenancy.require().currency)
    return Bar(
        Figure(name),
        Figure(_total_text(month.expected)),
        marks,
        _month_note(month, goal_text) if is_now else "",
    )


def _total_text(amounts: Amounts) -> str:
    """Returns the number beside a bar. Its parts stand below the bar and in the table."""
    if amounts.converted is None:
        return amounts_text(amounts)
    return format_money(amounts.converted, amounts.currency)


def _month_note(month: reports.MonthForecast, goal_text: str) -> str:
    parts = [
        format_html("{} {}", wording.state_label(part), Figure(amounts_text(sums), records))
        for part, records in month.records.items()
        if part != OMITTED and (sums := month.sum_of(part)).by_currency
    ]
    if goal_text:
        parts.append(format_html(_("the goal is {goal}"), goal=goal_text))
    return format_html("{}" + ", {}" * (len(parts) - 1), *parts) if parts else _("nothing so far")


# -- goals -----------------------------------------------------------------------------------------


@dashboard.chart(rank=2)
def goals(slice: Slice) -> Chart | None:
    found = slice.cached(reports.goals_under_way)
    if found is None:
        return None
    table = report_table("goals", slice)
    today = min(slice.today, slice.period.last)
    return Chart(
        "goals",
        [
            _goal_bar(each, name, cells, today)
            for each, (name, cells) in zip(found, table.rows, strict=True)
        ],
        table,
        _(
            "What was reached of the goals of %(day)s: the line is the part of the period that is over."
        )
        % {"day": display.day_text(slice.period.last)},
        nothing=_("No goal is set for these days."),
        legend=(("whole", _("reached")), ("median", _("days over"))),
    )


def _goal_bar(found: reports.Attainment, name: str, cells: Sequence[Figure], today: date) -> Bar:
    page = display.page_url(Goal, "change", found.goal.pk)
    label = format_html('<a href="{}">{}</a>', page, name)
    share, reached, target, standing, _elapsed = cells
    if found.share is None:
        missing = sorted(found.amounts.missing) if found.amounts else []
        note = (
            _("There is no exchange rate for %s.") % ", ".join(missing)
            if missing
            else _("What everybody did is seen by those who see all records.")
        )
        return Bar(label, Figure("–", found.records), (), note)
    note = format_html(
        _("{reached} of {target}: {standing}"),
        reached=reached,
        target=target.text,
        standing=standing.text,
    )
    marks = (
        Mark(0, float(found.share) * 100),
        Mark(min(found.elapsed(today) * 100, 99.2), 0.8, "median"),
    )
    return Bar(label, share, marks, note)
