"""What a dashboard is made of, and where the apps put it: tiles and charts.

An app registers functions that make a tile or a chart of a slice; the page shows them in their order::

    @dashboard.tile(rank=1)
    def new_leads(slice: Slice) -> Tile:
        return Tile("newLeads", report_figure("newLeads", slice))

Both show a number by name (:mod:`headlessly.query.named_reports`), and have its title and its definition.
Every number is a :class:`Figure`, which knows the list behind it. A chart is drawn from the same numbers
that its table says in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from headlessly.admin import display
from headlessly.admin.lines import LineChart
from headlessly.declaration import labels
from headlessly.nouns import Noun
from headlessly.query.named_reports import DEFINITION, Report, reports
from headlessly.query.reports import Records, Slice

#: More bars than this are in the table only, unless a chart says otherwise.
DRAWN = 8


@dataclass(frozen=True)
class Figure:
    """A number or a name in words, and the records that it is about."""

    text: str
    records: Records | None = None

    @property
    def url(self) -> str:
        """The list of the records; empty where there is none."""
        if self.records is None:
            return ""
        return display.page_url(self.records.noun, "changelist") + self.records.query

    def __str__(self) -> SafeString:
        """The text, as a link to the list."""
        url = self.url
        if not url:
            return conditional_escape(self.text)
        return format_html('<a href="{}">{}</a>', url, self.text)

    __html__ = __str__


def number_figure(count: int, records: Records | None = None) -> Figure:
    return Figure(display.number(count), records)


@dataclass(frozen=True)
class Mark:
    """One shape in a bar, from ``start`` on, in percent of its width; ``kind`` is how it looks."""

    start: float
    length: float
    kind: str = "whole"

    @property
    def x(self) -> str:
        return f"{min(max(self.start, 0), 100):.2f}"

    @property
    def width(self) -> str:
        return f"{min(max(self.length, 0), 100):.2f}"


@dataclass(frozen=True)
class Bar:
    """One line of a chart: what it is of, the number at its end, and its shapes."""

    label: Figure | str
    figure: Figure
    marks: Sequence[Mark] = ()
    note: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of a report in words: its heads, and each row with what it is of."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Figure]]]


@dataclass(frozen=True)
class Defined:
    """What shows a number by name."""

    report: str

    @property
    def title(self) -> str:
        return str(reports.require(self.report).title)

    @property
    def definition(self) -> str:
        """What the number means, for who points at it."""
        return definition_text(reports.require(self.report))

    @property
    def definition_url(self) -> str:
        """Where that stands among all definitions."""
        return f"{reverse('admin:definitions')}#{self.report}"


def definition_text(report: Report) -> str:
    """What a report means, in the reader's language: its fields as people call them."""
    return labels.fields_in_words(pgettext(DEFINITION, report.definition))


@dataclass(frozen=True)
class Chart(Defined):
    """Bars below each other or lines over time, a sentence about them, and a table that says the same."""

    bars: Sequence[Bar] = ()
    table: Table | None = None
    note: str = ""  #: what is counted, or how it compares
    nothing: str = ""  #: what to say where there are no bars
    wide: bool = False
    legend: Sequence[tuple[str, str]] = ()  #: kinds of marks and what they mean
    most: int = DRAWN  #: as many bars are drawn
    line: LineChart | None = None  #: what is drawn over time, instead of bars

    @property
    def drawn(self) -> Sequence[Bar]:
        return self.bars[: self.most]

    @property
    def left(self) -> int:
        """How many bars only the table has."""
        return len(self.bars) - len(self.drawn)


@dataclass(frozen=True)
class Tile(Defined):
    """One number that matters, and a sentence that compares it."""

    figure: Figure = Figure("–")
    sentence: str = ""


#: What an app registers: it makes a tile or a chart of a slice, or None where it has nothing to show.
TileReport = Callable[[Slice], Tile | None]
ChartReport = Callable[[Slice], Chart | None]
Made = TypeVar("Made", Tile, Chart)


@dataclass
class Dashboard:
    """What the apps have registered."""

    tiles: list[tuple[int, TileReport]] = field(default_factory=list)
    charts: list[tuple[int, ChartReport]] = field(default_factory=list)
    #: The noun without whose records there is nothing to show.
    subject: type[Noun] | None = None

    def tile(self, *, rank: int) -> Callable[[TileReport], TileReport]:
        """Show what the function makes as a tile, the lowest rank first."""
        return _register_in(self.tiles, rank)

    def chart(self, *, rank: int) -> Callable[[ChartReport], ChartReport]:
        """Show what the function makes as a chart; None is not shown."""
        return _register_in(self.charts, rank)


def _register_in(
    reports: list[tuple[int, Callable[[Slice], Made | None]]], rank: int
) -> Callable[[Callable[[Slice], Made | None]], Callable[[Slice], Made | None]]:
    def register(report: Callable[[Slice], Made | None]) -> Callable[[Slice], Made | None]:
        reports.append((rank, report))
        reports.sort(key=lambda each: each[0])
        return report

    return register


#: The tenant's dashboard.
dashboard = Dashboard()
