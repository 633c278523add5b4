"""The answers of named reports: the value, that of the previous period, the series, and what changed
since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from headlessly.database import timeouts
from headlessly.declaration import days
from headlessly.declaration.surface import WORKERS
from headlessly.errors import InvalidFilter
from headlessly.query import money, names, periods, reads, series
from headlessly.query.named_reports import Measured, Report, Value, measure, reports
from headlessly.query.periods import Period
from headlessly.query.reports import Slice

if TYPE_CHECKING:
    from headlessly.declaration.schema import Field

#: The time limit for one statement of a report, in milliseconds; a point of a series needs one or a few.
PATIENCE = 10_000
#: Values of a narrowing that mean "without", and the caller.
NONE, ME = "-", "me"


def read_narrowing(field: Field, text: str) -> str | None:
    """Returns the id for ``owner=...``: an id, the name of exactly one record, ``me``, or ``-`` for None,
    which means without. Raises InvalidFilter."""
    if text == NONE:
        return None
    if text == ME and field.name in WORKERS:
        return names.own_contact(field.wire)
    try:
        return field.clean(names.resolve_name(field, text), text=True)
    except ValueError as problem:
        raise InvalidFilter(f"{field.wire}: {problem}", field=field.wire) from None


def describe_reports() -> dict[str, Any]:
    """Returns all reports: their names and definitions, and their parameters."""
    return {"reports": [report.as_json() for report in reports.by_name.values()]}


def report_as_json(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a report with its value, that of the previous period, its series and its list.

    Raises NotFound for an unknown report, InvalidFilter, which names the parameter and what is allowed, and
    TooSlow, which says what to narrow.
    """
    report = reports.require(name)
    asked = {key: str(text) for key, text in given.items() if text not in (None, "")}
    _refuse_unknown(report, asked)
    if report.answer is not None:
        return report.answer(asked)
    slice = read_slice(asked)
    since = reads.check_moment(asked.get("since") or None, "since")
    if since is not None:
        periods.check_day(days.day_of(since), "since")
    with timeouts.statement_timeout(PATIENCE):
        # Announce that both periods are needed, so that they can be read in one pass.
        earlier = slice.before if report.over_time else None
        found = report.as_json() | measure(report, slice).as_json()
        if since is not None:
            found["since"] = _change_since(report, slice, since)
        if earlier is None:
            return found
        before = measure(report, earlier).as_json()
        found["period"] = _period_json(slice.period)
        found["before"] = before | {"period": _period_json(earlier.period)}
        if report.has_series:
            found["by"] = series.step_of(slice.period)
            found["series"] = [
                {"start": part.period.first, "end": part.period.end} | _without_list(each)
                for part, each in measure_series(report, slice)
            ]
    return found


def measure_series(report: Report, slice: Slice) -> list[tuple[Slice, Measured]]:
    """Returns the series of a report: each day, week or month of the period, with its result."""
    parts = series.parts_of(slice)
    if report.counted_by:
        records = measure(report, slice).records
        assert records is not None, "What is counted by a field has a list."
        if report.grouped_by:
            groups = slice.cached(
                series.groups_by_part, records.noun, report.counted_by, *report.grouped_by
            )
            counts = [each.total() for each in groups]
        else:
            counts = series.count_by_part(records, report.counted_by, parts)
        return [(part, Measured(count)) for part, count in zip(parts, counts, strict=True)]
    return [(part, measure(report, part)) for part in parts]


def _change_since(report: Report, slice: Slice, since: datetime) -> dict[str, Any]:
    """Returns the same report as of ``since``, and how much it has changed from then."""
    then = measure(report, slice.at(since))
    change = difference(measure(report, slice).value, then.value)
    return {"asOf": since} | then.as_json() | {"difference": change}


def difference(new: Value, old: Value) -> Any:
    """Returns by how much a value grew, for amounts in each currency; None if one of them is unknown."""
    if isinstance(new, money.Amounts) and isinstance(old, money.Amounts):
        now, then = new.by_currency, old.by_currency
        return {c: float(now.get(c, 0) - then.get(c, 0)) for c in sorted({*now, *then})}
    if isinstance(new, int | float) and isinstance(old, int | float):
        return new - old
    return None


def _without_list(measured: Measured) -> dict[str, Any]:
    return {name: said for name, said in measured.as_json().items() if name != "list"}


def _refuse_unknown(report: Report, asked: Mapping[str, str]) -> None:
    for name in asked:
        if name not in report.parameters:
            raise InvalidFilter(
                f"{report.name} takes no {name[:64]!r}. It takes: {', '.join(report.parameters)}.",
                field=name[:64],
            )


def read_slice(asked: Mapping[str, str]) -> Slice:
    """Returns the slice to measure: a period, what it is narrowed to, a moment. Raises InvalidFilter."""
    as_of = reads.check_moment(asked.get("asOf"))
    day = as_of and days.day_of(as_of)
    narrowed = {
        each.name: read_narrowing(each, asked[each.wire])
        for each in reports.fields()
        if each.wire in asked
    }
    return Slice(periods.read_period(asked, day), narrowed, as_of)


def _period_json(period: Period) -> dict[str, date]:
    return {"from": period.first, "to": period.last}
