"""Queries that Django compiles once, and that are then only filled in with arguments.

Compiling a query costs ten times as much as finding a record by its key, and Django does it each time.
Queries that verbs and hooks make for each record are declared as functions that return them::

    @prepared_query
    def open_tasks(lead: str) -> QuerySet:
        return Activity.objects.filter(lead=lead, status__in=Activity.OPEN).values_list("pk")

    for (id,) in open_tasks(lead.pk): ...

Such a query is compiled once for each tenant, and for each person who sees only some records; the statement
is the same for all.

The queries of reports and searches consist of conditions, of which only the values change:
:func:`compiled_query`.

While a query is compiled, a mark stands for each argument (:func:`mark_text`). Whatever happens to the mark
has to be done to the argument later: it may get into a pattern, or into JSON in a pattern.
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

#: How many compiled queries are kept for each shape, and for all tenants without one.
MOST_KEPT = 2_048

#: The delimiters of a mark: private-use characters, which no declaration has.
FIRST, LAST = "\ue000", "\ue001"
#: The content of a mark: characters that patterns and JSON escape, and letters that show a change of case.
SIGNS = 'aZ%"'
_WRITTEN = repr(FIRST)[1:-1]
MARK = re.compile(f"{FIRST}(\\d+)([^{LAST}]*){LAST}")


def mark_text(number: int) -> str:
    """Returns the placeholder for the text with this number while a query is compiled."""
    return f"{FIRST}{number}{SIGNS}{LAST}"


def mark_texts(number: int) -> list[str]:
    """Returns the placeholder for a list of texts, which is one parameter."""
    return [mark_text(number)]


class _MarkedMoment(datetime):
    """The placeholder for a moment."""

    number: int


class _MarkedDay(date):
    """The placeholder for a day."""

    number: int


def _mark(value: Any, number: int) -> Any:
    """Returns the placeholder for a value of this type."""
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
    """The query did something to a mark that cannot be repeated for the argument."""

    def __init__(self, parameter: str, number: int | None = None) -> None:
        super().__init__(f"Something else than an argument is in {parameter!r}.")
        self.number = number


@dataclass(frozen=True)
class _Filled:
    """A parameter made of arguments (their numbers, each with what is done to it) and of text between
    them."""

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
    """A parameter that is a list of such; or one argument that is itself a list (:func:`mark_texts`)."""

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
    """A compiled query, and how its parameters are made of arguments."""

    sql: str
    parameters: tuple[Any, ...]

    @classmethod
    def of(cls, sql: str, parameters: Sequence[Any]) -> Statement:
        """Returns the statement of a query that was built with marks. Raises UnknownWay."""
        return cls(sql, tuple(map(_read_marks, parameters)))

    @property
    def numbers(self) -> set[int]:
        """The numbers of the arguments that it needs."""
        found: set[int] = set()
        for each in self.parameters:
            found |= each.numbers if isinstance(each, _FILLED) else set()
        return found

    def fill(self, given: Sequence[Any]) -> list[Any]:
        """Returns the parameters for these arguments."""
        return [each.fill(given) if isinstance(each, _FILLED) else each for each in self.parameters]


def _read_marks(parameter: Any) -> Any:
    """Returns a parameter, with its marks resolved to arguments."""
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
    """Returns what is done to an argument, by what became of the characters in its mark."""
    found: dict[str, Callable[[str], str] | None] = {SIGNS: None}
    for way in (_in_pattern, _in_json, lambda text: _in_pattern(_in_json(text))):
        found[way(SIGNS)] = way
    return found


def prepared_query(
    build: Callable[P, models.QuerySet[Any, tuple[Any, ...]]],
) -> Callable[P, list[tuple[Any, ...]]]:
    """Decorate a function that builds a query, to return the rows of the query instead.

    Its arguments are text, such as keys. Neither they nor the time may change how the query is built.
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
    """The values of conditions in order: text, moments and days."""

    def take_from(self, condition: Q) -> Hashable:
        """Add the values of a condition, and return the rest, which is equal for conditions that differ only
        in values. Raises TypeError for a condition with other kinds of values."""
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
    """Returns the condition with marks instead of its values, numbered from ``number`` on, and the next
    number."""
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
    """What a query is built from besides conditions, such as the words of a search."""

    @property
    def key(self) -> Hashable:
        """What decides how the query is built, apart from the values."""

    @property
    def values(self) -> Sequence[Any]:
        """The values that the query is filled in with: text, and lists of text."""

    def marked(self, numbers: Iterator[int]) -> Any:
        """Returns the placeholder for all with this key, with marks of these numbers instead of its
        values."""


#: A statement and its parameters.
Sql = tuple[str, tuple[Any, ...]]


def compiled_query(
    build: Callable[..., models.QuerySet[Any, tuple[Any, ...]] | Sql | None],
    conditions: Sequence[Q],
    *given: Hashable,
    asked: Asked | None = None,
) -> Sql | None:
    """Returns the statement of the query that ``build`` makes of conditions and the further arguments, and
    its parameters; None if nothing can fulfil them. ``asked`` is passed as the last argument.

    It is compiled once for all conditions that differ only in text, moments and days, unless they contain
    queries. ``build`` may depend on nothing else but the tenant, the reader's visibility, their time zone,
    and the day.
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
    """Arguments of a query that are equal if they differ only in values."""

    def __init__(self, known: Hashable, conditions: Sequence[Q], asked: Asked | None) -> None:
        self.known, self.conditions, self.asked = known, conditions, asked

    def forget_values(self) -> None:
        """Drop the values, which may be many: this object is kept as a cache key."""
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
    """Returns the statement; without SQL if nothing fulfils the conditions, None if it depends on values."""
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
    """Returns the statement of such a query, compiled for this time only. Instead of conditions it may have
    querysets."""
    try:
        found = build(*conditions, *given, *(() if asked is None else (asked,)))
        return found.query.sql_with_params() if isinstance(found, models.QuerySet) else found
    except EmptyResultSet:
        return None
