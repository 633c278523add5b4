"""Bars and lines of a report, as the numbers of an SVG: what they say stands in the table beside them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from math import floor, log10
from typing import Any

from django.utils.translation import gettext as _

from headlessly.admin import display
from headlessly.admin.reports import stretches
from headlessly.admin.reports.results import Report, Row, drawn_values, money_text

#: As many bars and lines are drawn; the table has all.
BARS, LINES = 20, 6
#: As many stretches of time are named below a line, and as many heights beside it.
NAMED, HEIGHTS = 7, 4
#: Where a line is drawn, in pixels from the top, and from which percent of the width to which.
TOP, HEIGHT, LEFT, RIGHT = 12, 200, 1.5, 98.5


@dataclass(frozen=True)
class ReportBar:
    """One bar: its name, its number in words, where it begins and how long it is, in percent."""

    label: str
    text: str
    url: str
    start: str
    length: str


@dataclass(frozen=True)
class Line:
    """One line: its name, how it looks, and its points."""

    label: str
    look: str
    parts: list[str]  #: the points of each unbroken part, in a box of 100 by 100
    points: list[dict[str, str]]  #: each on the page, with what it says


@dataclass(frozen=True)
class LineChart:
    """Lines over an axis with dates."""

    lines: list[Line]
    left: int  #: lines that only the table has
    heights: list[dict[str, str]]
    days: list[dict[str, str]]
    top: int = TOP
    height: int = HEIGHT
    bottom: int = TOP + HEIGHT
    below: int = TOP + HEIGHT + 20
    whole: int = TOP + HEIGHT + 30


@dataclass
class _Series:
    values: dict[date, float] = field(default_factory=dict)
    texts: dict[date, str] = field(default_factory=dict)

    @property
    def size(self) -> float:
        return sum(abs(value) for value in self.values.values())


def draw_bars(report: Report, most: int = BARS) -> dict[str, Any]:
    """The first groups of the table as bars of the first measure; a currency is compared with itself."""
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
            )
        )
    return {"bars": bars, "left": len(found) - len(bars)}


def _number_text(value: float, currency: str | None, places: int = 2) -> str:
    return money_text(value, currency) if currency else display.number(round(value, places))


def draw_lines(report: Report) -> LineChart | None:
    """The first measure over time, a line for each group and currency, the largest first; None without a
    dated record. Stretches without a record are zero for what is counted or added, else a gap."""
    measure = report.measures[0]
    series: dict[tuple[str, ...], _Series] = defaultdict(_Series)
    several = set()
    for row in report.rows:
        for currency, value in drawn_values(row.answer, measure) if row.first else ():
            several.add(currency)
            one = series[(*row.labels[1:], currency or "")]
            one.values[row.first] = value  # type: ignore[index]  # asked above
            one.texts[row.first] = _number_text(value, currency)  # type: ignore[index]
    if not series:
        return None
    unit_of_all = next(iter(several)) if len(several) == 1 else None
    unit = report.address.unit
    days = stretches.every_stretch(unit, [day for one in series.values() for day in one.values])
    order = sorted(series, key=lambda key: (-series[key].size, key))
    adds_up = measure.function in ("count", "sum")
    values = [v for key in order[:LINES] for v in series[key].values.values()]
    low, high, heights = _scale(min(0, *values) if values else 0, max(0, *values) if values else 1)
    lines = []
    for number, key in enumerate(order[:LINES]):
        *names, currency = key
        named = [*names, currency] if len(several) > 1 and currency else names
        lines.append(
            _line(
                series[key], ", ".join(named) or _("all"), number, days, (low, high), adds_up, unit
            )
        )
    return LineChart(
        lines,
        len(order) - len(lines),
        [
            {
                "y": f"{_y(height, low, high) * HEIGHT / 100 + TOP:.1f}",
                "text": _number_text(height, unit_of_all, 6),
            }
            for height in heights
        ],
        _named_days(unit, days),
    )


def _line(
    one: _Series,
    label: str,
    number: int,
    days: list[date],
    ends: tuple[float, float],
    adds_up: bool,
    unit: str,
) -> Line:
    parts: list[list[str]] = [[]]
    points = []
    for place, day in enumerate(days):
        value = one.values.get(day, 0.0 if adds_up else None)
        if value is None:
            parts.append([])
            continue
        x, y = _x(place, len(days)), _y(value, *ends)
        parts[-1].append(f"{x:.2f},{y:.2f}")
        if day in one.values:
            said = f"{label}, {stretches.stretch_label(unit, day)}: {one.texts[day]}"
            points.append({"x": f"{x:.2f}", "y": f"{y * HEIGHT / 100 + TOP:.1f}", "text": said})
    return Line(label, f"line{number}", [" ".join(part) for part in parts if part], points)


def _x(place: int, many: int) -> float:
    """In percent of the width; a single stretch stands in the middle."""
    return 50.0 if many == 1 else LEFT + (RIGHT - LEFT) * place / (many - 1)


def _y(value: float, low: float, high: float) -> float:
    """In percent from the top."""
    return (high - value) / (high - low) * 100


def _scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """The ends of the axis and its heights: whole steps of 1, 2 or 5 of their size."""
    size = (high - low) / HEIGHTS or 1
    power = 10 ** floor(log10(size))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= size * 0.999)
    first, last = floor(low / step), -floor(-high / step)
    if first == last:
        last += 1
    return first * step, last * step, [step * number for number in range(first, last + 1)]


def _named_days(unit: str, days: list[date]) -> list[dict[str, str]]:
    """The stretches that are named below the lines, evenly; every other one also on a small screen."""
    steps = max(1, -(-len(days) // NAMED))
    found = []
    for number, place in enumerate(range(0, len(days), steps)):
        x = _x(place, len(days))
        found.append(
            {
                "x": f"{x:.2f}",
                "text": stretches.short_label(unit, days[place]),
                "anchor": "start" if x < 6 else "end" if x > 94 else "middle",
                "often": "often" if number % 2 else "",
            }
        )
    return found
