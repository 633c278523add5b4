"""Building blocks of reports: the records of a period and an owner, and the list behind each number.

A number and its list are made of the same conditions, in the form of an address
(:mod:`headlessly.query.querystring`), so that they cannot disagree. Records are read through the nouns'
managers: those of the active tenant that the actor sees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    Aggregate,
    BooleanField,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Value,
)
from django.utils import timezone

from headlessly.access import prepared_queries, visibility
from headlessly.context import clock
from headlessly.declaration import days
from headlessly.declaration.shapes import cached_by_shape
from headlessly.query import filters, querystring
from headlessly.query.periods import Period
from headlessly.query.scope import Scope

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

T = TypeVar("T")

#: The quantiles that :class:`Spread` holds.
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
#: The condition in the filter language, for what no lookup can say.
FILTER = "filter"


@dataclass(frozen=True)
class Records:
    """The records of ``noun`` that fulfil ``conditions``: lookups and their texts, as in an address."""

    noun: type[Record]
    conditions: Mapping[str, str] = field(default_factory=dict)
    as_of: datetime | None = None  #: then their versions at that moment
    #: The wider records from which :meth:`where` made these, and the conditions that it added.
    _narrowed: tuple[Records, Mapping[str, str]] | None = field(
        default=None, compare=False, repr=False
    )

    def where(self, **conditions: str) -> Records:
        """Returns the records that also fulfil these conditions. Paths with dots need a mapping:
        ``**{...}``."""
        return Records(self.noun, {**self.conditions, **conditions}, self.as_of, (self, conditions))

    @property
    def condition(self) -> Q:
        return filters.compile_filter(Scope(self.noun, self.as_of), self.filter)

    @property
    def filter(self) -> dict[str, Any]:
        """The same conditions in the filter language."""
        found = []
        for name, text in self.conditions.items():
            if name == "is":
                found += [self.noun.Surface.preset(slug) for slug in text.split(",")]
                continue
            if name == FILTER:
                found.append(json.loads(text))
                continue
            path, lookup = querystring.parse_lookup(self.noun, name)
            found.append(querystring.lookup_filter(self.noun, path, lookup, text))
        return {"$and": found} if found else {}

    def queryset(self) -> QuerySet:
        """Returns the records that the actor sees, in no order; with ``as_of``, their versions at that
        moment."""
        return Scope(self.noun, self.as_of).queryset().filter(self.condition).order_by()

    def count_groups(
        self,
        *columns: str,
        made: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> QuerySet:
        """Returns for each combination of values in ``columns`` the values, the number of records, and the
        aggregates ``more`` (by alias); the most frequent first. ``made`` are computed columns."""
        sums = {"how_many": Count("*")} | dict(more or {})
        rows = self.queryset().annotate(**(made or {})).values(*columns).annotate(**sums)
        return rows.order_by(F("how_many").desc(), *columns).values_list(*columns, *sums)

    def count_groups_by_each(
        self, *columns: str, parts: Mapping[str, Q] | None = None
    ) -> dict[str, list[tuple[Any, ...]]]:
        """Returns for each column its values, each with the number of records, and how many of these fulfil
        each of the conditions ``parts``; the most frequent first.

        All columns are counted in one pass over the records.
        """
        parts = parts or {}
        flags = {name: ExpressionWrapper(q, BooleanField()) for name, q in parts.items()}
        rows = self.queryset().annotate(**flags).values_list(*columns, *flags)
        try:
            sql, given = rows.query.sql_with_params()
        except EmptyResultSet:
            return {column: [] for column in columns}
        values = [f"v{n}" for n in range(len(columns))]
        fits = [f"f{n}" for n in range(len(flags))]
        # Count combinations first: that can run in parallel, and grouping sets cannot.
        counts = ["n", *(f"n{n}" for n in range(len(flags)))]
        each = ["count(*)", *(f"count(*) FILTER (WHERE {fit})" for fit in fits)]
        named = ", ".join(f"{what} AS {name}" for what, name in zip(each, counts, strict=True))
        together = (
            f"SELECT {', '.join([*values, named])} FROM ({sql}) AS found ({', '.join([*values, *fits])}) "
            f"GROUP BY {', '.join(values)}"
        )
        sums = [f"sum({name})::bigint" for name in counts]
        # In each row all values but that of its own column are NULL; NULL is a value as well.
        about = " ".join(f"WHEN GROUPING({value}) = 0 THEN {n}" for n, value in enumerate(values))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT CASE {about} END, {', '.join(values)}, {', '.join(sums)} "
                f"FROM ({together}) AS counted "
                f"GROUP BY GROUPING SETS ({', '.join(f'({value})' for value in values)})",
                given,
            )
            counted = cursor.fetchall()
        found: dict[str, list[tuple[Any, ...]]] = {column: [] for column in columns}
        for number, *row in counted:
            found[columns[number]].append((row[number], *row[len(columns) :]))
        for groups in found.values():
            groups.sort(key=lambda group: (-group[1], group[0] is None, group[0]))
        return found

    def count_parts(self, parts: Iterable[Records]) -> list[int]:
        """Returns how many of them are in each of ``parts``, in one statement."""
        filtered = {f"n{n}": Count("pk", filter=p.condition) for n, p in enumerate(parts)}
        return list(self.queryset().aggregate(**filtered).values())

    @property
    def query(self) -> str:
        """The address of their list, from ``?`` on. Facets are written as facets, so that they can be changed
        there."""
        said = list(self._said.values())
        if self.as_of is not None:
            moment = self.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")
            said.append(urlencode({"asOf": moment}, safe=",:"))
        return "?" + "&".join(said)

    @cached_property
    def _said(self) -> dict[str, str]:
        """The parameters of the address by name. Cached, because a table has hundreds of lists that narrow
        the same few records."""
        if self._narrowed is None:
            return dict(_facet_or_lookup(self.noun, *each) for each in self.conditions.items())
        wider, conditions = self._narrowed
        return wider._said | dict(_facet_or_lookup(self.noun, *each) for each in conditions.items())


@cached_by_shape(most=4096)
def _facet_or_lookup(noun: type[Record], name: str, text: str) -> tuple[str, str]:
    """Returns the name of a condition in the address of a list, and the encoded parameter. Cached, because a
    table asks for the same conditions hundreds of times."""
    said, value = _name_and_value(noun, name, text)
    return said, urlencode({said: value}, safe=",:")


def _name_and_value(noun: type[Record], name: str, text: str) -> tuple[str, str]:
    if name in ("is", FILTER):
        return name, text
    path, lookup = querystring.parse_lookup(noun, name)
    facets = {noun.schema.by_name[facet].wire for facet in noun.schema.facets}
    facets |= {facet.wire for facet in noun.schema.joined_facets}
    if path not in facets or (lookup, text) == ("exact", "-"):
        return name, text
    if (lookup, text) == ("isnull", "true"):
        return path, "-"
    chosen = querystring.field_at_path(noun, path).type in ("enum", "reference")
    return (path, text) if lookup == "exact" or (chosen and lookup == "in") else (name, text)


def count_by(records: Records, *columns: str) -> dict[Any, int]:
    """Returns the number of records for each value of the column, or combination of values of several."""
    rows = _rows_of(records, _grouped, [records.condition], columns)
    return {_group(values): count for *values, count in rows}


def _group(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else tuple(values)


def count_groups_of_both(
    early: Records, late: Records, moment: str, *columns: str
) -> tuple[dict[Any, int], dict[Any, int]]:
    """Returns such counts for two lists in one pass. They differ only in ``moment`` (on the wire): the second
    begins where the first ends."""
    both, is_early = as_one(early, late, moment)
    rows = _rows_of(both, _grouped_in_two, [both.condition, is_early], columns)
    return _of_both((*values, earlier, every - earlier) for *values, every, earlier in rows)


@dataclass(frozen=True)
class WithSome:
    """The records of a noun with a referring record that fulfils ``filter``, by the ``moment`` of that one:
    ``WithSome(Lead, "activities", "completedAt", {"type": "Call"})`` are the leads with a call."""

    noun: type[Record]
    relation: str  #: its wire name, as that of the moment
    moment: str
    filter: Mapping[str, Any]

    def during(self, slice: Slice) -> Records:
        """Returns the records of a slice with one in its period."""
        since, until = map(days.utc_text, slice.period.bounds)
        some = {**self.filter, self.moment: {"$gte": since, "$lt": until}}
        return slice.records(self.noun, filter=json.dumps({self.relation: {"$some": some}}))

    def count_of_both(
        self, pair: tuple[Slice, Slice], *columns: str
    ) -> tuple[dict[Any, int], dict[Any, int]]:
        """Returns for each value of the columns how many of them there are in each of two periods; the second
        begins where the first ends. The referring records are read once, along their index, and each record
        once, in the order of the ids, in which neighbours lie together."""
        early, late = pair
        scope = late.scope(self.noun)
        records = late.records(self.noun)
        relation = self.noun.schema.relations[self.relation]
        there = scope.for_noun(relation.source_noun)
        moment, reference = (
            there.noun.schema.field(self.moment), there.noun.schema.by_name[relation.field]
        )  # fmt: skip
        assert moment is not None
        bounds = {"$gte": early.period.bounds[0], "$lt": late.period.bounds[1]}
        inside = filters.compile_filter(there, {**self.filter, self.moment: bounds})
        others = prepared_queries.compiled_query(
            _values_of, [inside], there, (reference.column, moment.column)
        )
        those = prepared_queries.compiled_query(
            _values_of, [records.condition], scope, (scope.key, *columns)
        )
        if others is None or those is None:
            return {}, {}
        names = ", ".join(f"v{n}" for n, _ in enumerate(columns))
        middle = late.period.bounds[0]
        return _of_both(
            _fetch(
                f"SELECT {names}, count(*) FILTER (WHERE earlier), count(*) FILTER (WHERE later) FROM "
                f"(SELECT id, bool_or(moment < %s) AS earlier, bool_or(moment >= %s) AS later "
                f"FROM ({others[0]}) AS other (id, moment) GROUP BY id ORDER BY id) AS found "
                f"JOIN ({those[0]}) AS record (id, {names}) ON record.id = found.id GROUP BY {names}",
                (middle, middle, *others[1], *those[1]),
            )
        )


def as_one(early: Records, late: Records, moment: str) -> tuple[Records, Q]:
    """Returns the records of both lists, and the condition of those in the first."""
    first, end = early.conditions[f"{moment}__gte"], early.conditions[f"{moment}__lt"]
    is_early = Records(early.noun, {f"{moment}__lt": end}, early.as_of).condition
    return late.where(**{f"{moment}__gte": first}), is_early


def _of_both(rows: Iterable[Sequence[Any]]) -> tuple[dict[Any, int], dict[Any, int]]:
    """Sorts rows of values, followed by their numbers of records in the first and second list, into one
    mapping for each."""
    counts: tuple[dict[Any, int], dict[Any, int]] = ({}, {})
    for *values, earlier, later in rows:
        value = _group(values)
        for found, count in zip(counts, (earlier, later), strict=True):
            if count:
                found[value] = count
    return counts


def _rows_of(
    records: Records, build: Callable[..., QuerySet], conditions: Sequence[Q], *given: Any
) -> list[tuple[Any, ...]]:
    """Returns the rows of a query that is compiled once for all values of its conditions."""
    found = prepared_queries.compiled_query(
        build, conditions, Scope(records.noun, records.as_of), *given
    )
    return [] if found is None else _fetch(*found)


def _fetch(sql: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchall()


def _values_of(condition: Q, scope: Scope, columns: tuple[str, ...]) -> QuerySet:
    return scope.queryset().filter(condition).order_by().values_list(*columns)


def _grouped(condition: Q, scope: Scope, columns: tuple[str, ...]) -> QuerySet:
    found = scope.queryset().filter(condition).order_by().values(*columns)
    return found.annotate(how_many=Count("*")).values_list(*columns, "how_many")


def _grouped_in_two(condition: Q, first: Q, scope: Scope, columns: tuple[str, ...]) -> QuerySet:
    found = scope.queryset().filter(condition).order_by().values(*columns)
    counts = {"how_many": Count("*"), "earlier": Count(Value(1), filter=first)}
    return found.annotate(**counts).values_list(*columns, *counts)


def moment_text(value: datetime) -> str:
    """Returns a moment as an address has it: only the day, if it is the reader's midnight."""
    local = timezone.localtime(value)
    if not any(local.timetuple()[3:6]):
        return f"{local:%Y-%m-%d}"
    return days.utc_text(value)


