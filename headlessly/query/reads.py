"""Reads, the same for every surface: a list, a page of it, one record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from headlessly.access import visibility
from headlessly.access.managers import BoundedQuerySet
from headlessly.context import clock
from headlessly.database.timeouts import statement_timeout
from headlessly.declaration import days, values
from headlessly.errors import InvalidFilter, NotFound, did_you_mean
from headlessly.execution.table import table_of
from headlessly.log import versions
from headlessly.query import cursors, filters, rows, sorting
from headlessly.query.missing_rates import missing_rates
from headlessly.query.paging import COUNT_CAP as COUNT_CAP
from headlessly.query.paging import RecordList
from headlessly.query.paging import count_records as count_records
from headlessly.query.scope import Scope
from headlessly.query.search import Search

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

N = TypeVar("N", bound="Record")

DEFAULT_LIMIT, MAX_LIMIT = 25, 100
WHOLE = re.compile(r"\s*[+-]?[0-9]{1,9}\s*\Z")


BY_ONE = "Page by cursor or by offset, not by both."


@dataclass(frozen=True)
class Page:
    results: list[dict[str, Any]]
    total: int
    total_is_exact: bool
    has_more: bool
    cursor: str | None = None
    missing_rates: Sequence[str] = ()  #: currencies whose amounts a range leaves out

    def as_json(self) -> dict[str, Any]:
        envelope: dict[str, Any] = {
            "results": self.results,
            "total": self.total,
            "hasMore": self.has_more,
            "cursor": self.cursor,
        }
        envelope |= {} if self.total_is_exact else {"totalIsExact": False}
        return envelope | ({"missingRates": [*self.missing_rates]} if self.missing_rates else {})


def find_queryset(
    noun: type[Record],
    filter: Mapping[str, Any] | None = None,
    *,
    sort: Any = None,
    limit: int | None = None,
    include: Any = (),
    q: str | None = None,
    as_of: Any = None,
) -> models.QuerySet:
    """Returns the matching records as a queryset; with ``as_of``, as they were at that moment."""
    moment = check_moment(as_of)
    scope = Scope(noun, moment)
    found = scope.queryset().filter(filters.compile_filter(scope, filter))
    if q:
        found = found.filter(filters.words_condition(scope, q))
    found = found.order_by(*sorting.order_by_expressions(scope, sort))
    if isinstance(found, BoundedQuerySet):
        found.bounded = filters.may_be_slow(filter)
    names = check_include(noun, include)
    if moment is not None:
        if names:
            raise InvalidFilter("Python reads the past without include; REST and MCP with it.")
        found._iterable_class = versions.PastIterable
    else:
        references = [n for n in names if n in noun.schema.fields]
        found = visibility.load_visible_references(
            found, (noun.schema.fields[n].name for n in references)
        )
        others = [noun.schema.relations[n] for n in names if n not in references]
        if any(relation.is_custom for relation in others):
            raise InvalidFilter(
                "Python reads the other side of a field of your own by a filter of that noun; REST and MCP "
                "by include."
            )
        found = found.prefetch_related(*(relation.accessor for relation in others))
    return found if limit is None else found[: check_limit(limit)]


def find_record(noun: type[N], id: Any, *, include: Any = (), as_of: Any = None) -> N:
    """Returns one record as an object. Raises NotFound."""
    if not isinstance(id, str) or not values.is_storable(id):
        raise noun.not_found(id)
    moment = check_moment(as_of)
    if moment is None and not check_include(noun, include):
        found = table_of(noun).find(id)
    else:
        scope = Scope(noun, moment)
        records = find_queryset(noun, include=include, as_of=as_of).order_by()
        found = records.filter(**{scope.key: id}).first()
    if found is None:
        raise not_found(noun, id)
    return found


def record_json(
    noun: type[Record], id: Any, *, include: Any = (), fields: Any = None, as_of: Any = None
) -> dict[str, Any]:
    """Returns one record as JSON. Raises NotFound."""
    moment = check_moment(as_of)
    if not isinstance(id, str) or not values.is_storable(id):
        raise noun.not_found(id)
    reading = rows.row_statement(
        noun, check_fields(noun, fields), check_include(noun, include), moment is not None
    )
    if moment is None:
        found = reading.find(id)
    else:
        scope = Scope(noun, moment)
        there = scope.queryset().filter(**{scope.key: id}).exists()
        found = next(iter(reading.fetch([id] if there else [], moment)), None)
    if found is None:
        raise not_found(noun, id)
    return found


def record_page(
    noun: type[Record],
    filter: Mapping[str, Any] | None = None,
    *,
    conditions: Sequence[Mapping[str, Any]] = (),
    sort: Any = None,
    limit: Any = None,
    offset: Any = None,
    cursor: str | None = None,
    include: Any = (),
    fields: Any = None,
    q: str | None = None,
    as_of: Any = None,
    count_all: bool = False,
) -> Page:
    """Returns one page of the matching records as JSON, and how many there are.

    ``conditions`` are further filters; ``cursor`` continues where a page of the same list ended.
    """
    if cursor and offset:
        raise InvalidFilter(BY_ONE, field="cursor")
    moment = check_moment(as_of)
    size, start = check_limit(limit), check_offset(offset)
    columns = sorting.sort_keys(Scope(noun), sort)
    mark = cursors.fingerprint(noun.__name__, columns, filter or {}, conditions, q or "", as_of)
    rest: list[models.Q] = []
    if cursor:
        moment, row = cursors.decode_cursor(cursor, mark, columns)
        scope = Scope(noun, moment)
        columns = sorting.sort_keys(scope, sort)
        rest = cursors.conditions_after(columns, row)
    else:
        scope = Scope(noun, moment)
        columns = sorting.sort_keys(scope, sort)
    reading = rows.row_statement(
        noun, check_fields(noun, fields), check_include(noun, include), moment is not None
    )
    stated = (filter, *conditions)
    search = make_search(scope, q)
    record_list = RecordList(scope, columns, stated, search)
    bounded = search is not None or filters.may_be_slow(filter, conditions)
    with statement_timeout() if bounded else nullcontext():
        results, page_keys = record_list.read_page(reading, size, start, rest, count_all=count_all)
        keys = page_keys.keys
        missing = [] if cursor else missing_rates(scope, stated, search)
    more = len(keys) > size
    following = cursors.encode_cursor(mark, moment, keys[size - 1][1:]) if more else None
    return Page(results, page_keys.total, page_keys.exact, more, following, missing)


def make_search(scope: Scope, text: Any) -> Search | None:
    """Returns the search for the words of ``text``, or None if it has none. Raises InvalidFilter."""
    search = Search(scope, text) if text else None
    return search if search is not None and search.words else None


def first_records(
    noun: type[Record],
    filter: Mapping[str, Any] | None = None,
    *,
    limit: int,
    sort: Any = None,
    include: Any = (),
    fields: Any = None,
    q: str | None = None,
    as_of: Any = None,
) -> tuple[list[dict[str, Any]], bool]:
    """Returns the first ``limit`` matching records as JSON, and whether there are more, without counting
    them."""
    moment = check_moment(as_of)
    scope = Scope(noun, moment)
    reading = rows.row_statement(
        noun, check_fields(noun, fields), check_include(noun, include), moment is not None
    )
    search = make_search(scope, q)
    record_list = RecordList(scope, sorting.sort_keys(scope, sort), (filter,), search)
    bounded = search is not None or filters.may_be_slow(filter)
    with statement_timeout() if bounded else nullcontext():
        keys = [key for key, *_ in record_list.first_keys(limit)]
        return reading.fetch(keys[:limit], moment), len(keys) > limit


# -- checking parameters ----------------------------------------------------------------------------


def check_include(noun: type[Record], include: Any) -> tuple[str, ...]:
    """Returns the wire names of references and other sides to include. Raises InvalidFilter for others."""
    names = include.split(",") if isinstance(include, str) else include or ()
    if not isinstance(names, list | tuple | set | frozenset):
        raise InvalidFilter("include is a list of names of references.", field="include")
    found = []
    for name in names:
        text = name.strip() if isinstance(name, str) else str(name)
        if not text:
            continue
        field = noun.schema.field(text)
        if field is not None and field.type == "reference":
            found.append(field.wire)
        elif text in noun.schema.relations:
            found.append(text)
        else:
            references = [f.wire for f in noun.schema.references.values()]
            known = [*references, *noun.schema.relations]
            there = ", ".join(known)
            raise InvalidFilter(
                f"{noun.__name__} cannot include {text[:64]!r}.{did_you_mean(text, known)} "
                + (f"Include: {there}." if there else "It has nothing to do with other records."),
                type=noun.__name__,
                field=text[:64],
            )
    return tuple(dict.fromkeys(found))


def check_fields(noun: type[Record], fields: Any) -> tuple[str, ...] | None:
    """Returns the wire names of the fields to answer, or None for all; meta-fields are always answered."""
    if fields in (None, "", (), []):
        return None
    names = fields.split(",") if isinstance(fields, str) else fields
    if not isinstance(names, list | tuple):
        raise InvalidFilter("fields is a list of names of fields.", field="fields")
    asked = [str(name).strip() for name in names if str(name).strip()]
    for name in asked:
        first, dot, rest = name.partition(".")
        if dot and (field := noun.schema.field(first)) is not None and field.type == "reference":
            raise InvalidFilter(
                f"fields are the record's own: {first} is one, and to include {first} answers its "
                f"{rest[:64]}.",
                type=noun.__name__,
                field=name[:64],
            )
    return tuple(sorted({filters.find_field(noun, name).wire for name in asked}))


def check_limit(limit: Any) -> int:
    return check_whole_number("limit", limit, DEFAULT_LIMIT, 1, MAX_LIMIT)


def check_offset(offset: Any) -> int:
    return check_whole_number("offset", offset, 0, 0, 1_000_000)


def check_whole_number(name: str, value: Any, default: int, low: int, high: int) -> int:
    """Returns the value of a parameter, or the default if it is missing. Raises InvalidFilter."""
    if value is None or value == "":
        return default
    number = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and WHOLE.match(value):
        number = int(value)
    if number is None or not low <= number <= high:
        raise InvalidFilter(f"{name} is a whole number from {low} to {high:,}.", field=name)
    return number


def check_moment(moment: Any, name: str = "asOf") -> datetime | None:
    """Returns the past moment in a parameter, absolute or relative. Raises InvalidFilter, also if it is in
    the future."""
    found = read_moment(name, moment)
    if found is not None and clock.is_in_future(found):
        raise InvalidFilter(
            f"{name}: this is yet to come, and nobody knows what is then. Give a moment until now, or leave "
            "it out for the present.",
            field=name,
        )
    return found


def read_moment(name: str, moment: Any) -> datetime | None:
    """Returns the moment in a parameter, absolute or relative. Raises InvalidFilter."""
    if moment is None:
        return None
    try:
        relative = days.relative_moment(moment) if isinstance(moment, str) else None
        return relative or values.clean_moment(None, moment, text=True)
    except ValueError as problem:
        raise InvalidFilter(
            f"{name}: {problem} {days.describe_relative_forms()}", field=name
        ) from None


def not_found(noun: type[Record], id: str) -> NotFound:
    """Returns the error for an unknown id; for a merged record it names the record that it lives on in."""
    problem = noun.not_found(id)
    successors = noun.with_deleted.values_list("successor", flat=True)
    while successor := successors.filter(pk=id).first():
        problem.extra["mergedInto"] = id = successor
    return problem
