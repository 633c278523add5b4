"""Sales' part of the dashboard: how its numbers are drawn. The numbers themselves come from reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import reports
from crm.models import Contact, Lead
from crm.reports.named import OVER_TIME
from crm.reports.tables.deals import pipeline_part_label
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
from headlessly.admin.dashboards.report_text import (
    amounts_text,
    format_money,
    measure_by_name,
    percent_of,
    report_figure,
    report_table,
    value_text,
)
from headlessly.admin.lines import Series, line_chart
from headlessly.query import reports as basis
from headlessly.query import series
from headlessly.query.named_reports import Row
from headlessly.query.reports import Slice

dashboard.subject = Lead


def row_figure(row: Row, name: str, unit: str = "") -> Figure:
    """Returns a value of a row in words, with a link to the list behind it."""
    return Figure(value_text(unit, row.values[name]), row.lists.get(name))


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
    """Returns a tile of a number from the registry, compared with that of the previous period."""
    return Tile(
        name,
        report_figure(name, slice),
        format_html(
            sentence,
            period=slice.period.name,
            before=report_figure(name, slice.before),
            then=slice.before.period.name,
            **more,
        ),
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
        return Tile("forecast", Figure("–", whole.who), _("no deal is open"))
    weighted = found.sum_of(whole, "weighted")
    worth = (
        [(weighted.converted, weighted.currency)]
        if weighted.converted is not None
        else [(weighted.by_currency[c], c) for c in found.currencies]
    )
    first, *others = [format_money(amount, currency, short=True) for amount, currency in worth]
    return Tile(
        "forecast",
        Figure(first, whole.who),
        format_html(
            ngettext(
                "{more}weighted, of {value} in one open deal",
                "{more}weighted, of {value} in {deals} open deals",
                whole.deals,
            ),
            more="".join(f"+ {other} " for other in others),
            value=" + ".join(
                format_money(whole.amounts[c].value, c, short=True) for c in found.currencies
            ),
            deals=report_figure("openDeals", slice),
        ),
    )


@dashboard.tile(rank=6)
def going_stale(slice: Slice) -> Tile:
    found = measure_by_name("staleDeals", slice)
    deals = int(found.value or 0)  # type: ignore[arg-type]  # a count
    return Tile(
        "staleLeads",
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
    )


# -- leads -----------------------------------------------------------------------------------------


@dashboard.chart(rank=1)
def funnel(slice: Slice) -> Chart:
    found, bars = measure_by_name("leadFunnel", slice), []
    every: Any = found.value
    for number, row in enumerate(found.rows or ()):
        came, lost = _number(row, "leads"), _number(row, "lost")
        bars.append(
            Bar(
                Figure(row.name, row.lists["leads"]),
                row_figure(row, "leads"),
                (
                    Mark(0, percent_of(came, every)),
                    Mark(percent_of(came - lost, every), percent_of(lost, every), "lost"),
                ),
                format_html(
                    _("{rate} of all, {lost} lost here")
                    if not number
                    else _("{rate} of all, {step} of the stage before, {lost} lost here"),
                    rate=row_figure(row, "share", "percent"),
                    step=row_figure(row, "ofStageBefore", "percent"),
                    lost=row_figure(row, "lost"),
                ),
            )
        )
    return Chart(
        "leadFunnel",
        bars if every else (),
        report_table("leadFunnel", slice),
        format_html(
            _(
                "The {count} leads of {period}: how far each has come. Lost ones stay where they were."
            ),
            count=number_figure(every, found.records),
            period=slice.period.name,
        ),
        nothing=_("No lead was created in this period."),
        wide=True,
        legend=(("whole", _("came so far")), ("lost", _("of these, lost here"))),
    )


def _number(row: Row, name: str) -> float:
    """Returns a count or a rate of a row, or 0 if it has none."""
    return row.values[name] or 0  # type: ignore[return-value]  # no amount


@dashboard.chart(rank=1)
def over_time(slice: Slice) -> Chart:
    """Draws the leads created, converted and lost over time."""
    table = report_table("leadsOverTime", slice)
    rows = measure_by_name("leadsOverTime", slice).rows or ()
    parts = [part.period.first for part in series.parts_of(slice)]
    lines = {}
    for number, name in enumerate(OVER_TIME):
        values = {day: _number(row, name) for day, row in zip(parts, rows, strict=True)}
        texts = {
            day: cells[number].text for day, (_row, cells) in zip(parts, table.rows, strict=True)
        }
        lines[table.heads[number + 1]] = Series(values, texts)
    some = any(value for line in lines.values() for value in line.values.values())
    return Chart(
        "leadsOverTime",
        table=table,
        note=_("Leads of %(period)s, each by its own moment.") % {"period": slice.period.name},
        nothing=_("Nothing happened to leads in this period."),
        line=line_chart(lines, parts, series.step_of(slice.period), True) if some else None,
    )


@dashboard.chart(rank=3)
def by_source(slice: Slice) -> Chart:
    return conversion_by(slice, "conversionBySource")


@dashboard.chart(rank=5)
def by_owner(slice: Slice) -> Chart:
    return conversion_by(slice, "conversionByOwner")


def conversion_by(slice: Slice, name: str) -> Chart:
    """Draws the groups of a cohort, the best rate first; a full bar stands for all of a group's leads."""
    rows = measure_by_name(name, slice).rows or ()
    shares = [percent_of(_number(row, "qualified"), _number(row, "leads")) for row in rows]
    bars = [
        Bar(
            Figure(row.name, row.lists["leads"]),
            row_figure(row, "rate", "percent"),
            (Mark(0, share, "pale"), Mark(0, _number(row, "rate"))),
            format_html(
                _("{converted} of {leads}, {qualified} qualified"),
                converted=row_figure(row, "converted"),
                leads=row_figure(row, "leads"),
                qualified=row_figure(row, "qualified"),
            ),
        )
        for row, share in zip(rows, shares, strict=True)
    ]
    return Chart(
        name,
        bars,
        report_table(name, slice),
        _("Leads of %(period)s that became deals so far.") % {"period": slice.period.name},
        nothing=_("No lead was created in this period."),
        legend=(("whole", _("converted")), ("pale", _("qualified"))),
    )


