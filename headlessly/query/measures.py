"""The terms of an aggregation: the groups, and what is measured for each.

``group=source,organization.industry``, ``by=month(createdAt)``, ``measure=count,sum(budget)``: each term is
checked against the schema, and keeps its spelling as the name in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import DateField, F, Func, OuterRef, Subquery, TextField
from django.db.models.functions import Trunc

from headlessly.context import fiscal_year
from headlessly.declaration import days
from headlessly.errors import InvalidFilter, did_you_mean
from headlessly.query import periods
from headlessly.query.filters import find_field
from headlessly.query.scope import Scope

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

#: How many groups and measures a question may have, and over how many references a group may lead.
MAX_FIELDS, MAX_MEASURES, MAX_REFERENCES = 4, 12, 2

FUNCTIONS = ("count", "sum", "avg", "median", "min", "max")
NUMBERS = ("number", "integer", "money")
MOMENTS = ("date", "datetime")
#: The periods of time, and the names of their values: 2026-11-28, 2026-W48, 2026-11, 2026-Q4, 2026. A fiscal
#: year has the number of the year in which it begins.
UNITS: dict[str, Callable[[date], str]] = {
    "day": date.isoformat,
    "week": lambda day: f"{day.isocalendar().year:04}-W{day.isocalendar().week:02}",
    "month": lambda day: f"{day.year:04}-{day.month:02}",
    "quarter": lambda day: (
        f"{days.start_of_stretch(day, 'year').year:04}-Q{periods.quarter_number(day)}"
    ),
    "year": lambda day: f"{day.year:04}",
}
#: The maximum number of groups of a question, and how many are answered by default.
MAX_GROUPS, DEFAULT_LIMIT = 10_000, 1_000
#: The comparisons of measures: ``having={"count": {"$gte": 10}}``.
COMPARISONS = {
    "$eq": lambda a, b: a == b,
    "$ne": lambda a, b: a != b,
    "$gt": lambda a, b: a is not None and a > b,
    "$gte": lambda a, b: a is not None and a >= b,
    "$lt": lambda a, b: a is not None and a < b,
    "$lte": lambda a, b: a is not None and a <= b,
}
#: Types that cannot be grouped by: long text, amounts, moments (use ``by``), JSON.
UNGROUPED = ("text", "json", "money", "datetime")
CALL = re.compile(r"\s*([A-Za-z]+)\s*(?:\(\s*([$\w.]+)\s*\)\s*)?\Z")


class EachText(Func):
    """Each of several texts in a row of its own; null for a record without any."""

    function = "jsonb_array_elements_text"
    template = "%(function)s(coalesce(%(expressions)s, '[null]'::jsonb))"
    output_field = TextField()
    set_returning = True


class FiscalTrunc(Func):
    """The first day of the fiscal quarter or year of a month, if the fiscal year begins ``months`` after
    January."""

    template = (
        "(date_trunc('%(unit)s', (%(expressions)s)::timestamp - interval '%(months)s months')"
        " + interval '%(months)s months')::date"
    )
    output_field = DateField()


@dataclass(frozen=True)
class Group:
    """A group: its name in the answer, its expression, and the names of its values, if these are not the
    values themselves."""

    name: str
    expression: Any
    label: Callable[[Any], str] | None = None

    def value(self, found: Any) -> Any:
        """Returns a value of the database as the answer has it."""
        return found if self.label is None or found is None else self.label(found)


@dataclass(frozen=True)
class Measure:
    """A number for each group: ``count``, or a function of a field."""

    name: str
    function: str
    field: Field | None = None

    @property
    def is_money(self) -> bool:
        """Whether it has one number per currency."""
        return self.field is not None and self.field.type == "money" and self.function != "count"

    @property
    def is_number(self) -> bool:
        """Whether it can be compared with a number; the latest of several moments cannot."""
        return self.field is None or self.function == "count" or self.field.type in NUMBERS


def read_groups(scope: Scope, names: Any) -> list[Group]:
    """Returns the fields to group by. Raises InvalidFilter with the one that does not fit."""
    read = [_read_group(scope, name) for name in _terms(names, "group")]
    if len(read) > MAX_FIELDS:
        raise InvalidFilter(f"group: at most {MAX_FIELDS} fields.", field="group")
    return read


def _read_group(scope: Scope, path: str) -> Group:
    *references, last = path.split(".")
    if len(references) > MAX_REFERENCES:
        raise InvalidFilter(
            f"group: {path}: at most {MAX_REFERENCES} references deep.", field="group"
        )
    steps: list[tuple[Scope, Field]] = []
    at = scope
    for name in references:
        field = _field(at.noun, name, "group")
        if field.type != "reference":
            raise InvalidFilter(
                f"group: {path}: {field.wire} is no reference, nothing lies behind it.",
                field="group",
            )
        steps.append((at, field))
        at = at.for_noun(field.target_noun)
    field = _field(at.noun, last, "group")
    if field.type in UNGROUPED or field.computed is not None:
        hint = " Use by=month(...) for moments." if field.type == "datetime" else ""
        raise InvalidFilter(f"group: {path} cannot be grouped by.{hint}", field="group")
    if field.type == "choices":
        if steps:
            raise InvalidFilter(
                f"group: {path}: the texts of a record behind a reference cannot be grouped by.",
                field="group",
            )
        # A record is in the group of each of its texts.
        return Group(path, EachText(field.column))
    column = at.key if field.column == "pk" else field.column
    # Behind a reference is what the actor sees there, at the same moment.
    found: Any = None
    for where, reference in reversed(steps):
        other = where.for_noun(reference.target_noun)
        rows = other.queryset().filter(**{other.key: OuterRef(reference.column)}).order_by()
        if found is None:
            found = Subquery(rows.values(column)[:1])
        else:
            found = Subquery(rows.annotate(_behind=found).values("_behind")[:1])
    label = field.to_json if field.spoken else None
    return Group(path, F(column) if found is None else found, label)


def read_period(scope: Scope, term: Any, zone: ZoneInfo) -> Group | None:
    """Returns the group for ``month(createdAt)``: the period of a moment, in ``zone``. Raises
    InvalidFilter."""
    if not term:
        return None
    call = CALL.match(term) if isinstance(term, str) else None
    if call is None or call[1] not in UNITS or call[2] is None:
        raise InvalidFilter(
            f"by: use one of {', '.join(f'{unit}(createdAt)' for unit in UNITS)}, of any day or moment.",
            field="by",
        )
    unit, name = call[1], call[2]
    field = _field(scope.noun, name, "by")
    if field.type not in MOMENTS:
        raise InvalidFilter(f"by: {name} is no day and no moment.", field="by")
    of = {"tzinfo": zone} if field.type == "datetime" else {}
    # Group by the first day of the period: then its name is made once per group, not per record.
    first: Any = Trunc(field.column, unit, output_field=DateField(), **of)
    if unit in ("quarter", "year") and (months := fiscal_year.first_month() - 1):
        month = Trunc(field.column, "month", output_field=DateField(), **of)
        first = FiscalTrunc(month, unit=unit, months=months)
    return Group(unit, first, UNITS[unit])


def read_measures(noun: type[Record], terms: Any) -> list[Measure]:
    """Returns the measures; by default the number of records. Raises InvalidFilter."""
    read = [_read_measure(noun, term) for term in _terms(terms, "measure") or ["count"]]
    if len(read) > MAX_MEASURES:
        raise InvalidFilter(f"measure: at most {MAX_MEASURES} measures.", field="measure")
    return read


def _read_measure(noun: type[Record], term: str) -> Measure:
    call = CALL.match(term)
    if call is None or call[1] not in FUNCTIONS or (call[2] is None and call[1] != "count"):
        raise InvalidFilter(
            f"measure: {term[:64]!r} is none. Use count, or {', '.join(FUNCTIONS)} of a field: "
            "sum(budget)." + did_you_mean(call[1] if call else term, FUNCTIONS),
            field="measure",
        )
    function, name = call[1], call[2]
    if name is None:
        return Measure("count", "count")
    field = _field(noun, name, "measure")
    ordered = (*NUMBERS, *MOMENTS) if function in ("min", "max") else NUMBERS
    if field.computed is not None or (function != "count" and field.type not in ordered):
        known = [f.wire for f in noun.schema.stored if f.type in ordered]
        raise InvalidFilter(
            f"measure: {function} is of {' and '.join(ordered)} fields: {', '.join(known)}.",
            field="measure",
        )
    return Measure(f"{function}({name})", function, field)


def check_intervals(noun: type[Record], groups: Sequence[Group], wanted: Iterable[Measure]) -> None:
    """Raise InvalidFilter for recurring amounts that are not grouped by their interval: monthly and yearly
    amounts have no common sum, mean or order."""
    for measure in wanted:
        if (per := interval_field(noun, measure)) and not is_grouped_by(groups, per):
            raise InvalidFilter(
                f"measure: {measure.name}: its amounts are each per {per.wire}. Group by {per.wire} as well.",
                field="measure",
            )


def interval_field(noun: type[Record], measure: Measure) -> Field | None:
    """Returns the field with the interval of a measure's amounts; None if they do not recur."""
    if measure.field is None or measure.function == "count" or not measure.field.per:
        return None
    return noun.schema.by_name[measure.field.per]


