"""Sales' part of the dashboard: how its numbers are said and drawn. What they are is in reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from crm import reports
from crm.models import Activity, Contact, Deal, Lead
from headlessly.access import actors
from headlessly.admin import display
from headlessly.admin.dashboards.figures import (
    Bar,
    Chart,
    Figure,
    Mark,
    Tile,
    dashboard,
    number_figure,
)
from headlessly.declaration import labels
from headlessly.language import wording
from headlessly.query import money
from headlessly.query import reports as basis
from headlessly.query.named_reports import measure
from headlessly.query.named_reports import reports as named_reports
from headlessly.query.reports import Records, Slice, Spread

dashboard.subject = Lead


def rate_figure(part: int, whole: int, who: Records | None = None) -> Figure:
    return Figure(display.percentage(part, whole), who)


def duration_figure(seconds: float | None, who: Records | None = None) -> Figure:
    return Figure(display.duration(seconds), who)


def report_figure(name: str, slice: Slice) -> Figure:
    """A number of the registry in words, with the list behind it."""
    report = named_reports.require(name)
    found = measure(report, slice)
    if isinstance(found.value, money.Amounts):
        raise TypeError(f"{name} is money, which is more than one number.")
    return Figure(_number_text(report.unit, found.value), found.records)


def _number_text(unit: str, value: Decimal | float | None) -> str:
    if unit == "percent":
        return display.percent(float(value)) if value is not None else "–"
    if unit == "seconds":
        return display.duration(None if value is None else float(value))
    return display.number(int(value or 0))


def report_title(name: str) -> str:
    return str(named_reports.require(name).title)


# -- tiles -----------------------------------------------------------------------------------------


@dashboard.tile(rank=1)
def new_leads(slice: Slice) -> Tile:
    return _compared_tile(slice, "newLeads", _("in {period}, {before} in {then}"))


@dashboard.tile(rank=2)
def qualified(slice: Slice) -> Tile:
    sentence = _("of the leads of {period} qualified, {before} in {then}")
    return _compared_tile(slice, "qualifiedRate", sentence)


@dashboard.tile(rank=3)
def converted(slice: Slice) -> Tile:
    sentence = _("of the leads of {period} became deals, {before} in {then}")
    return _compared_tile(slice, "convertedRate", sentence)


def _compared_tile(slice: Slice, name: str, sentence: str, **more: str) -> Tile:
    """A number of the registry, beside what it was in the period before."""
    return Tile(
        report_title(name),
        report_figure(name, slice),
        format_html(
            sentence,
            period=slice.period.name,
            before=report_figure(name, slice.before),
            then=slice.before.period.name,
            **more,
        ),
        named_reports.require(name).definition,
    )


@dashboard.tile(rank=4)
def first_touch(slice: Slice) -> Tile:
    now = slice.cached(reports.first_response)
    sentence = (
        _("until half of the latest {count} leads were touched, {before} in {then}")
        if now.is_sample
        else _("median of {count} leads, {before} in {then}")
    )
    count = display.number(now.leads if now.is_sample else now.spread.count)
    return _compared_tile(slice, "firstTouch", sentence, count=count)


@dashboard.tile(rank=5)
def open_pipeline(slice: Slice) -> Tile:
    found = slice.cached(reports.open_pipeline)
    whole = found.whole
    if not whole.amounts:
        return Tile(report_title("forecast"), Figure("–", whole.who), _("no deal is open"))
    deals = sum(amount.deals for amount in whole.amounts.values())
    amounts = measure(named_reports.require("forecast"), slice).value
    assert isinstance(amounts, money.Amounts)
    total = amounts.converted
    worth = [(total, amounts.currency)] if total is not None else [
        (amounts.by_currency[c], c) for c in found.currencies
    ]  # fmt: skip
    first, *others = [format_money(amount, currency, short=True) for amount, currency in worth]
    more = "".join(f"+ {other} " for other in others)
    return Tile(
        report_title("forecast"),
        Figure(first, whole.who),
        format_html(
            ngettext(
                "{more}weighted, of {value} in one open deal",
                "{more}weighted, of {value} in {deals} open deals",
                deals,
            ),
            more=more,
            value=" + ".join(
                format_money(whole.amounts[c].value, c, short=True) for c in found.currencies
            ),
            deals=number_figure(deals, whole.who),
        ),
        named_reports.require("forecast").definition,
    )


@dashboard.tile(rank=6)
def going_stale(slice: Slice) -> Tile:
    found = measure(named_reports.require("staleDeals"), slice)
    deals = int(found.value or 0)  # type: ignore[arg-type]  # a count
    return Tile(
        report_title("staleLeads"),
        report_figure("staleLeads", slice),
        format_html(
            _("open leads without activity for {days} days, and {deals}"),
            days=slice.cached(reports.pipeline_rules).rotting,
            deals=Figure(
                ngettext("%(count)s deal", "%(count)s deals", deals)
                % {"count": display.number(deals)},
                found.records,
            ),
        ),
        named_reports.require("staleLeads").definition,
    )


# -- leads -----------------------------------------------------------------------------------------


@dashboard.chart(rank=1)
def funnel(slice: Slice) -> Chart:
    found, bars, last = slice.cached(reports.lead_funnel), [], 0
    for number_, stage in enumerate(found.stages):
        of_all, of_last = rate_figure(stage.reached, found.all), rate_figure(stage.reached, last)
        lost = number_figure(stage.lost, stage.who_lost)
        bars.append(
            Bar(
                Figure(wording.state_label(stage.state), stage.who),
                number_figure(stage.reached, stage.who),
                (
                    Mark(0, percent_of(stage.reached, found.all)),
                    Mark(
                        percent_of(stage.reached - stage.lost, found.all),
                        percent_of(stage.lost, found.all),
                        "lost",
                    ),
                ),
                format_html(
                    _("{rate} of all, {lost} lost here")
                    if not number_
                    else _("{rate} of all, {step} of the stage before, {lost} lost here"),
                    rate=of_all,
                    step=of_last,
                    lost=lost,
                ),
                (of_all, of_last if number_ else "", lost),
            )
        )
        last = stage.reached
    return Chart(
        _("Funnel"),
        bars if found.all else (),
        (_("Stage"), _("Leads"), _("Of all"), _("Of the stage before"), _("Lost here")),
        format_html(
            _(
                "The {count} leads of {period}: how far each has come. Lost ones stay where they were."
            ),
            count=number_figure(found.all, found.stages[0].who),
            period=slice.period.name,
        ),
        nothing=_("No lead was created in this period."),
        wide=True,
        legend=(("whole", _("came so far")), ("lost", _("of these, lost here"))),
    )


@dashboard.chart(rank=3)
def by_source(slice: Slice) -> Chart:
    return conversion_by(slice, "source", _("Conversion by source"))


@dashboard.chart(rank=5)
def by_owner(slice: Slice) -> Chart:
    return conversion_by(slice, "owner", _("Conversion by owner"))


def conversion_by(slice: Slice, by: str, title: str) -> Chart:
    """The groups of a cohort by a field of the lead, best rate first."""
    groups = slice.cached(reports.conversion_by_field, by)
    field = Lead.schema.by_name[by]
    named: Mapping[Any, str] = {}
    if field.type == "reference":
        named = basis.record_names(field.target_noun, (group.value for group in groups))
    nobody = _("No %(field)s") % {"field": wording.inside_sentence(labels.field_label(field))}

    def label(group: reports.Group) -> str:
        if group.rest:
            return _("All others")
        if group.value is None:
            return nobody
        return (
            named.get(group.value, display.visible_name(None)) if named or field.to else group.value
        )

    order = sorted(groups, key=lambda g: (g.rest, -g.converted / g.leads, -g.leads))
    best = max((g.qualified / g.leads for g in groups), default=0) or 1
    bars = [
        Bar(
            Figure(label(group), group.who),
            rate_figure(group.converted, group.leads, group.who_converted),
            (
                Mark(0, group.qualified / group.leads / best * 100, "pale"),
                Mark(0, group.converted / group.leads / best * 100),
            ),
            format_html(
                _("{converted} of {leads}, {qualified} qualified"),
                converted=number_figure(group.converted, group.who_converted),
                leads=number_figure(group.leads, group.who),
                qualified=number_figure(group.qualified, group.who_qualified),
            ),
            (
                number_figure(group.leads, group.who),
                number_figure(group.qualified, group.who_qualified),
                number_figure(group.converted, group.who_converted),
            ),
        )
        for group in order
    ]
    return Chart(
        title,
        bars,
        (
            labels.field_label(field),
            _("Converted, in %"),
            _("Leads"),
            _("Qualified"),
            _("Converted"),
        ),
        _("Leads of %(period)s that became deals so far.") % {"period": slice.period.name},
        nothing=_("No lead was created in this period."),
        legend=(("whole", _("converted")), ("pale", _("qualified"))),
    )


@dashboard.chart(rank=6)
def cycle(slice: Slice) -> Chart:
    spreads = [
        (one.period.name, one.cached(reports.cycle_time), reports.converted_leads(one))
        for one in (slice, slice.before)
    ]
    longest = max((spread.ninetieth or 0 for _name, spread, _who in spreads), default=0) or 1
    bars = [
        Bar(
            Figure(name, who),
            duration_figure(spread.median, who),
            _spread_marks(spread, longest),
            format_html(
                _("half of {count} took {lower} to {upper}"),
                count=number_figure(spread.count, who),
                lower=display.duration(spread.lower),
                upper=display.duration(spread.upper),
            )
            if spread.count
            else _("none converted"),
            (
                *(
                    duration_figure(s)
                    for s in (spread.tenth, spread.lower, spread.upper, spread.ninetieth)
                ),
                number_figure(spread.count, who),
            ),
        )
        for name, spread, who in spreads
    ]
    return Chart(
        _("Cycle time"),
        bars if any(spread.count for _name, spread, _who in spreads) else (),
        (
            _("Converted in"),
            _("Median"),
            _("Fastest tenth"),
            _("Lower quartile"),
            _("Upper quartile"),
            _("Slowest tenth"),
            _("Leads"),
        ),
        _("From the first touch to the conversion, of the leads converted in the period."),
        nothing=_("No lead was converted in this period or in the one before."),
        legend=(("box", _("the middle half")), ("median", _("median"))),
    )


def _spread_marks(spread: Spread, longest: float) -> tuple[Mark, ...]:
    if spread.median is None:
        return ()
    tenth, lower, median, upper, ninetieth = (
        percent_of(seconds, longest)
        for seconds in (spread.tenth, spread.lower, spread.median, spread.upper, spread.ninetieth)
    )
    return (
        Mark(tenth, ninetieth - tenth, "reach"),
        Mark(lower, max(upper - lower, 0.4), "box"),
        Mark(min(median, 99.2), 0.8, "median"),
    )


@dashboard.chart(rank=7)
def lost_reasons(slice: Slice) -> Chart:
    reasons = slice.cached(reports.lost_reasons)
    every = sum(reason.leads for reason in reasons)
    most = max((reason.leads for reason in reasons), default=0)
    before = slice.before.cached(reports.lost_reasons)
    bars = [
        Bar(
            Figure(reason.text or (_("All others") if reason.rest else _("No reason")), reason.who),
            number_figure(reason.leads, reason.who),
            (Mark(0, percent_of(reason.leads, most), "lost"),),
            row=(display.percentage(reason.leads, every),),
        )
        for reason in reasons
    ]
    return Chart(
        _("Lost reasons"),
        bars,
        (_("Reason"), _("Leads"), _("Of all lost")),
        format_html(
            _("{count} leads were lost in {period}, {before} in {then}."),
            count=number_figure(every, reports.lost_leads(slice)),
            period=slice.period.name,
            before=number_figure(
                sum(each.leads for each in before), reports.lost_leads(slice.before)
            ),
            then=slice.before.period.name,
        ),
        nothing=_("No lead was lost in this period."),
    )


# -- deals -----------------------------------------------------------------------------------------


@dashboard.chart(rank=2)
def forecast(slice: Slice) -> Chart:
    found = slice.cached(reports.open_pipeline)
    return _amounts_chart(
        found,
        found.months,
        _("Forecast by month"),
        _("Expected close"),
        _("Open deals by when they should close, times their chance of winning. As of now."),
    )


@dashboard.chart(rank=8)
def by_stage(slice: Slice) -> Chart:
    found = slice.cached(reports.open_pipeline)
    return _amounts_chart(
        found,
        found.stages,
        _("Pipeline"),
        _("Stage"),
        _("Open deals by stage, times their chance of winning. As of now."),
    )


def _amounts_chart(
    found: reports.OpenPipeline, parts: list[reports.PipelinePart], title: str, head: str, note: str
) -> Chart:
    """Parts of the pipeline, a bar for each currency in them: currencies are never added."""
    bars = []
    for currency in found.currencies:
        most = max((p.amounts[currency].value for p in parts if currency in p.amounts), default=0)
        for part in parts:
            amount = part.amounts.get(currency, reports.Amount())
            if not amount.deals and len(found.currencies) > 1:
                continue
            who = part.who.where(currency__exact=currency)
            bars.append(
                Bar(
                    Figure(_part_label(part.name), who),
                    Figure(format_money(amount.weighted, currency), who),
                    (
                        Mark(0, percent_of(amount.value, most), "pale"),
                        Mark(0, percent_of(amount.weighted, most)),
                    ),
                    format_html(
                        _("of {value} in {deals}"),
                        value=format_money(amount.value, currency),
                        deals=number_figure(amount.deals, who),
                    ),
                    (
                        Figure(format_money(amount.value, currency), who),
                        number_figure(amount.deals, who),
                    ),
                )
            )
    return Chart(
        title,
        bars,
        (head, _("Weighted"), _("Value"), _("Deals")),
        note,
        nothing=_("No deal is open."),
        legend=(("whole", _("weighted")), ("pale", _("value"))),
    )


PART_LABELS = {
    "overdue": gettext_lazy("Overdue"),
    "later": gettext_lazy("Later"),
    "undated": gettext_lazy("No date"),
}


def _part_label(name: str) -> str:
    if name in PART_LABELS:
        return str(PART_LABELS[name])
    if name in Deal.Stage.values:
        return wording.state_label(name)
    return formats.date_format(date.fromisoformat(f"{name}-01"), "YEAR_MONTH_FORMAT")


# -- what waits ------------------------------------------------------------------------------------


@dashboard.chart(rank=9)
def waiting(slice: Slice) -> Chart:
    found = slice.cached(reports.stale_by_state)
    every = [(noun, each) for noun in (Lead, Deal) for each in found[noun.__name__]]
    most = max((each.count for _noun, each in every), default=0)
    bars = [
        Bar(
            Figure(
                f"{labels.noun_title(noun)}, {wording.inside_sentence(wording.state_label(each.name))}",
                each.who,
            ),
            number_figure(each.count, each.who),
            (Mark(0, percent_of(each.count, most), "lost"),),
        )
        for noun, each in every
        if each.count
    ]
    return Chart(
        _("Going stale"),
        bars,
        (_("Standing"), _("How many")),
        _("Open, and without activity for %(days)s days. As of now.")
        % {"days": slice.cached(reports.pipeline_rules).rotting},
        nothing=_("Everything open was touched lately."),
    )


DUE_LABELS = {
    "overdue": gettext_lazy("Overdue"),
    "today": gettext_lazy("Today"),
    "this week": gettext_lazy("Next 7 days"),
    "afterwards": gettext_lazy("Afterwards"),
    "undated": gettext_lazy("No date"),
}


@dashboard.chart(rank=10)
def tasks(slice: Slice) -> Chart | None:
    found = slice.cached(reports.open_tasks)
    if found is None:
        return None
    most = max(each.count for each in found)
    person = slice.narrowed.get("owner")
    title = _("My tasks")
    if person and person != actors.current().contact_id:
        name = basis.record_names(Contact, [person]).get(person)
        title = _("Tasks of %(name)s") % {"name": name} if name else _("Tasks")
    return Chart(
        title,
        [
            Bar(
                Figure(str(DUE_LABELS[each.name]), each.who),
                number_figure(each.count, each.who),
                (
                    Mark(
                        0,
                        percent_of(each.count, most),
                        "lost" if each.name == "overdue" else "whole",
                    ),
                ),
            )
            for each in found
        ]
        if most
        else (),
        (_("Due"), labels.plural_title(Activity)),
        _("Open activities by when they are due. As of now."),
        nothing=_("Nothing is planned."),
    )


# -- saying it -------------------------------------------------------------------------------------


def percent_of(part: float | Decimal | None, whole: float | Decimal) -> float:
    return float(part or 0) / float(whole) * 100 if whole else 0


def format_money(value: Decimal, currency: str, *, short: bool = False) -> str:
    """``$48,300``; from a million on, and ``short`` from a hundred thousand on, ``$1.2 M``."""
    value = value.quantize(Decimal(1))
    if abs(value) >= 1_000_000:
        billions = abs(value) >= 1_000_000_000
        said = pgettext("amount", "%s bn") if billions else pgettext("amount", "%s M")
        size = 1_000_000_000 if billions else 1_000_000
        said %= display.decimal(value / size, 1)
    elif short and abs(value) >= 100_000:
        said = pgettext("amount", "%s k") % display.amount(round(value / 1_000))
    else:
        said = display.amount(value)
    return display.money(said.replace(" ", "\u00a0"), currency)
