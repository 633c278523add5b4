"""Aggregation: records counted, added up and averaged by group, the same for every surface.

One pass over the records computes everything that adds up; medians need a statement of their own. Amounts are
one number per currency, with a converted total beside them if all rates are known
(:mod:`headlessly.query.money`). The number of groups and the time are limited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Aggregate, Count, F, FloatField, Max, Min, QuerySet, Sum, Value
from django.db.models import CharField as Char

from headlessly.access import tenancy
from headlessly.database import timeouts
from headlessly.declaration import values
from headlessly.errors import InvalidFilter
from headlessly.query import measures, money, paging, reads
from headlessly.query.measures import COMPARISONS, DEFAULT_LIMIT, MAX_GROUPS, Group, Measure
from headlessly.query.missing_rates import missing_rates
from headlessly.query.scope import Scope

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Maximum number of rows read to build the groups: each currency and each day of its rates is a row.
MAX_ROWS = 100_000


class Median(Aggregate):
    """The median, between two values if necessary; NULL without any."""

    function = "percentile_cont"
    name = "Median"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY (%(expressions)s)::float8)"
    output_field = FloatField()


@dataclass(frozen=True)
class Aggregation:
    """The groups, each with its values and its measures by name, and whether there are more."""

    groups: list[dict[str, Any]]
    has_more: bool
    missing_rates: Sequence[str] = ()  #: currencies whose amounts a range leaves out

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"groups": self.groups, "hasMore": self.has_more}
        return found | ({"missingRates": [*self.missing_rates]} if self.missing_rates else {})


@dataclass
class Found:
    """What is known of one group so far; money by currency."""

    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Any] = field(default_factory=dict)
    ends: dict[str, dict[str | None, Any]] = field(default_factory=dict)
    medians: dict[str, dict[str | None, float]] = field(default_factory=dict)
    by_currency: dict[str, dict[str, tuple[Decimal, int]]] = field(default_factory=dict)
    amounts: dict[str, money.Amounts] = field(default_factory=dict)


def aggregate(
    noun: type[Record],
    filter: Mapping[str, Any] | None = None,
    *,
    group: Any = (),
    measure: Any = ("count",),
    by: str | None = None,
    conditions: Sequence[Mapping[str, Any]] = (),
    having: Mapping[str, Any] | None = None,
    sort: Any = None,
    limit: Any = None,
    q: str | None = None,
    as_of: Any = None,
    zone: Any = None,
) -> Aggregation:
    """Returns measures of the matching records by group. Raises InvalidFilter, which names the parameter.

    ``group`` are fields, at most two references away. ``by`` is a period of time, ``month(createdAt)``, in
    ``zone`` (UTC). ``measure`` is ``count``, or ``sum``, ``avg``, ``median``, ``min``, ``max`` or ``count``
    of a field; recurring amounts have to be grouped by their interval. ``having`` compares measures. ``sort``
    names groups and measures, in descending order with a minus; by default the groups are in the order of
    their values. Amounts are ``{"USD": 1.0}``.
    """
    scope = Scope(noun, reads.check_moment(as_of))
    groups = measures.read_groups(scope, group)
    if period := measures.read_period(scope, by, measures.read_zone(zone)):
        groups.append(period)
    wanted = measures.read_measures(noun, measure)
    measures.check_intervals(noun, groups, wanted)
    size = reads.check_whole_number("limit", limit, DEFAULT_LIMIT, 1, MAX_GROUPS)
    order = measures.read_sort(sort, groups, wanted)
    checks = measures.read_having(having, wanted)
    search = reads.make_search(scope, q)
    records = paging.RecordList(scope, (), (filter, *conditions), search)
    try:
        with timeouts.statement_timeout():
            found, _many = paging.narrow_by_search(records.queryset, search)
            counted = _count(_Question(scope, found, groups, wanted))
            missing = missing_rates(scope, (filter, *conditions), search)
    except timeouts.TooSlow as problem:
        raise InvalidFilter(
            "This takes too long. Narrow it by a filter: a period of createdAt, a status, an owner."
        ) from problem
    rows = [_as_json(key, each, groups, wanted) for key, each in counted.items()]
    rows = [row for row in rows if _fulfils(row, checks)]
    for name, descending in reversed(order):
        rows.sort(key=lambda row: _sort_value(row, name, descending), reverse=descending)
    return Aggregation(rows[:size], len(rows) > size, missing)


@dataclass(frozen=True)
class _Question:
    """The records, their groups, and what is measured."""

    scope: Scope
    found: QuerySet[Any]
    groups: Sequence[Group]
    measures: Sequence[Measure]

    @property
    def money(self) -> bool:
        return any(m.is_money for m in self.measures)

    @cached_property
    def columns(self) -> dict[str, Any]:
        """The expressions that make a group, by name; for amounts also the currency and the day of its
        rate."""
        made: dict[str, Any] = {f"_g{n}": each.expression for n, each in enumerate(self.groups)}
        if self.money:
            schema, own = self.scope.noun.schema, tenancy.require().currency
            made["_currency"] = (
                F(schema.currency.attname) if schema.currency else Value(own, output_field=Char())
            )
            if money.has_rates():
                made["_day"] = money.day_of_rate(schema, own, self.scope.moment)
        return made

    def rows(self, columns: Sequence[str], sums: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Returns a row for each combination of values in these columns: the values, followed by the ``sums``
        of its records. Without columns that is one row."""
        found = self.found.order_by()
        if not columns:
            return [tuple(found.aggregate(**sums).values())]
        found = found.annotate(**{name: self.columns[name] for name in columns}).values(*columns)
        # A median is not among the sums: without sums each group still has to be one row.
        found = found.annotate(**sums) if sums else found.distinct()
        return list(found.values_list(*columns, *sums)[: MAX_ROWS + 1])


