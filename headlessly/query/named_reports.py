"""Numbers by name: each is declared once, and every surface reads it here.

An app declares a function that measures a slice; its docstring is the definition that people and programs
read::

    @reports.declare("newLeads", gettext_lazy("New leads"), unit="leads")
    def new_leads(slice: Slice) -> Measured:
        \"\"\"The leads created in the period.\"\"\"

Its series is the same function asked of the days, weeks or months of the period, so that a point cannot
mean anything else than the number does (:mod:`headlessly.query.report_answers`). A report with ``columns``
is a table: a row for each source, stage or month, with a number in each column.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headlessly.declaration.schema import wire_name
from headlessly.errors import NotFound, did_you_mean
from headlessly.query import money, querystring
from headlessly.query.reports import Records, Slice

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: The context of definitions in the catalogues of translations.
DEFINITION = "definition"
#: What a number can be: how many or how much, in words, or amounts of money; None where there is nothing to
#: measure.
Value = Decimal | float | str | money.Amounts | None


@dataclass(frozen=True)
class Column:
    """One of the numbers that each row of a report has, in a unit as a report's own."""

    name: str
    title: Any  #: marked for translation
    unit: str
    over_time: bool = True  #: whether it is about the period: what counts the present is not
    adds: bool = False  #: whether all rows together come to their sum

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "title": str(self.title), "unit": self.unit}


@dataclass(frozen=True)
class Row:
    """A part of what a report measures: its values by column, and the lists behind them."""

    key: str | None  #: what it is of, as an address says it; None for those without
    name: str  #: the same in words
    values: Mapping[str, Value]
    #: Or what makes them: a row of the period before is asked for its values alone.
    list_records: Mapping[str, Records | None] | Callable[[], Mapping[str, Records | None]] = field(
        default_factory=dict
    )
    as_of: datetime | None = None  #: where it is of another moment than the report is
    colleague: str | None = None  #: the contact of who works here, where it is of one
    is_rest: bool = False  #: whether it is all that have no row of their own

    @property
    def lists(self) -> Mapping[str, Records | None]:
        """The records behind the values, by column."""
        found = self.list_records
        return found() if callable(found) else found

    def as_json(self) -> dict[str, Any]:
        """Its values by column, money one number per currency with all of it in ``converted``."""
        found: dict[str, Any] = {"key": self.key, "name": self.name}
        found |= {"asOf": self.as_of} if self.as_of else {}
        found |= {"rest": True} if self.is_rest else {}
        found |= {name: value_as_json(value) for name, value in self.values.items()}
        amounts = {n: v for n, v in self.values.items() if isinstance(v, money.Amounts)}
        converted = {n: v.conversion_as_json() for n, v in amounts.items() if v.is_mixed}
        found |= {"converted": converted} if converted else {}
        lists = {name: list_as_json(each) for name, each in self.lists.items() if each}
        return found | {"lists": lists}


