"""Named reports: numbers that are declared once and that every surface reads here.

An app declares a function that measures a slice; its docstring is the definition that people and programs
read::

    @reports.declare("newLeads", gettext_lazy("New leads"), unit="leads")
    def new_leads(slice: Slice) -> Measured:
        \"\"\"The leads created in the period.\"\"\"

The series of a report calls the same function for the days, weeks or months of the period, so that a point
means the same as the number (:mod:`headlessly.query.report_answers`). A report with ``columns`` is a table: a
row for each source, stage or month, with a number in each column.
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
#: A count, an amount, text, or amounts of money; None if there is nothing to measure.
Value = Decimal | float | str | money.Amounts | None


@dataclass(frozen=True)
class Column:
    """One of the numbers in each row of a report, with a unit like a report's own."""

    name: str
    title: Any  #: marked for translation
    unit: str
    over_time: bool = True  #: false if it counts the present and not the period
    adds: bool = False  #: whether the rows add up to a total

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "title": str(self.title), "unit": self.unit}


@dataclass(frozen=True)
class Row:
    """A row of a report: its values by column, and the lists behind them."""

    key: str | None  #: the value of its group in an address; None for records without one
    name: str  #: its name, for people
    values: Mapping[str, Value]
    #: Or a function that makes them: for the previous period only the values are needed.
    list_records: Mapping[str, Records | None] | Callable[[], Mapping[str, Records | None]] = field(
        default_factory=dict
    )
    as_of: datetime | None = None  #: if its moment is not that of the report
    colleague: str | None = None  #: the contact of a member, if the row is about one
    is_rest: bool = False  #: whether it has everything without a row of its own

    @property
    def lists(self) -> Mapping[str, Records | None]:
        """The records behind the values, by column."""
        found = self.list_records
        return found() if callable(found) else found

    def as_json(self) -> dict[str, Any]:
        """Returns its values by column; money is one number per currency, with totals in ``converted``."""
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
    """The result of a report for a slice: its value, the records behind it, and its rows."""

    value: Value
    records: Records | None = None
    count: int | None = None  #: the number of records, for a median
    rows: Sequence[Row] | None = None  #: None for a report without columns
    #: What all rows come to in columns that are not added up, such as shares.
    together: Mapping[str, Value] = field(default_factory=dict)
    #: The records behind what all rows come to, by column.
    lists: Mapping[str, Records | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Returns ``value`` (for money one number per currency, with ``converted``), ``list`` and
        ``rows``."""
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
    """Returns a value for JSON: amounts by currency."""
    if isinstance(value, money.Amounts):
        return value.as_json()
    return float(value) if isinstance(value, Decimal) else value


def percent(part: float, whole: float) -> float | None:
    """Returns the part in percent of the whole; None if the whole is zero."""
    return part / whole * 100 if whole else None


def list_as_json(records: Records) -> dict[str, Any]:
    """Returns the list behind a number: a noun, its filter and, for the past, the moment."""
    said: dict[str, Any] = {"type": records.noun.__name__, "filter": records.filter}
    return said | ({"asOf": records.as_of} if records.as_of else {})


Measure = Callable[[Slice], Measured]
#: Answers a report with its own parameters, given as texts.
Answer = Callable[[Mapping[str, str]], dict[str, Any]]


@dataclass(frozen=True)
class Report:
    """A number with a name, or a table of numbers. ``measure`` computes it for a slice, or ``answer`` from
    its own parameters."""

    name: str
    title: Any  #: marked for translation
    definition: str
    unit: str
    measure: Measure | None = None
    over_time: bool = True  #: false if it counts the present and not a period
    columns: tuple[Column, ...] = ()  #: of its rows
    row_title: Any = ""  #: what each row stands for, marked for translation
    answer: Answer | None = None
    #: The day or moment (on the wire) by which it counts its list, if it only counts.
    counted_by: str = ""
    #: The columns by which other reports count the same records: all are counted in one pass.
    grouped_by: tuple[str, ...] = ()
    own_parameters: tuple[str, ...] = ()
    icon: str = ""  #: of Material Symbols, for a table whose page is in the menu
    #: Whether pages link to it for the active tenant.
    is_offered: Callable[[], bool] = lambda: True

    @property
    def has_series(self) -> bool:
        """Whether it is measured over time; a table is not."""
        return self.over_time and not self.columns

    @property
    def has_rows(self) -> bool:
        """Whether it is measured as rows; a report that answers by itself has its own page."""
        return bool(self.columns) and self.measure is not None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of a request for it."""
        if self.measure is None:
            return self.own_parameters
        found = ("period", "from", "to") if self.over_time else ()
        return (*found, *(n.wire for n in reports.fields()), "asOf", "since")

    def as_json(self) -> dict[str, Any]:
        """Returns what clients need to know before asking."""
        return {
            "name": self.name,
            "title": str(self.title),
            "definition": self.definition,
            "unit": self.unit,
            "parameters": list(self.parameters),
        } | ({"columns": [each.as_json() for each in self.columns]} if self.columns else {})


def measure(report: Report, slice: Slice) -> Measured:
    """Returns the result of a report for a slice, computed once for all who show it."""
    assert report.measure is not None
    return slice.cached(report.measure)


@dataclass
class Reports:
    """The declared reports, and the references by which all of them can be narrowed."""

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
        """Add a report. Raises ValueError if the name is taken."""
        if report.name in self.by_name:
            raise ValueError(f"There are two reports {report.name}.")
        self.by_name[report.name] = report

    def narrow(self, noun: type[Record], name: str, *, rank: int) -> None:
        """Let all reports be narrowed to one record that the reference ``name`` of ``noun`` leads to. It may
        be a path: ``owner.team``."""
        self.narrowings.append((rank, noun, name))
        self.narrowings.sort(key=lambda each: each[0])

    def fields(self) -> list[Field]:
        """Returns the references by which reports are narrowed, in order."""
        return [
            replace(querystring.field_at_path(noun, name), name=name, wire=wire_name(name))
            for _rank, noun, name in self.narrowings
        ]

    def require(self, name: str) -> Report:
        """Returns the report with this name. Raises NotFound with the names that exist."""
        if (found := self.by_name.get(name)) is None:
            close = did_you_mean(name, self.by_name)
            raise NotFound(
                f"There is no report {name[:64]!r}.{close} Reports: {', '.join(self.by_name)}."
            )
        return found


reports = Reports()