def _count(question: _Question) -> dict[tuple[Any, ...], Found]:
    columns = list(question.columns)
    sums = {
        f"_m{n}_{part}": function
        for n, each in enumerate(question.measures)
        for part, function in _parts(each).items()
    }
    read = question.rows(columns, sums)
    width, names = len(question.groups), list(sums)
    groups: dict[tuple[Any, ...], Found] = {}
    more = len(columns) - width
    rates = _rates(read, columns)
    for row in read:
        key, (currency, day) = row[:width], (*row[width : width + more], None, None)[:2]
        given = dict(zip(names, row[width + more :], strict=True))
        found = groups.setdefault(tuple(key), Found())
        for n, each in enumerate(question.measures):
            parts = {
                name.rpartition("_")[2]: given[name] for name in given if name.startswith(f"_m{n}_")
            }
            _add(found, each, parts, currency, day, rates)
    if len(groups) > MAX_GROUPS or len(read) > MAX_ROWS:
        raise InvalidFilter(
            f"There are more than {values.group_thousands(MAX_GROUPS)} groups. "
            "Group by fewer fields, or narrow the filter.",
            field="group",
        )
    if not question.groups and not groups:
        groups[()] = Found()
    if any(m.function == "median" for m in question.measures):
        _add_medians(question, groups)
    return groups


def _parts(measure: Measure) -> dict[str, Any]:
    """Returns the aggregates that a measure needs in the statement."""
    if measure.field is None:
        return {"count": Count("*")}
    column = measure.field.column
    match measure.function:
        case "count":
            return {"count": Count(column)}
        case "sum":
            return {"sum": Sum(column)}
        case "avg":
            return {"sum": Sum(column), "count": Count(column)}
        case "min":
            return {"end": Min(column)}
        case "max":
            return {"end": Max(column)}
    return {}


def _rates(read: Sequence[Any], columns: list[str]) -> money.Rates | None:
    if "_day" not in columns:
        return None
    at = columns.index("_currency")
    return money.Rates((row[at], row[at + 1]) for row in read)