@dataclass(frozen=True)
class Measured:
    """What a report says of a slice: its value, the records behind it, which a list shows, and its rows."""

    value: Value
    records: Records | None = None
    count: int | None = None  #: of how many records it is the middle, where it is one
    rows: Sequence[Row] | None = None  #: None for a report without columns
    #: What all rows come to in columns that are not added up, such as shares.
    together: Mapping[str, Value] = field(default_factory=dict)
    #: The records behind what all rows come to, by column.
    lists: Mapping[str, Records | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """``value``, for money one number per currency with ``converted``; ``list`` and ``rows``."""
        found: dict[str, Any] = {"value": value_as_json(self.value)}
        if isinstance(self.value, money.Amounts):
            found["converted"] = self.value.conversion_as_json()
        if self.count is not None:
            found["count"] = self.count
        found["list"] = self.records and list_as_json(self.records)
        if self.rows is not None:
            found["rows"] = [row.as_json() for row in self.rows]
        return found


def value_as_json(value: Value) -> Any:
    """A value as JSON says it: amounts by currency."""
    if isinstance(value, money.Amounts):
        return value.as_json()
    return float(value) if isinstance(value, Decimal) else value


def percent(part: float, whole: float) -> float | None:
    """The part in percent of the whole; None of nothing."""
    return part / whole * 100 if whole else None


def list_as_json(records: Records) -> dict[str, Any]:
    """The list behind a number: a noun, its filter, and for the past the moment that it is of."""
    said: dict[str, Any] = {"type": records.noun.__name__, "filter": records.filter}
    return said | ({"asOf": records.as_of} if records.as_of else {})


Measure = Callable[[Slice], Measured]
#: What answers a report with parameters of its own, of these as texts.
Answer = Callable[[Mapping[str, str]], dict[str, Any]]


@dataclass(frozen=True)
class Report:
    """One number by name, or a table of some; either ``measure`` makes it of a slice, or ``answer`` of
    parameters of its own."""

    name: str
    title: Any  #: marked for translation
    definition: str
    unit: str
    measure: Measure | None = None
    over_time: bool = True  #: whether it is about a period: what counts the present is not
    columns: tuple[Column, ...] = ()  #: of its rows
    row_title: Any = ""  #: what its rows are of, marked for translation
    answer: Answer | None = None
    #: The day or moment (on the wire) by which it counts its list, where it does no more than that.
    counted_by: str = ""
    #: The columns by which other reports count the same records: all are counted in one pass.
    grouped_by: tuple[str, ...] = ()
    own_parameters: tuple[str, ...] = ()
    icon: str = ""  #: of Material Symbols: of a table whose page stands in the menu
    #: Whether pages lead to it, for the tenant at hand.
    is_offered: Callable[[], bool] = lambda: True

    @property
    def has_series(self) -> bool:
        """Whether it is measured over time: a table is not."""
        return self.over_time and not self.columns

    @property
    def has_rows(self) -> bool:
        """Whether it is measured as rows: one that answers by itself is shown by a page of its own."""
        return bool(self.columns) and self.measure is not None

    @property
    def parameters(self) -> tuple[str, ...]:
        """What it can be asked with."""
        if self.measure is None:
            return self.own_parameters
        found = ("period", "from", "to") if self.over_time else ()
        return (*found, *(n.wire for n in reports.fields()), "asOf", "since")

    def as_json(self) -> dict[str, Any]:
        """What there is to know before asking."""
        return {
            "name": self.name,
            "title": str(self.title),
            "definition": self.definition,
            "unit": self.unit,
            "parameters": list(self.parameters),
        } | ({"columns": [each.as_json() for each in self.columns]} if self.columns else {})


def measure(report: Report, slice: Slice) -> Measured:
    """What a report says of a slice, measured once for all that show it."""
    assert report.measure is not None
    return slice.cached(report.measure)


@dataclass
class Reports:
    """What the apps have declared, and what reports are narrowed by."""

    by_name: dict[str, Report] = field(default_factory=dict)
    #: Rank, noun, and the name of its reference.
    narrowings: list[tuple[int, type[Record], str]] = field(default_factory=list)

    def declare(
        self,
        name: str,
        title: Any,
        *,
        unit: str,
        over_time: bool = True,
        columns: Sequence[Column] = (),
        row_title: Any = "",
        counted_by: str = "",
        grouped_by: Sequence[str] = (),
        icon: str = "",
        is_offered: Callable[[], bool] = lambda: True,
    ) -> Callable[[Measure], Measure]:
        """Declare the function as the report ``name``; its docstring is the definition."""

        def declared(measure: Measure) -> Measure:
            said = " ".join(inspect.getdoc(measure).split())  # type: ignore[union-attr]
            self.add(
                Report(
                    name,
                    title,
                    said,
                    unit,
                    measure,
                    over_time,
                    tuple(columns),
                    row_title,
                    counted_by=counted_by,
                    grouped_by=tuple(grouped_by),
                    icon=icon,
                    is_offered=is_offered,
                )
            )
            return measure

        return declared

    def add(self, report: Report) -> None:
        """Add a report. Raises ValueError for a second one of the same name."""
        if report.name in self.by_name:
            raise ValueError(f"There are two reports {report.name}.")
        self.by_name[report.name] = report

    def narrow(self, noun: type[Record], name: str, *, rank: int) -> None:
        """Let everything be narrowed to one record that the reference ``name`` of ``noun`` leads to; a path
        leads further, ``owner.team``."""
        self.narrowings.append((rank, noun, name))
        self.narrowings.sort(key=lambda each: each[0])

    def fields(self) -> list[Field]:
        """The references that reports are narrowed by, in order."""
        return [
            replace(querystring.field_at_path(noun, name), name=name, wire=wire_name(name))
            for _rank, noun, name in self.narrowings
        ]

    def require(self, name: str) -> Report:
        """The report of that name. Raises NotFound, which lists what there is."""
        if (found := self.by_name.get(name)) is None:
            close = did_you_mean(name, self.by_name)
            raise NotFound(
                f"There is no report {name[:64]!r}.{close} Reports: {', '.join(self.by_name)}."
            )
        return found


#: All reports of the product.
reports = Reports()
