"""Numbers by name: each is declared once, and every surface reads it here.

An app declares a function that measures a slice; its docstring is the definition that people and programs
read::

    @reports.declare("newLeads", gettext_lazy("New leads"), unit="leads", past=True)
    def new_leads(slice: Slice) -> Measured:
        \"\"\"The leads created in the period.\"\"\"

Its series is the same function asked of the days, weeks or months of the period, so that a point cannot
mean anything else than the number does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from headlessly.access import actors
from headlessly.database import timeouts
from headlessly.errors import InvalidFilter, NotFound, did_you_mean
from headlessly.query import money, periods, reads
from headlessly.query.periods import Period
from headlessly.query.reports import Records, Slice

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: How long one statement of a number may take in the database, in milliseconds; a point of a series is one
#: or a few.
PATIENCE = 10_000
#: A series has a point for each day up to so many days, else for each week, else for each month.
MOST_DAYS, MOST_WEEKS = 31, 190
#: What stands for "without" and for whoever asks.
NONE, ME = "-", "me"
#: The references that can be "me".
WORKERS = ("owner", "assignee")


@dataclass(frozen=True)
class Measured:
    """What a report says of a slice: a number, or None where there is nothing to measure, or amounts of
    money; and the records behind it, which a list shows."""

    value: Decimal | float | money.Amounts | None
    records: Records | None = None

    def as_json(self) -> dict[str, Any]:
        """``value``, for money one number per currency with ``converted``, and ``list``."""
        found: dict[str, Any] = {}
        if isinstance(self.value, money.Amounts):
            found = {
                "value": self.value.as_json(),
                "converted": self.value.conversion_as_json(),
            }
        else:
            found = {"value": self.value}
        return found | {"list": self.records and list_as_json(self.records)}


def list_as_json(records: Records) -> dict[str, Any]:
    """The list behind a number: a noun, its filter, and for the past the moment that it is of."""
    said: dict[str, Any] = {"type": records.noun.__name__, "filter": records.filter}
    return said | ({"asOf": records.as_of} if records.as_of else {})


Measure = Callable[[Slice], Measured]


@dataclass(frozen=True)
class Report:
    """One number by name; ``measure`` is None for one that is answered at an address of its own."""

    name: str
    title: Any  #: marked for translation
    definition: str
    unit: str
    measure: Measure | None = None
    over_time: bool = True  #: whether it has a series: what counts the present has none
    past: bool = False  #: whether it can be asked as of a moment
    own_parameters: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """What it can be asked with."""
        if self.measure is None:
            return self.own_parameters
        found = ("period", "from", "to") if self.over_time else ()
        return (
            *found,
            *(n.wire for n in reports.fields()),
            *(("asOf", "since") if self.past else ()),
        )

    def as_json(self) -> dict[str, Any]:
        """What there is to know before asking."""
        return {
            "name": self.name,
            "title": str(self.title),
            "definition": self.definition,
            "unit": self.unit,
            "parameters": list(self.parameters),
        }


@dataclass
class Reports:
    """What the apps have declared, and what reports are narrowed by."""

    by_name: dict[str, Report] = field(default_factory=dict)
    #: Rank, noun, and the name of its reference.
    narrowings: list[tuple[int, type[Record], str]] = field(default_factory=list)

    def declare(
        self, name: str, title: Any, *, unit: str, over_time: bool = True, past: bool = False
    ) -> Callable[[Measure], Measure]:
        """Declare the function as the report ``name``; its docstring is the definition."""

        def declared(measure: Measure) -> Measure:
            said = " ".join(inspect.getdoc(measure).split())  # type: ignore[union-attr]
            self.add(Report(name, title, said, unit, measure, over_time, past))
            return measure

        return declared

    def add(self, report: Report) -> None:
        """Add a report; one with parameters and an address of its own has no ``measure``."""
        if report.name in self.by_name:
            raise ValueError(f"There are two reports {report.name}.")
        self.by_name[report.name] = report

    def narrow(self, noun: type[Record], name: str, *, rank: int) -> None:
        """Let everything be narrowed to one record that the reference ``name`` of ``noun`` leads to."""
        self.narrowings.append((rank, noun, name))
        self.narrowings.sort(key=lambda each: each[0])

    def fields(self) -> list[Field]:
        """The references that reports are narrowed by, in order."""
        return [noun.schema.by_name[name] for _rank, noun, name in self.narrowings]

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


def read_narrowing(field: Field, text: str) -> str | None:
    """The id that an address means by ``owner=...``: an id, ``me``, or ``-`` for None, without. Raises
    InvalidFilter."""
    if text == NONE:
        return None
    if text == ME and field.name in WORKERS:
        if (person := actors.current().contact_id) is None:
            raise InvalidFilter(
                _("%(field)s: you are not linked to a contact here, so nothing is yours.")
                % {"field": field.wire},
                field=field.wire,
            )
        return person
    try:
        return field.clean(text, text=True)
    except ValueError as problem:
        raise InvalidFilter(f"{field.wire}: {problem}", field=field.wire) from None


def describe_reports() -> dict[str, Any]:
    """All reports: what each is called and means, and what it can be asked with."""
    return {"reports": [report.as_json() for report in reports.by_name.values()]}


def report_as_json(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A report of what is asked for: its value, that of the period before, its series and its list.

    Raises NotFound for another name, InvalidFilter that names the parameter and what is allowed, and
    TooSlow that says what to narrow.
    """
    report = reports.require(name)
    if report.measure is None:
        raise NotFound(f"{name} is answered at its own address, /reports/{name}.")
    asked = {key: str(text) for key, text in given.items() if text not in (None, "")}
    _refuse_unknown(report, asked)
    slice = _read_slice(asked)
    since = reads.check_moment(asked.get("since"), "since")
    with timeouts.statement_timeout(PATIENCE):
        found = report.as_json() | measure(report, slice).as_json()
        if since is not None:
            found["since"] = _change_since(report, slice, since)
        if not report.over_time:
            return found
        before = measure(report, slice.before)
        series = [
            {"start": part.period.first, "end": part.period.end} | _without_list(report, part)
            for part in _parts(slice)
        ]
    return found | {
        "period": _period_json(slice.period),
        "before": before.as_json() | {"period": _period_json(slice.before.period)},
        "by": _step(slice.period),
        "series": series,
    }


