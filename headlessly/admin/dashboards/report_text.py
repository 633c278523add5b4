"""Named numbers on a page: as text, as figures with their lists, and as tables."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from headlessly.admin import display
from headlessly.admin.dashboards.figures import Figure, Table
from headlessly.query import money
from headlessly.query.named_reports import Measured, Report, Row, Value, measure, reports
from headlessly.query.report_answers import difference
from headlessly.query.reports import Slice


def measure_by_name(name: str, slice: Slice) -> Measured:
    """Runs the report of that name for a slice."""
    return measure(reports.require(name), slice)


def report_figure(name: str, slice: Slice) -> Figure:
    """Returns a number as text, with the list behind it."""
    found = measure_by_name(name, slice)
    return Figure(value_text(reports.require(name).unit, found.value), found.records)


def report_table(name: str, slice: Slice) -> Table:
    """Returns the rows of a report, each value as text with the list behind it."""
    report = reports.require(name)
    return table_of(report, measure(report, slice))


def table_of(report: Report, found: Measured) -> Table:
    heads = [str(report.row_title), *(str(column.title) for column in report.columns)]
    return Table(heads, [(row.name, row_figures(report, row)) for row in found.rows or ()])


def row_figures(report: Report, row: Row) -> list[Figure]:
    """Returns the values of a row in the order of the columns."""
    return [
        Figure(value_text(column.unit, row.values.get(column.name)), row.lists.get(column.name))
        for column in report.columns
    ]


def value_text(unit: str, value: Value) -> str:
    """Returns a value as text; a dash for None."""
    if value is None:
        return "–"
    if isinstance(value, money.Amounts):
        return amounts_text(value)
    if isinstance(value, str):
        return value
    if unit == "percent":
        return display.percent(float(value))
    if unit == "seconds":
        return display.duration(float(value))
    return display.number(value)


def change_text(name: str, slice: Slice, since: datetime) -> str:
    """Returns a sentence: what the number for the same days was at the moment ``since``, and how much it
    has changed."""
    report = reports.require(name)
    now, then = measure_by_name(name, slice), measure(report, slice.cached(Slice.at, since))
    sentence = _("{difference} since {day}, when it was {then}")
    return format_html(
        sentence,
        difference=_difference_text(report.unit, now.value, then.value),
        day=display.day_text(since),
        then=Figure(value_text(report.unit, then.value), then.records),
    )


def _difference_text(unit: str, now: Value, then: Value) -> str:
    """Returns the change of a value with its sign; for amounts in each currency."""
    change = difference(now, then)
    if change is None:
        return "–"
    if isinstance(change, dict):
        parts = [(format_money(Decimal(str(abs(v))), c), v) for c, v in change.items() if v]
        return ", ".join(_signed(text, value) for text, value in parts) or "±0"
    if unit == "percent":
        points = display.decimal(abs(change), 1 if 0 < abs(change) < 10 else 0)
        return _signed(_("%s points") % points, change)
    return _signed(value_text(unit, abs(change)), change)


def _signed(text: str, value: float) -> str:
    """Returns the text of an absolute value with the sign of ``value``."""
    return f"+{text}" if value > 0 else f"−{text}" if value < 0 else "±0"


def amounts_text(amounts: money.Amounts) -> str:
    """Returns a sum converted to one currency, with its parts if there are several; only the parts if a
    rate is missing."""
    parts = [
        format_money(amounts.by_currency[code], code)
        for code in amounts.as_json()
        if amounts.by_currency[code]
    ]
    if amounts.converted is None:
        return " + ".join(parts)
    total = format_money(amounts.converted, amounts.currency)
    return f"{total} ({' + '.join(parts)})" if amounts.is_mixed and parts else total


def format_money(value: Decimal, currency: str, *, short: bool = False) -> str:
    """Returns an amount as text: ``$48,300``, from a million on ``$1.2 M``, from a billion on ``$1.2 bn``;
    if ``short``, from a hundred thousand on ``$120 k``."""
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


def percent_of(part: float | Decimal | None, whole: float | Decimal) -> float:
    """Returns the part in percent of the whole, for drawing; 0 if the whole is 0."""
    return float(part or 0) / float(whole) * 100 if whole else 0