@dashboard.chart(rank=6)
def cycle(slice: Slice) -> Chart:
    rows = measure_by_name("cycleTimes", slice).rows or ()
    longest = max((_number(row, "ninetieth") for row in rows), default=0) or 1
    bars = [
        Bar(
            Figure(row.name, row.lists["median"]),
            row_figure(row, "median", "seconds"),
            _spread_marks(row, longest),
            format_html(
                _("half of {count} took {lower} to {upper}"),
                count=row_figure(row, "leads"),
                lower=row_figure(row, "lower", "seconds"),
                upper=row_figure(row, "upper", "seconds"),
            )
            if row.values["leads"]
            else _("none converted"),
        )
        for row in rows
    ]
    return Chart(
        "cycleTimes",
        bars if any(row.values["leads"] for row in rows) else (),
        report_table("cycleTimes", slice),
        _("From the first touch to the conversion, of the leads converted in the period."),
        nothing=_("No lead was converted in this period or in the one before."),
        legend=(("box", _("the middle half")), ("median", _("median"))),
    )


def _spread_marks(row: Row, longest: float) -> tuple[Mark, ...]:
    if row.values["median"] is None:
        return ()
    tenth, lower, median, upper, ninetieth = (
        percent_of(_number(row, name), longest)
        for name in ("tenth", "lower", "median", "upper", "ninetieth")
    )
    return (
        Mark(tenth, ninetieth - tenth, "reach"),
        Mark(lower, max(upper - lower, 0.4), "box"),
        Mark(min(median, 99.2), 0.8, "median"),
    )


@dashboard.chart(rank=7)
def lost_reasons(slice: Slice) -> Chart:
    found, before = (
        measure_by_name("lostReasons", slice),
        measure_by_name("lostReasons", slice.before),
    )
    rows = found.rows or ()
    bars = _counted_bars(rows, "leads", lambda row: "lost")
    return Chart(
        "lostReasons",
        bars,
        report_table("lostReasons", slice),
        format_html(
            _("{count} leads were lost in {period}, {before} in {then}."),
            count=Figure(value_text("leads", found.value), found.records),
            period=slice.period.name,
            before=Figure(value_text("leads", before.value), before.records),
            then=slice.before.period.name,
        ),
        nothing=_("No lead was lost in this period."),
    )


def _counted_bars(rows: Sequence[Row], name: str, kind: Callable[[Row], str]) -> list[Bar]:
    """Returns a bar for each row, its length in proportion to the row's count."""
    most = max((_number(row, name) for row in rows), default=0)
    return [
        Bar(
            Figure(row.name, row.lists[name]),
            row_figure(row, name),
            (Mark(0, percent_of(_number(row, name), most), kind(row)),),
        )
        for row in rows
    ]