@dataclass(frozen=True)
class Slice:
    """The subject of a report: a period, and the references that it is narrowed by.

    ``narrowed`` maps names of references to an id, or to None for the records without one.
    """

    period: Period
    narrowed: Mapping[str, str | None] = field(default_factory=dict)
    as_of: datetime | None = None  #: the moment of the records
    _known: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    #: The slice whose previous period this is.
    after: Slice | None = field(default=None, compare=False, repr=False)

    def records(self, noun: type[Record], **conditions: str) -> Records:
        """Returns the noun's records that it is narrowed to, in any period.

        ``owner`` means for every noun the reference to the owner of its records.
        """
        schema = noun.schema
        said: dict[str, str] = {}
        for name, id in self.narrowed.items():
            first, dot, behind = name.partition(".")
            of = schema.references.get(first) or (schema.owner if first == "owner" else None)
            if of is not None:
                path = f"{of.wire}{dot}{behind}"
                said |= {f"{path}__isnull": "true"} if id is None else {path: id}
        return Records(noun, said | conditions, self.as_of)

    def during(self, noun: type[Record], name: str, **conditions: str) -> Records:
        """Returns the records whose moment ``name`` (on the wire) is in the period."""
        return self.records(noun, **self.bounds_of(name), **conditions)

    def bounds_of(self, name: str) -> dict[str, str]:
        """Returns the conditions of an address for a moment in the period."""
        first, end = map(moment_text, self.period.bounds)
        return {f"{name}__gte": first, f"{name}__lt": end}

    def cached(self, report: Callable[..., T], *given: Any, over_time: bool = True) -> T:
        """Returns the result of ``report`` for this slice, computed once for all tiles that show it; without
        ``over_time``, once for this period and the previous one."""
        key = (report, self.period if over_time else None, *given)
        if key not in self._known:
            self._known[key] = report(self, *given)
        return self._known[key]

    @cached_property
    def before(self) -> Slice:
        """The slice of the previous period."""
        return Slice(self.period.before, self.narrowed, self.as_of, self._known, self)

    @property
    def pair(self) -> tuple[Slice, Slice] | None:
        """The previous and this period, if both were asked for and one begins where the other ends: then both
        are counted in one pass (:func:`count_groups_of_both`)."""
        late = self.after or self
        early: Slice | None = late.__dict__.get("before")
        return (early, late) if early and early.period.end == late.period.first else None

    def at(self, moment: datetime | None) -> Slice:
        """Returns the slice as of another moment; None is now."""
        return Slice(self.period, self.narrowed, moment)

    @property
    def now(self) -> datetime:
        """The moment of the report: as of which it was asked for, else now."""
        return self.as_of or clock.now()

    @property
    def today(self) -> date:
        """The reader's day at that moment."""
        return days.day_of(self.now)

    def scope(self, noun: type[Record]) -> Scope:
        """Returns the noun's rows at that moment."""
        return Scope(noun, self.as_of)


