"""Draws lines over time as numbers for an SVG. The table beside it has the same as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import floor, log10

from django.utils import timezone
from django.utils.translation import gettext as _

from headlessly.admin import display, stretches
from headlessly.context import clock

#: How many lines are drawn at most; the table has all.
LINES = 6
#: How many stretches of time are labelled on the x-axis, and how many steps the y-axis has.
NAMED, HEIGHTS = 6, 4
#: Where lines are drawn: top and height in pixels, left and right in percent of the width.
TOP, HEIGHT, LEFT, RIGHT = 12, 200, 1.5, 98.5


@dataclass(frozen=True)
class Line:
    """A line: its name, how it looks, and its points."""

    label: str
    look: str
    parts: list[str]  #: the points of each unbroken part, in a box of 100 by 100
    points: list[dict[str, str]]  #: the position and text of each
    tone: str = ""  #: the colour of its value, where it has one
    #: The last two points while the last period is still running, drawn differently: a low value is no
    #: decline yet.
    running: str = ""


@dataclass(frozen=True)
class LineChart:
    """Lines over an axis with dates."""

    lines: list[Line]
    left: int  #: how many lines are only in the table
    heights: list[dict[str, str]]
    days: list[dict[str, str]]
    top: int = TOP
    height: int = HEIGHT
    bottom: int = TOP + HEIGHT
    below: int = TOP + HEIGHT + 20
    whole: int = TOP + HEIGHT + 30


@dataclass
class Series:
    """The data of a line: a value and its text for each stretch of time that has one."""

    values: dict[date, float] = field(default_factory=dict)
    texts: dict[date, str] = field(default_factory=dict)
    tone: str = ""  #: the colour of its value, where it has one

    @property
    def size(self) -> float:
        return sum(abs(value) for value in self.values.values())


def line_chart(
    series: Mapping[str, Series],
    days: Sequence[date],
    unit: str,
    adds_up: bool,
    height_text: Callable[[float], str] = display.number,
) -> LineChart:
    """Draws a line for each series, by its label. ``days`` are the first days of the periods, each a
    ``unit`` long.

    Where a period has no value the line shows zero if the values add up (``adds_up``), else a gap.
    """
    shown = list(series.items())[:LINES]
    values = [value for _label, one in shown for value in one.values.values()]
    today = timezone.localdate(clock.now())
    running = bool(days) and days[-1] <= today < stretches.day_after(unit, days[-1])
    low, high, heights = _scale(min(0, *values) if values else 0, max(0, *values) if values else 1)
    lines = [
        _line(one, label, number, days, (low, high), adds_up, unit, running)
        for number, (label, one) in enumerate(shown)
    ]
    return LineChart(
        lines,
        len(series) - len(lines),
        [
            {
                "y": f"{_y(height, low, high) * HEIGHT / 100 + TOP:.1f}",
                "text": height_text(height),
            }
            for height in heights
        ],
        _named_days(unit, days),
    )


def _line(
    one: Series,
    label: str,
    number: int,
    days: Sequence[date],
    ends: tuple[float, float],
    adds_up: bool,
    unit: str,
    running: bool,
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
            if running and day == days[-1]:
                said = _("%(said)s so far") % {"said": said}
            points.append({"x": f"{x:.2f}", "y": f"{y * HEIGHT / 100 + TOP:.1f}", "text": said})
    last = ""
    if running and len(parts[-1]) > 1:
        last = " ".join(parts[-1][-2:])
        parts[-1].pop()
    drawn = [" ".join(part) for part in parts if part]
    return Line(label, f"line{number}", drawn, points, one.tone, last)


def _x(place: int, many: int) -> float:
    """Returns the position in percent of the width. A single period is in the middle."""
    return 50.0 if many == 1 else LEFT + (RIGHT - LEFT) * place / (many - 1)


def _y(value: float, low: float, high: float) -> float:
    """Returns the position in percent from the top."""
    return (high - value) / (high - low) * 100


def _scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """Returns the ends of the y-axis and its steps, which are 1, 2 or 5 times a power of ten."""
    size = (high - low) / HEIGHTS or 1
    power = 10 ** floor(log10(size))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= size * 0.999)
    first, last = floor(low / step), -floor(-high / step)
    if first == last:
        last += 1
    return first * step, last * step, [step * number for number in range(first, last + 1)]


def _named_days(unit: str, days: Sequence[date]) -> list[dict[str, str]]:
    """Returns evenly spaced labels of the x-axis. Those marked ``often`` are hidden on a small screen."""
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