def is_grouped_by(groups: Sequence[Group], field: Field) -> bool:
    return F(field.column) in [group.expression for group in groups]


def _field(noun: type[Record], name: str, parameter: str) -> Field:
    try:
        return find_field(noun, name)
    except InvalidFilter as problem:
        raise InvalidFilter(f"{parameter}: {problem.message}", field=parameter) from None


def _terms(given: Any, parameter: str) -> list[str]:
    """Returns the terms of a list, or of a text with commas; each once."""
    parts: Iterable[Any] = given.split(",") if isinstance(given, str) else given or ()
    if not isinstance(parts, Sequence) or not all(isinstance(part, str) for part in parts):
        raise InvalidFilter(
            f"{parameter}: send names, as a list or between commas.", field=parameter
        )
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def read_sort(
    sort: Any, groups: Sequence[Group], wanted: Sequence[Measure]
) -> list[tuple[str, bool]]:
    """Returns the names to sort by, and whether each is descending; the groups' own values come last."""
    names = [*(g.name for g in groups), *(m.name for m in wanted)]
    terms: Any = sort.split(",") if isinstance(sort, str) else sort or ()
    if isinstance(terms, Mapping):
        if not all(way in ("asc", "desc", 1, -1) for way in terms.values()):
            raise InvalidFilter('sort: looks like {"count": "desc"}.', field="sort")
        terms = [f"-{name}" if way in ("desc", -1) else name for name, way in terms.items()]
    if not isinstance(terms, Sequence) or not all(isinstance(term, str) for term in terms):
        raise InvalidFilter("sort: send names of groups and measures.", field="sort")
    stripped = [term.strip() for term in terms if term.strip()]
    read = [(term.removeprefix("-"), term.startswith("-")) for term in stripped]
    for name, _descending in read:
        if name not in names:
            raise InvalidFilter(
                f"sort: there is no {name[:64]!r} here.{did_you_mean(name, names)} "
                f"Names: {', '.join(names)}.",
                field="sort",
            )
    return [*read, *((g.name, False) for g in groups if g.name not in dict(read))]