class Percentiles(Aggregate):
    """``percentile_cont`` of the :data:`QUANTILES` of durations; NULL without values."""

    function = "percentile_cont"
    name = "Percentiles"
    template = (
        "%(function)s(ARRAY[" + ", ".join(map(str, QUANTILES)) + "]::float8[]) "
        "WITHIN GROUP (ORDER BY %(expressions)s)"
    )
    output_field = ArrayField(DurationField())


@dataclass(frozen=True)
class Spread:
    """The distribution of durations, in seconds: the median, the quartiles and the outer deciles of ``count``
    records, interpolated if necessary; None without records."""

    count: int
    tenth: float | None = None
    lower: float | None = None
    median: float | None = None
    upper: float | None = None
    ninetieth: float | None = None

    @classmethod
    def of_durations(cls, found: QuerySet, duration: Any, *, first: int | None = None) -> Spread:
        """Returns the distribution of an expression over the records that have it: all, or the ``first`` so
        many.

        They are sorted as durations, because converting each to seconds takes as long as sorting. With a
        limit the expression is evaluated once for each record; without one the database inlines it into each
        aggregate, so that an expensive one, such as a look-up in another table, is evaluated twice.
        """
        each = found.annotate(_duration=duration)[:first]
        answer = each.aggregate(count=Count("_duration"), at=Percentiles("_duration"))
        return cls(answer["count"], *(at.total_seconds() for at in answer["at"] or ()))


