"""Queries that are asked again and again with other arguments: made by Django once, then only filled in.

Django compiles a query each time it is asked, which costs ten times what the database takes to answer one
that finds a record by its key. What verbs and hooks ask of each record is declared as a function that answers
the query::

    @prepared_query
    def open_tasks(lead: str) -> QuerySet:
        return Activity.objects.filter(lead=lead, status__in=Activity.OPEN).values_list("pk")

    for (id,) in open_tasks(lead.pk): ...

It is compiled once for each tenant, and for whoever sees less than others; the statement is the same for all.

What reports and searches ask is made of conditions, of which only the values are others each time:
:func:`compiled_query`.

While a query is compiled, a mark stands for each argument (:func:`mark_text`). What was done to the mark is
done to the argument then: it may be in a pattern, or in JSON in one.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, wraps
from itertools import count
from typing import Any, ParamSpec, Protocol

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from headlessly.access import tenancy, visibility
from headlessly.context import clock
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.shapes import cached_by_shape

P = ParamSpec("P")

#: How many compiled queries are kept of each shape, and of all tenants without one.
MOST_KEPT = 2_048

#: Around a mark: signs for private use, which nothing that is declared has.
FIRST, LAST = "\ue000", "\ue001"
#: In a mark: signs that patterns and JSON write otherwise, and letters, which a change of case would betray.
SIGNS = 'aZ%"'
_WRITTEN = repr(FIRST)[1:-1]
MARK = re.compile(f"{FIRST}(\\d+)([^{LAST}]*){LAST}")


def mark_text(number: int) -> str:
    """What stands for the text with that number while a query is compiled."""
    return f"{FIRST}{number}{SIGNS}{LAST}"


def mark_texts(number: int) -> list[str]:
    """The same for a list of texts, which is one parameter."""
    return [mark_text(number)]


class _MarkedMoment(datetime):
    """What stands for a moment."""

    number: int


class _MarkedDay(date):
    """What stands for a day."""

    number: int


def _mark(value: Any, number: int) -> Any:
    """What stands for a value, of its kind."""
    if isinstance(value, str):
        return mark_text(number)
    found: Any = (
        _MarkedMoment(1999, 1, 1, tzinfo=UTC)
        if isinstance(value, datetime)
        else _MarkedDay(1999, 1, 1)
    )
    found.number = number
    return found


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _in_pattern(text: str) -> str:
    return connection.ops.prep_for_like_query(text)


class UnknownWay(TypeError):
    """Something became of a mark that nobody knows to do to the argument."""

    def __init__(self, parameter: str, number: int | None = None) -> None:
        super().__init__(f"Something else than an argument is in {parameter!r}.")
        self.number = number


@dataclass(frozen=True)
class _Filled:
    """A parameter that is made of arguments: their numbers, with what is done to each, and texts between."""

    parts: tuple[Any, ...]

    @property
    def numbers(self) -> set[int]:
        return {part[0] for part in self.parts if not isinstance(part, str)}

    def fill(self, given: Sequence[Any]) -> Any:
        if len(self.parts) == 1:
            number, way = self.parts[0]
            return given[number] if way is None else way(given[number])
        return "".join(
            part
            if isinstance(part, str)
            else given[part[0]] if part[1] is None else part[1](given[part[0]])
            for part in self.parts
        )  # fmt: skip


@dataclass(frozen=True)
class _FilledList:
    """A parameter that is a list of such; or one argument that is a list itself (:func:`mark_texts`)."""

    each: tuple[_Filled, ...]

    @property
    def numbers(self) -> set[int]:
        return {number for each in self.each for number in each.numbers}

    def fill(self, given: Sequence[Any]) -> Any:
        found = [each.fill(given) for each in self.each]
        return found[0] if isinstance(found[0], list) else found


_FILLED = (_Filled, _FilledList)


@dataclass(frozen=True)
class Statement:
    """A compiled query, and what its parameters are made of."""

    sql: str
    parameters: tuple[Any, ...]

    @classmethod
    def of(cls, sql: str, parameters: Sequence[Any]) -> Statement:
        """The statement of a query that was made of marks. Raises UnknownWay."""
        return cls(sql, tuple(map(_read_marks, parameters)))

    @property
    def numbers(self) -> set[int]:
        """The arguments that it takes."""
        found: set[int] = set()
        for each in self.parameters:
            found |= each.numbers if isinstance(each, _FILLED) else set()
        return found

    def fill(self, given: Sequence[Any]) -> list[Any]:
        """The parameters with these arguments."""
        return [each.fill(given) if isinstance(each, _FILLED) else each for each in self.parameters]


def _read_marks(parameter: Any) -> Any:
    """A parameter, and the arguments that marks in it stand for."""
    if isinstance(parameter, list) and parameter:
        inner = tuple(map(_read_marks, parameter))
        if all(isinstance(each, _Filled) for each in inner):
            return _FilledList(inner)
    if isinstance(parameter, _MarkedMoment | _MarkedDay):
        return _Filled(((parameter.number, None),))
    if not isinstance(parameter, str):
        if _WRITTEN in repr(parameter):
            raise UnknownWay(repr(parameter))
        return parameter
    if FIRST not in parameter and LAST not in parameter:
        return parameter
    parts: list[Any] = []
    end = 0
    for found in MARK.finditer(parameter):
        number = int(found[1])
        if found[2] not in _ways():
            raise UnknownWay(parameter, number)
        parts += [parameter[end : found.start()], (number, _ways()[found[2]])]
        end = found.end()
    parts.append(parameter[end:])
    if any(FIRST in part or LAST in part for part in parts if isinstance(part, str)):
        raise UnknownWay(parameter)
    return _Filled(tuple(part for part in parts if part != ""))


@cache
def _ways() -> dict[str, Callable[[str], str] | None]:
    """What is done to an argument, by what became of the signs of its mark."""
    found: dict[str, Callable[[str], str] | None] = {SIGNS: None}
    for way in (_in_pattern, _in_json, lambda text: _in_pattern(_in_json(text))):
        found[way(SIGNS)] = way
    return found


def prepared_query(
    build: Callable[P, models.QuerySet[Any, tuple[Any, ...]]],
) -> Callable[P, list[tuple[Any, ...]]]:
    """Answer the rows of the query that ``build`` makes: of columns as the driver reads them.

    Its arguments are texts, such as keys. What the query is made of depends neither on them nor on the time.
    """
    names = tuple(inspect.signature(build).parameters)

    @wraps(build)
    def ask(*args: P.args, **kwargs: P.kwargs) -> list[tuple[Any, ...]]:
        given = dict(zip(names, args, strict=False)) | kwargs
        statement = _compiled(build, names, tenancy.require().pk, visibility.visible_owner())
        return execute_prepared(statement.sql, statement.fill([given[name] for name in names]))

    return ask


@cached_by_shape(most=MOST_KEPT)
def _compiled(
    build: Callable[..., models.QuerySet], names: tuple[str, ...], tenant: int, person: str | None
) -> Statement:
    marks = map(mark_text, range(len(names)))
    try:
        statement = Statement.of(*build(*marks).query.sql_with_params())
        lost = set(range(len(names))) - statement.numbers
    except UnknownWay as problem:
        lost = set(range(len(names))) if problem.number is None else {problem.number}
    if lost:
        said = ", ".join(names[number] for number in sorted(lost))
        raise TypeError(f"{build.__name__} makes its query of {said}.")
    return statement


# -- conditions of which only the values are others ----------------------------------------------------------


class _Values(list[Any]):
    """The values of conditions in their order: texts, moments and days."""

    def take_from(self, condition: Q) -> Hashable:
        """Add those of a condition, and answer what is left of it: of two with the same only values differ.
        Raises TypeError for a condition that is made of other things."""
        children: list[Any] = condition.children
        return (
            condition.connector,
            condition.negated,
            tuple(
                self.take_from(child) if isinstance(child, Q) else self._take(*child)
                for child in children
            ),
        )

    def _take(self, name: str, value: Any) -> Hashable:
        if isinstance(value, str | datetime | date):
            self.append(value)
            return name, str if isinstance(value, str) else type(value)
        if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            self.extend(value)
            return name, list, len(value)
        if value is not None and not isinstance(value, bool | int | float):
            raise TypeError(f"{name} is compared with {value!r}.")
        return name, type(value), value


def _put_marks(condition: Q, number: int) -> tuple[Q, int]:
    """The condition with marks in the place of its values, from a number on, and the number after them."""
    given: list[Any] = condition.children
    children: list[Any] = []
    for child in given:
        if isinstance(child, Q):
            inner, number = _put_marks(child, number)
            children.append(inner)
            continue
        name, value = child
        if isinstance(value, str | datetime | date):
            value, number = _mark(value, number), number + 1
        elif isinstance(value, list | tuple):
            value = [_mark(each, number + n) for n, each in enumerate(value)]
            number += len(value)
        children.append((name, value))
    found = Q(*children, _connector=condition.connector, _negated=condition.negated)
    return found, number


class Asked(Protocol):
    """What a query is made of besides conditions, such as the words of a search."""

    @property
    def key(self) -> Hashable:
        """What the query is made of, besides the values."""

    @property
    def values(self) -> Sequence[Any]:
        """The values that the query is filled in with: texts, and lists of them."""

    def marked(self, numbers: Iterator[int]) -> Any:
        """What stands for all with this key: marks with these numbers are in the place of its values."""


#: A statement and its parameters.
Sql = tuple[str, tuple[Any, ...]]


def compiled_query(
    build: Callable[..., models.QuerySet[Any, tuple[Any, ...]] | Sql | None],
    conditions: Sequence[Q],
    *given: Hashable,
    asked: Asked | None = None,
) -> Sql | None:
    """The statement of the query that ``build`` makes of conditions and what else is given, and its
    parameters; None where nothing can fulfil them. What is ``asked`` besides is its last argument.

    Compiled once for all conditions that compare the same with other texts, moments and days, unless they are
    made of other queries. What it is made of depends on nothing else but the tenant, whoever reads, their
    time zone, and the day.
    """
    values = _Values()
    try:
        known = tuple(map(values.take_from, conditions))
        hash(known)
    except (TypeError, ValueError):
        return compile_query(build, conditions, given, asked)
    tenant = tenancy.require()
    ambient = (
        tenant.pk,
        tenant.currency,
        visibility.visible_owner(),
        timezone.get_current_timezone_name(),
        clock.now().astimezone(UTC).date(),
    )
    same = _SameBut((known, asked and asked.key), conditions, asked)
    made = _compiled_conditions(build, same, given, ambient)
    same.forget_values()
    if made is None:
        return compile_query(build, conditions, given, asked)
    filled = [*values, *(asked.values if asked else ())]
    return (made.sql, tuple(made.fill(filled))) if made.sql else None


class _SameBut:
    """Conditions and what is asked besides, which are the same as others that differ in values alone."""

    def __init__(self, known: Hashable, conditions: Sequence[Q], asked: Asked | None) -> None:
        self.known, self.conditions, self.asked = known, conditions, asked

    def forget_values(self) -> None:
        """Keep what it is compared by: it is kept as long as what was compiled, and values may be many."""
        self.conditions, self.asked = (), None

    def __hash__(self) -> int:
        return hash(self.known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameBut) and self.known == other.known


@cached_by_shape(most=MOST_KEPT)
def _compiled_conditions(
    build: Callable[..., models.QuerySet | Sql | None],
    same: _SameBut,
    given: tuple[Hashable, ...],
    _ambient: tuple[Hashable, ...],
) -> Statement | None:
    """The statement; without SQL where nothing fulfils the conditions, None where it depends on values."""
    marked, number = [], 0
    for condition in same.conditions:
        put, number = _put_marks(condition, number)
        marked.append(put)
    try:
        found = compile_query(build, marked, given, same.asked and same.asked.marked(count(number)))
        statement = Statement("", ()) if found is None else Statement.of(*found)
    except (UnknownWay, ValidationError, ValueError):
        return None
    all_there = found is None or statement.numbers.issuperset(range(number))
    return statement if all_there else None


def compile_query(
    build: Callable[..., models.QuerySet | Sql | None],
    conditions: Sequence[Any],
    given: tuple[Hashable, ...],
    asked: Any = None,
) -> Sql | None:
    """The same, compiled for this time alone: of querysets too, in the place of conditions."""
    try:
        found = build(*conditions, *given, *(() if asked is None else (asked,)))
        return found.query.sql_with_params() if isinstance(found, models.QuerySet) else found
    except EmptyResultSet:
        return None