def read_having(having: Any, wanted: Sequence[Measure]) -> list[tuple[str, str, float]]:
    """Returns the conditions on groups: a measure, an operator of :data:`COMPARISONS`, a number."""
    names = [m.name for m in wanted if m.is_number]
    if having is None:
        return []
    example = 'having={"count": {"$gte": 10}}'
    if not isinstance(having, Mapping):
        raise InvalidFilter(f"having: send an object: {example}.", field="having")
    checks = []
    for name, condition in having.items():
        if name not in names:
            raise InvalidFilter(
                f"having: {str(name)[:64]!r} is no number that is measured. Numbers: {', '.join(names)}.",
                field="having",
            )
        if not isinstance(condition, Mapping):
            condition = {"$eq": condition}
        for operator, operand in condition.items():
            if operator not in COMPARISONS:
                raise InvalidFilter(
                    f"having: there is no operator {str(operator)[:32]!r}. "
                    f"Operators: {', '.join(COMPARISONS)}.",
                    field="having",
                )
            if isinstance(operand, bool) or not isinstance(operand, int | float):
                raise InvalidFilter(f"having: {name} is compared with a number.", field="having")
            checks.append((name, operator, operand))
    return checks


def read_zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, TypeError, KeyError):
        raise InvalidFilter(
            "zone: use an IANA time zone like Europe/Berlin.", field="zone"
        ) from None
