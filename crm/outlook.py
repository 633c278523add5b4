"""Sales' part of the dashboard that looks ahead: the forecast by month and category, and goals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.utils import formats
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from crm import reports
from crm.dashboard import format_money, percent_of
from crm.models import Contact, Goal
from crm.reports.forecast import BEST_CASE, COMMIT, OMITTED, PARTS, PIPELINE, WON
from headlessly.access import tenancy
from headlessly.admin import display
from headlessly.admin.dashboards.figures import Bar, Chart, Figure, Mark, dashboard
from headlessly.language import wording
from headlessly.query import periods
from headlessly.query import reports as basis
from headlessly.query.money import Amounts
from headlessly.query.reports import Slice

#: As many months are drawn, each with what it said before; the table has all.
DRAWN_MONTHS = 2
#: How the parts of a month look in a bar; what is omitted is in the table only.
MARKS = {WON: "won", COMMIT: "whole", BEST_CASE: "mid", PIPELINE: "pale"}


def amounts_text(amounts: Amounts) -> str:
    """The converted total of a sum, or each currency's own where a rate is missing."""
    if not amounts.by_currency:
        return format_money(Decimal(0), amounts.currency)
    if (total := amounts.converted) is not None:
        return format_money(total, amounts.currency)
    return " + ".join(
        format_money(Decimal(str(value)), currency) for currency, value in amounts.as_json().items()
    )


def _drawn_value(amounts: Amounts) -> Decimal:
    """How long a sum is drawn: what could be converted of it."""
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
    bars = [
        _month_bar(each, n, found.goals.get(each.months[n].first), longest, weeks)
        for n in months
        for weeks, each in said
    ]
    own = tenancy.require().currency
    return Chart(
        _("Forecast by category"),
        bars if longest else (),
        (
            _("Month"),
            _("Won and commit"),
            *(wording.state_label(part) for part in PARTS),
            _("Goal"),
        ),
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
    said: reports.Forecast, number: int, goal: float | None, longest: Decimal, weeks: int | None
) -> Bar:
    """One month as it is said now, or as it was said so many weeks ago."""
    month = said.months[number]
    marks, start = [], 0.0
    for part, kind in MARKS.items():
        length = percent_of(_drawn_value(month.sum_of(part)), longest)
        marks.append(Mark(start, length, kind))
        start += length
    if goal is not None:
        marks.append(Mark(min(percent_of(goal, longest), 99.4), 0.6, "goal"))
    is_now = weeks is None
    own = tenancy.require().currency
    amounts = [Figure(amounts_text(month.sum_of(part)), month.records[part]) for part in PARTS]
    label = str(formats.date_format(month.first, "YEAR_MONTH_FORMAT"))
    if weeks is not None:
        then = ngettext("%(month)s, a week ago", "%(month)s, %(weeks)s weeks ago", weeks)
        label = then % {"month": label, "weeks": weeks}
    goal_text = "" if goal is None else format_money(Decimal(str(goal)), own)
    return Bar(
        Figure(label),
        Figure(amounts_text(month.expected)),
        marks,
        _month_note(month, goal_text) if is_now else "",
        (*amounts, goal_text or "–"),
    )


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

STANDINGS = {
    "reached": pgettext_lazy("goal", "reached"),
    "on track": pgettext_lazy("goal", "on track"),
    "behind": pgettext_lazy("goal", "behind"),
    "missed": pgettext_lazy("goal", "missed"),
    "": gettext_lazy("not to be said"),
}


@dashboard.chart(rank=2)
def goals(slice: Slice) -> Chart | None:
    found = slice.cached(reports.goals_under_way)
    if found is None:
        return None
    today = min(periods.today(), slice.period.last)
    names = basis.record_names(Contact, (each.goal.owner_id for each in found))
    return Chart(
        _("Goals"),
        [_goal_bar(each, names, today) for each in found],
        (_("Goal"), _("Reached, in %"), _("Reached"), _("Target"), _("Standing"), _("Days over")),
        _(
            "What was reached of the goals of %(day)s: the line is the part of the period that is over."
        )
        % {"day": display.day_text(slice.period.last)},
        nothing=_("No goal is set for these days."),
        legend=(("whole", _("reached")), ("median", _("days over"))),
    )


def _goal_bar(found: reports.Attainment, names: dict[str, str], today: date) -> Bar:
    goal, own = found.goal, tenancy.require().currency
    who = _("Everybody") if goal.owner_id is None else names.get(
        goal.owner_id, display.visible_name(None)
    )  # fmt: skip
    page = display.page_url(Goal, "change", goal.pk)
    label = format_html('<a href="{}">{}: {}</a>', page, who, goal)
    target = goal_amount_text(goal, Decimal(str(goal.target)), own)
    standing, elapsed = found.standing(today), found.elapsed(today)
    over = display.percentage(Decimal(str(elapsed)), Decimal(1))
    if found.share is None:
        reached, share = "–", "–"
        missing = sorted(found.amounts.missing) if found.amounts else []
        note = (
            _("There is no exchange rate for %s.") % ", ".join(missing)
            if missing
            else _("What everybody did is seen by those who see all records.")
        )
        marks: tuple[Mark, ...] = ()
    else:
        reached = goal_amount_text(goal, found.reached or Decimal(0), own)
        share = display.percentage(found.share, Decimal(1))
        note = format_html(
            _("{reached} of {target}: {standing}"),
            reached=Figure(reached, found.records),
            target=target,
            standing=STANDINGS[standing],
        )
        marks = (
            Mark(0, float(found.share) * 100),
            Mark(min(elapsed * 100, 99.2), 0.8, "median"),
        )
    return Bar(
        label,
        Figure(share, found.records),
        marks,
        note,
        (Figure(reached, found.records), target, str(STANDINGS[standing]), over),
    )


def goal_amount_text(goal: Goal, value: Decimal, currency: str) -> str:
    """A number of a goal as its measure is said: money, or how many."""
    if goal.measure == Goal.Measure.WON_VALUE:
        return format_money(value, currency)
    return display.number(value.normalize() if value % 1 else int(value))