def _add(
    found: Found,
    measure: Measure,
    parts: Mapping[str, Any],
    currency: str | None,
    day: date | None,
    rates: money.Rates | None,
) -> None:
    """Add a row of the statement to its group."""
    name = measure.name
    if "end" in parts:
        if (end := parts["end"]) is not None:
            own = currency if measure.is_money else None
            known = found.ends.setdefault(name, {}).get(own)
            pick = min if measure.function == "min" else max
            found.ends[name][own] = end if known is None else pick(known, end)
        return
    if not measure.is_money:
        found.counts[name] = found.counts.get(name, 0) + (parts.get("count") or 0)
        if (total := parts.get("sum")) is not None:
            found.sums[name] = found.sums.get(name, 0) + total
        return
    amount = parts.get("sum")
    if amount is None or currency is None:
        return
    if measure.function == "avg":
        by_currency = found.by_currency.setdefault(name, {})
        total, count = by_currency.get(currency, (Decimal(0), 0))
        by_currency[currency] = (total + amount, count + parts["count"])
    else:
        own = tenancy.require().currency
        sums = found.amounts.setdefault(name, money.Amounts(own))
        rate, used = rates.between(currency, own, day) if rates else (None, [])
        sums.add(currency, amount, Decimal(1) if currency == own else rate, *used)


def _add_medians(question: _Question, groups: dict[tuple[Any, ...], Found]) -> None:
    asked = [m for m in question.measures if m.function == "median"]
    for is_money in (False, True):
        wanted = [m for m in asked if m.is_money is is_money]
        if not wanted:
            continue
        width = len(question.groups) + is_money
        medians = {f"_m{n}": Median(m.field.column) for n, m in enumerate(wanted) if m.field}
        for row in question.rows(list(question.columns)[:width], medians):
            found = groups.get(tuple(row[: len(question.groups)]))
            own = row[width - 1] if is_money else None
            for measure, value in zip(wanted, row[width:], strict=True):
                if found is not None and value is not None:
                    found.medians.setdefault(measure.name, {})[own] = value


# -- the answer ---------------------------------------------------------------------------------------------


def _as_json(
    key: tuple[Any, ...], found: Found, groups: Sequence[Group], wanted: Sequence[Measure]
) -> dict[str, Any]:
    row = {g.name: _plain(g.value(value)) for g, value in zip(groups, key, strict=True)}
    row |= {m.name: _measured(found, m) for m in wanted}
    converted = {
        name: sums.conversion_as_json() for name, sums in found.amounts.items() if sums.is_mixed
    }
    return row | ({"converted": converted} if converted else {})


def _measured(found: Found, measure: Measure) -> Any:
    name = measure.name
    match measure.function:
        case "median":
            known = found.medians.get(name, {})
            return known if measure.is_money else known.get(None)
        case "min" | "max":
            ends = {c: _plain(end) for c, end in found.ends.get(name, {}).items()}
            return ends if measure.is_money else ends.get(None)
        case "sum" if measure.is_money:
            return found.amounts[name].as_json() if name in found.amounts else {}
        case "avg" if measure.is_money:
            pairs = sorted(found.by_currency.get(name, {}).items())
            return {c: float(total / count) for c, (total, count) in pairs if count}
        case "sum":
            return _plain(found.sums.get(name, 0))
        case "avg":
            count = found.counts.get(name, 0)
            return float(found.sums[name]) / count if count else None
    return found.counts.get(name, 0)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else values.to_json_value(value)


def converted_amounts(row: Mapping[str, Any], name: str) -> Mapping[str, float]:
    """Returns the amounts of a group by currency; the converted total alone if there is one."""
    converted = row.get("converted", {}).get(name)
    if converted is not None and converted["value"] is not None:
        return {converted["currency"]: converted["value"]}
    amounts: Mapping[str, float] = row[name]
    return amounts


def comparable_value(row: Mapping[str, Any], name: str) -> Any:
    """Returns a value of a group as it is compared: for amounts the converted total, or that of the only
    currency."""
    value = row.get(name)
    if not isinstance(value, Mapping):
        return value
    if (converted := row.get("converted", {}).get(name)) is not None:
        return converted["value"]
    return next(iter(value.values())) if len(value) == 1 else None


def _fulfils(row: Mapping[str, Any], checks: Sequence[tuple[str, str, float]]) -> bool:
    return all(
        COMPARISONS[operator](comparable_value(row, name), x) for name, operator, x in checks
    )


def _sort_value(row: Mapping[str, Any], name: str, descending: bool) -> tuple[bool, Any]:
    """Returns the key by which rows are sorted: nulls last in either direction."""
    value = comparable_value(row, name)
    return (not descending, 0) if value is None else (descending, value)
