"""Draws the bars and lines of a report as numbers for an SVG. The table beside it has the same in words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin import display, stretches
from headlessly.admin.lines import LineChart, Series, line_chart
from headlessly.admin.reports.results import Report, Row, drawn_values, money_text

#: How many bars are drawn at most; the table has all.
BARS = 20


@dataclass(frozen=True)
class ReportBar:
    """One bar: its name, its number as text, and where it begins and how long it is, in percent."""

    label: str
    text: str
    url: str
    start: str
    length: str
    tone: str = ""  #: the colour of its value, where it has one


def draw_bars(report: Report, most: int = BARS) -> dict[str, Any]:
    """Returns bars for the first measure of the first groups, and how many are left out. A bar's length is
    relative to the largest of its currency."""
    measure = report.measures[0]
    found: list[tuple[Row, str | None, float]] = [
        (row, currency, value)
        for row in report.rows
        for currency, value in drawn_values(row.answer, measure)
    ]
    low: dict[str | None, float] = defaultdict(float)
    high: dict[str | None, float] = defaultdict(float)
    for _row, currency, value in found:
        low[currency] = min(low[currency], value)
        high[currency] = max(high[currency], value)
    several = len(high) > 1
    bars = []
    for row, currency, value in found[:most]:
        span = high[currency] - low[currency] or 1
        start = (min(value, 0) - low[currency]) / span * 100
        label = ", ".join(row.labels)
        bars.append(
            ReportBar(
                f"{label}, {currency}" if several else label,
                _number_text(value, currency),
                row.url,
                f"{start:.2f}",
                f"{abs(value) / span * 100:.2f}",
                row.tone,
            )
        )
    return {"bars": bars, "left": len(found) - len(bars)}


def _number_text(value: float, currency: str | None, places: int = 2) -> str:
    return money_text(value, currency) if currency else display.number(round(value, places))


def draw_lines(report: Report) -> LineChart | None:
    """Returns the first measure over time, with a line for each group and currency, the largest first;
    None if no record has a date. A stretch without a record is zero for counts and sums, else a gap."""
    measure = report.measures[0]
    series: dict[tuple[str, ...], Series] = defaultdict(Series)
    several = set()
    for row in report.rows:
        for currency, value in drawn_values(row.answer, measure) if row.first else ():
            several.add(currency)
            one = series[(*row.labels[1:], currency or "")]
            one.tone = row.tone
            one.values[row.first] = value  # type: ignore[index]  # asked above
            one.texts[row.first] = _number_text(value, currency)  # type: ignore[index]
    if not series:
        return None
    unit_of_all = next(iter(several)) if len(several) == 1 else None
    unit = report.address.unit
    days = stretches.every_stretch(unit, [day for one in series.values() for day in one.values])
    named: dict[str, Series] = {}
    for key in sorted(series, key=lambda key: (-series[key].size, key)):
        *names, currency = key
        label = [*names, currency] if len(several) > 1 and currency else names
        named[", ".join(label) or _("all")] = series[key]
    adds_up = measure.function in ("count", "sum")

    def height_text(height: float) -> str:
        return _number_text(height, unit_of_all, 6)

    return line_chart(named, days, unit, adds_up, height_text)
