"""What a dashboard is made of, and where the apps put it: tiles and charts.

An app registers functions that make a tile or a chart of a slice; the page shows them in their order::

    @dashboard.tile(rank=1)
    def new_leads(slice: Slice) -> Tile:
        found = slice.once(reports.funnel)
        return Tile(_("New leads"), number_figure(found.all, reports.lead_cohort(slice)))

Every number is a :class:`Figure`, which knows the list behind it. A chart is drawn from the same numbers
that its table says in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from headlessly.admin import display
from headlessly.nouns import Noun
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
    """One line of a chart: what it is of, the number at its end, its shapes, and its row of the table."""

    label: Figure | str
    figure: Figure
    marks: Sequence[Mark] = ()
    note: str = ""
    row: Sequence[Figure | str] = ()


@dataclass(frozen=True)
class Chart:
    """Bars below each other, a sentence about them, and a table that says the same."""

    title: str
    bars: Sequence[Bar] = ()
    columns: Sequence[str] = ()  #: heads of the table, that of the label first
    note: str = ""  #: what is counted, or how it compares
    nothing: str = ""  #: what to say where there are no bars
    wide: bool = False
    legend: Sequence[tuple[str, str]] = ()  #: kinds of marks and what they mean
    most: int = DRAWN  #: as many bars are drawn

    @property
    def drawn(self) -> Sequence[Bar]:
        return self.bars[: self.most]

    @property
    def left(self) -> int:
        """How many bars only the table has."""
        return len(self.bars) - len(self.drawn)


@dataclass(frozen=True)
class Tile:
    """One number that matters, and a sentence that compares it."""

    title: str
    figure: Figure
    sentence: str = ""
    definition: str = ""  #: what the number means, for who points at its title


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