def median_durations(
    lists: Sequence[Records], durations: Callable[[Q, Scope], QuerySet]
) -> list[dict[Any, float]]:
    """Returns for each list the medians of durations, in seconds, by a value, in one statement. ``durations``
    makes the query of both from a condition and its scope. Compiled once for all values."""
    parts, given = [], ()
    for number, records in enumerate(lists):
        scope = Scope(records.noun, records.as_of)
        found = prepared_queries.compiled_query(durations, [records.condition], scope)
        if found is not None:
            parts.append(f"SELECT {number}, part.* FROM ({found[0]}) AS part")
            given += tuple(found[1])
    medians: list[dict[Any, float]] = [{} for _ in lists]
    if parts:
        middle = "percentile_cont(0.5) WITHIN GROUP (ORDER BY duration)"
        for number, value, seconds in _fetch(
            f"SELECT number, value, extract(epoch FROM {middle})::float8 FROM "
            f"({' UNION ALL '.join(parts)}) AS found (number, value, duration) "
            "WHERE duration IS NOT NULL GROUP BY number, value",
            given,
        ):
            medians[number][value] = seconds
    return medians


def duration_between(start: str | Any, end: str | Any) -> ExpressionWrapper:
    """Returns the time from one moment of a record to another."""
    start, end = (F(each) if isinstance(each, str) else each for each in (start, end))
    return ExpressionWrapper(end - start, output_field=DurationField())


def record_names(noun: type[Record], ids: Iterable[Any]) -> dict[str, str]:
    """Returns the names of records by id, including deleted ones. Those of which the actor does not even see
    the card are left out."""
    wanted = {id for id in ids if id and isinstance(id, str)}
    if not wanted:
        return {}
    found = visibility.with_cards(noun, deleted=True).filter(pk__in=wanted)
    if (column := noun.schema.named_by) is not None:
        found = found.only(column)
    return {record.pk: str(record) for record in found}
