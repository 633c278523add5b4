"""The parts of a dashboard, and where apps register them: tiles and charts.

An app registers functions that make a tile or a chart of a slice; the page shows them in their order::

    @dashboard.tile(rank=1)
    def new_leads(slice: Slice) -> Tile:
        return Tile("newLeads", report_figure("newLeads", slice))

Both show a named number (:mod:`headlessly.query.named_reports`) with its title and its definition. Every
number is a :class:`Figure`, which knows the list behind it. A chart is drawn from the same numbers that
its table shows as text.
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

#: How many bars are drawn, unless a chart says otherwise. The table has all.
DRAWN = 8


@dataclass(frozen=True)
class Figure:
    """A number or name as text, and the records that it is about."""

    text: str
    records: Records | None = None

    @property
    def url(self) -> str:
        """The address of the list of the records; empty without records."""
        if self.records is None:
            return ""
        return display.page_url(self.records.noun, "changelist") + self.records.query

    def __str__(self) -> SafeString:
        """Returns the text as a link to the list."""
        url = self.url
        if not url:
            return conditional_escape(self.text)
        return format_html('<a href="{}">{}</a>', url, self.text)

    __html__ = __str__


def number_figure(count: int, records: Records | None = None) -> Figure:
    return Figure(display.number(count), records)


@dataclass(frozen=True)
class Mark:
    """A shape in a bar: where it starts and how long it is, in percent of the bar's width, and how it
    looks (``kind``)."""

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
    """A bar of a chart: its label, the number at its end, and its shapes."""

    label: Figure | str
    figure: Figure
    marks: Sequence[Mark] = ()
    note: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of a report as text: its headings, and each row with its label."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Figure]]]


@dataclass(frozen=True)
class Defined:
    """Base of everything that shows a named number."""

    report: str

    @property
    def title(self) -> str:
        return str(reports.require(self.report).title)

    @property
    def definition(self) -> str:
        """The meaning of the number, for its tooltip."""
        return definition_text(reports.require(self.report))

    @property
    def definition_url(self) -> str:
        """The address of the definition on the page of all definitions."""
        return f"{reverse('admin:definitions')}#{self.report}"


def definition_text(report: Report) -> str:
    """Returns the definition of a report in the reader's language, with the labels of its fields."""
    return labels.fields_in_words(pgettext(DEFINITION, report.definition))


@dataclass(frozen=True)
class Chart(Defined):
    """Bars below each other or lines over time, a sentence about them, and a table with the same numbers."""

    bars: Sequence[Bar] = ()
    table: Table | None = None
    note: str = ""  #: what is counted, or what it is compared with
    nothing: str = ""  #: the text to show without bars
    wide: bool = False
    legend: Sequence[tuple[str, str]] = ()  #: kinds of marks and what they mean
    most: int = DRAWN  #: how many bars are drawn
    line: LineChart | None = None  #: lines over time, drawn instead of bars

    @property
    def drawn(self) -> Sequence[Bar]:
        return self.bars[: self.most]

    @property
    def left(self) -> int:
        """How many bars are only in the table."""
        return len(self.bars) - len(self.drawn)


@dataclass(frozen=True)
class Tile(Defined):
    """One important number, and a sentence that compares it."""

    figure: Figure = Figure("–")
    sentence: str = ""


#: The functions that an app registers. They make a tile or chart of a slice, or None if there is nothing
#: to show.
TileReport = Callable[[Slice], Tile | None]
ChartReport = Callable[[Slice], Chart | None]
Made = TypeVar("Made", Tile, Chart)


@dataclass
class Dashboard:
    """The registry of tiles and charts."""

    tiles: list[tuple[int, TileReport]] = field(default_factory=list)
    charts: list[tuple[int, ChartReport]] = field(default_factory=list)
    #: The noun without whose records there is nothing to show.
    subject: type[Noun] | None = None

    def tile(self, *, rank: int) -> Callable[[TileReport], TileReport]:
        """Registers a function that makes a tile. The lowest rank comes first."""
        return _register_in(self.tiles, rank)

    def chart(self, *, rank: int) -> Callable[[ChartReport], ChartReport]:
        """Registers a function that makes a chart. The lowest rank comes first."""
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