def measure(report: Report, slice: Slice) -> Measured:
    """What a report says of a slice, measured once for all that show it."""
    assert report.measure is not None
    return slice.cached(report.measure)


def _change_since(report: Report, slice: Slice, since: datetime) -> dict[str, Any]:
    """What the same number of the same days was at the moment ``since``, and by how much it grew."""
    now = measure(report, slice).value
    then = measure(report, Slice(slice.period, slice.narrowed, since))
    difference: Any = None
    if isinstance(now, money.Amounts) and isinstance(then.value, money.Amounts):
        new, old = now.by_currency, then.value.by_currency
        difference = {c: float(new.get(c, 0) - old.get(c, 0)) for c in sorted({*new, *old})}
    elif isinstance(now, int | float) and isinstance(then.value, int | float):
        difference = now - then.value
    return {"asOf": since} | then.as_json() | {"difference": difference}


def _without_list(report: Report, slice: Slice) -> dict[str, Any]:
    return {k: v for k, v in measure(report, slice).as_json().items() if k != "list"}


def _refuse_unknown(report: Report, asked: Mapping[str, str]) -> None:
    for name in asked:
        if name not in report.parameters:
            raise InvalidFilter(
                f"{report.name} takes no {name[:64]!r}. It takes: {', '.join(report.parameters)}.",
                field=name[:64],
            )


def _read_slice(asked: Mapping[str, str]) -> Slice:
    as_of = reads.check_moment(asked.get("asOf"))
    day = as_of and as_of.date()
    narrowed = {
        each.name: read_narrowing(each, asked[each.wire])
        for each in reports.fields()
        if each.wire in asked
    }
    return Slice(periods.read_period(asked, day), narrowed, as_of)


def _period_json(period: Period) -> dict[str, date]:
    return {"from": period.first, "to": period.last}


def _step(period: Period) -> str:
    length = (period.end - period.first).days
    return "day" if length <= MOST_DAYS else "week" if length <= MOST_WEEKS else "month"


def _parts(slice: Slice) -> list[Slice]:
    """The days, weeks (from Monday) or months of a slice; the first and the last may be cut by its ends."""
    step, start, found = _step(slice.period), slice.period.first, []
    while start < slice.period.end:
        if step == "day":
            end = start + timedelta(days=1)
        elif step == "week":
            end = start + timedelta(days=7 - start.weekday())
        else:
            end = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(end, slice.period.end)
        part = Period(start, end, "", start, end, "")
        found.append(Slice(part, slice.narrowed, slice.as_of))
        start = end
    return found