# -- deals -----------------------------------------------------------------------------------------


@dashboard.chart(rank=2)
def forecast(slice: Slice) -> Chart:
    return _amounts_chart(
        slice,
        "forecastByMonth",
        _("Open deals by when they should close, times their chance of winning."),
    )


@dashboard.chart(rank=8)
def by_stage(slice: Slice) -> Chart:
    return _amounts_chart(
        slice, "pipelineByStage", _("Open deals by stage, times their chance of winning.")
    )


def _amounts_chart(slice: Slice, name: str, note: str) -> Chart:
    """Draws parts of the pipeline in the tenant's currency; if rates are missing, with a bar for each
    currency."""
    found = slice.cached(reports.open_pipeline)
    parts = found.months if name == "forecastByMonth" else found.stages
    is_converted = found.sum_of(found.whole, "value").converted is not None
    return Chart(
        name,
        _converted_bars(found, parts) if is_converted else _bars_by_currency(found, parts),
        report_table(name, slice),
        note,
        nothing=_("No deal is open."),
        legend=(("whole", _("weighted")), ("pale", _("value"))),
    )


def _converted_bars(
    found: reports.OpenPipeline, parts: Sequence[reports.PipelinePart]
) -> list[Bar]:
    bars, own = [], found.rates.own
    worth = [(found.sum_of(p, "value"), found.sum_of(p, "weighted")) for p in parts]
    most = max((value.converted or 0 for value, _weighted in worth), default=0)
    if not found.whole.deals:
        return []
    for part, (value, weighted) in zip(parts, worth, strict=True):
        bars.append(
            Bar(
                Figure(pipeline_part_label(part.name), part.who),
                Figure(format_money(weighted.converted or Decimal(0), own), part.who),
                (
                    Mark(0, percent_of(value.converted, most), "pale"),
                    Mark(0, percent_of(weighted.converted, most)),
                ),
                format_html(
                    _("of {value} in {deals}"),
                    value=amounts_text(value),
                    deals=number_figure(part.deals, part.who),
                ),
            )
        )
    return bars


def _bars_by_currency(
    found: reports.OpenPipeline, parts: Sequence[reports.PipelinePart]
) -> list[Bar]:
    """Returns the bars of each currency together, in proportion to the largest bar of the same currency.

    Amounts in different currencies are never added or compared.
    """
    bars = []
    for currency in found.currencies:
        most = max((p.amounts[currency].value for p in parts if currency in p.amounts), default=0)
        for part in parts:
            if (amount := part.amounts.get(currency)) is None:
                continue
            who = part.who.where(currency__exact=currency)
            bars.append(
                Bar(
                    Figure(pipeline_part_label(part.name), who),
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
                )
            )
    return bars


# -- what waits ------------------------------------------------------------------------------------


@dashboard.chart(rank=9)
def waiting(slice: Slice) -> Chart:
    rows = measure_by_name("staleByState", slice).rows or ()
    return Chart(
        "staleByState",
        _counted_bars(
            [row for row in rows if row.values["records"]], "records", lambda row: "lost"
        ),
        report_table("staleByState", slice),
        _("Open, and without activity for %(days)s days.")
        % {"days": slice.cached(reports.pipeline_rules).rotting},
        nothing=_("Everything open was touched lately."),
    )


@dashboard.chart(rank=10)
def tasks(slice: Slice) -> Chart | None:
    found = measure_by_name("openTasks", slice)
    if found.value is None:
        return None
    bars = _counted_bars(
        found.rows or (),
        "activities",
        lambda row: "lost" if row.key == reports.OVERDUE_TASKS else "whole",
    )
    return Chart(
        "openTasks",
        bars if found.value else (),
        report_table("openTasks", slice),
        _tasks_note(slice),
        nothing=_("Nothing is planned."),
    )


def _tasks_note(slice: Slice) -> str:
    """Returns the sentence that says whose activities are shown."""
    person = slice.narrowed.get("owner")
    if not person or person == actors.current().contact_id:
        return _("Your open activities by when they are due.")
    name = basis.record_names(Contact, [person]).get(person, display.visible_name(None))
    return _("Open activities of %(name)s by when they are due.") % {"name": name}
