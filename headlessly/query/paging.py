"""The records on a page of a list, and how many there are, at a bounded cost.

If an index answers the filter and the order, a page is its first rows, and counting stops at the cap.
Otherwise the matching records are gathered first, unordered and up to the cap. If these are all, the page is
sorted out of them. If there are more, matches are so frequent that reading the records in order soon meets a
page of them. One statement with filter and order would leave the choice to the planner, which reads the whole
table where filter and order do not agree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models import Q

from headlessly.access import tenancy, visibility
from headlessly.access.prepared_queries import Sql, compile_query, compiled_query
from headlessly.database import prepared as statements
from headlessly.declaration import indexes
from headlessly.log import kept, versions
from headlessly.query import filters, money
from headlessly.query.indexed_order import IndexedOrder
from headlessly.query.list_statements import (
    ListStatements,
    first_page_statement,
    keys_in_any_order,
    keys_in_order,
    keys_of_one,
    keys_with_fit,
    list_statements,
    of_records,
    order_by,
    some_keys,
    union_sql,
)
from headlessly.query.scope import Scope
from headlessly.query.search import Search
from headlessly.query.sorting import SortKey

if TYPE_CHECKING:
    from headlessly.query.rows import RowStatement

#: Counting stops here: nobody pages to the end of more, and counting all costs as much as reading.
COUNT_CAP = 10_000
#: How many records are looked at, in order, for a page of words that are in many records.
MAX_WALK = 20_000
#: A filter with at most this many values of one column is read with one index scan for each.
MOST_APART = 8

CONVERTED = f"__{money.Converted.lookup_name}"

#: A record's id, and its values in the columns of the order.
Key = tuple[Any, ...]


@dataclass(frozen=True)
class PageKeys:
    """The keys of a page, plus one if there are more; and the number of all records."""

    keys: list[Key]
    total: int
    exact: bool


@dataclass
class RecordList:
    """A list: the records of ``scope`` that match all ``filters`` and the words of ``search``, in the order
    of ``sort_keys``. ``narrowed_to`` narrows them in a way that no filter can state."""

    scope: Scope
    sort_keys: Sequence[SortKey]
    filters: Sequence[Mapping[str, Any] | None] = ()
    search: Search | None = None
    narrowed_to: models.QuerySet | None = None
    most_counted: int | None = None  #: where counting stops, if not at the usual cap
    condition: Q | None = None  #: the compiled filters, if the caller has them

    @property
    def _cap(self) -> int:
        return self.most_counted or COUNT_CAP

    @cached_property
    def queryset(self) -> models.QuerySet:
        """The records, without the search. Raises InvalidFilter."""
        found = self.scope.queryset() if self.narrowed_to is None else self.narrowed_to
        return found.filter(self._where)

    @cached_property
    def _where(self) -> Q:
        """The condition of all filters. Raises InvalidFilter."""
        if self.condition is not None:
            return self.condition
        return Q(*(filters.compile_filter(self.scope, f) for f in self.filters))

    def _compiled(
        self,
        build: Callable[..., Any],
        beyond: Q,
        *given: Hashable,
        search: Search | None = None,
    ) -> Sql | None:
        """Returns the statement that ``build`` makes of the records with the condition ``beyond``, further
        arguments, and the ``search``; None if it can find nothing. It is compiled once for all lists that
        differ only in values."""
        if not self._is_alike(search):
            return compile_query(build, [self.queryset, beyond], given, search)
        scope, moment = replace(self.scope, as_of=None), self.scope.moment
        if moment is not None:
            kept.refuse_before_kept(moment, "asOf")
        when = Q() if moment is None else Q(moment=moment)
        conditions = [when, self._where, beyond]
        return compiled_query(of_records, conditions, scope, build, *given, asked=search)

    def _is_alike(self, search: Search | None) -> bool:
        """Whether lists with the same form of filters, in this order, share their statement."""
        if self.narrowed_to is not None or self.scope.moment is not self.scope.as_of:
            return False
        return search is None or (type(self.scope) is Scope and self.scope.as_of is None)

    def page_keys(
        self, size: int, start: int = 0, rest: Sequence[Q] = (), *, count_all: bool = False
    ) -> PageKeys:
        """Returns the keys of ``size`` records from ``start`` on, plus one if there are more. ``rest`` are
        conditions whose records follow each other, such as those after a cursor."""
        if self._has_index:
            keys = self._in_order(size, start, rest)
            if start == 0 and not rest and len(keys) <= size:
                return PageKeys(keys, len(keys), True)
            return PageKeys(keys, *self._count_up_to_cap(count_all))
        if self._indexed is not None:
            # Count without the values, which are in JSON and only read if there are few records.
            total, exact = self._count_up_to_cap(count_all)
            if not exact or total > self._cap:
                return PageKeys(self._in_order(size, start, rest), total, exact)
        search = None if self.search is None else self.search.led(self.queryset)
        total, keys = self._gather(search, size, start, rest)
        if total <= self._cap:
            return PageKeys(keys, total, True)
        keys = (
            self._in_order(size, start, rest)
            if search is None
            else self._walk(search, size, start, rest)
        )
        if not count_all:
            return PageKeys(keys, self._cap, False)
        parts = [self.queryset] if search is None else search.parts(self.queryset)
        return PageKeys(keys, self._count(parts), True)

    def read_page(
        self,
        reading: RowStatement,
        size: int,
        start: int = 0,
        rest: Sequence[Q] = (),
        *,
        count_all: bool = False,
    ) -> tuple[list[dict[str, Any]], PageKeys]:
        """Returns the records of a page as ``reading`` gives them, and their keys.

        The first page of a list with an index is one statement: it reads a bounded number of rows, whatever
        is in the table.
        """
        plain = not (start or rest or count_all) and self._has_index and self._indexed is None
        if plain and self._statements is not None:
            return self._read_first_page(self._statements, reading, size)
        page = self.page_keys(size, start, rest, count_all=count_all)
        keys = [key for key, *_ in page.keys[:size]]
        return reading.fetch(keys, self.scope.moment), page

    def _read_first_page(
        self, listed: ListStatements, reading: RowStatement, size: int
    ) -> tuple[list[dict[str, Any]], PageKeys]:
        given, moment = self._given, self.scope.moment
        sql = first_page_statement(listed, reading, size + 1, self._cap + 1)
        joined = [moment] * reading.joined_moments
        rows = statements.execute_prepared(sql, [*given, *given, *joined], binary=True)
        width = 2 + len(self.sort_keys)
        keys = [row[1:width] for row in rows]
        seen = rows[0][0] if rows else 0
        page = PageKeys(keys, min(seen, self._cap), seen <= self._cap)
        found = [row[width:] for row in rows[:size]]
        return reading.records(found, [key for key, *_ in keys[:size]], moment), page

    def first_keys(self, size: int, start: int = 0) -> list[Key]:
        """Returns the keys of a page, without counting the records."""
        if self._has_index:
            return self._in_order(size, start, ())
        return self.page_keys(size, start).keys

    def first_keys_sql(self, size: int, *, gathered: bool) -> Sql | None:
        """Returns the statement for the first keys of a list without a search, as a part of another: in
        order, or with ``gathered`` among as many records as are counted. None if there are no records."""
        if not gathered:
            order = [column.expression for column in self.sort_keys]
            ordered = self.queryset.order_by(*order).values_list(self.scope.key)
            return union_sql([ordered[:size]])
        united = self._any_keys()
        if united is None:
            return None
        sql, parameters = united
        return (
            f"(SELECT k FROM ({sql}) AS found ({', '.join(self._row)}) "
            f"ORDER BY {self._order} LIMIT {size})",
            parameters,
        )

    @cached_property
    def _equalities(self) -> dict[str, Any] | None:
        """The filters as column values; None if they have other conditions. Raises InvalidFilter."""
        plain = self.search is None and self.narrowed_to is None and type(self.scope) is Scope
        return filters.column_equalities(self.scope.noun, self.filters) if plain else None

    @cached_property
    def _has_index(self) -> bool:
        """Whether an index has exactly these records in this order."""
        if self._equalities is None:
            return False
        if not self._equalities and self._indexed is not None:
            return True
        return indexes.has_index_for(self._model, self._equalities, self.sort_keys)

    @property
    def _model(self) -> type[models.Model]:
        """The model of the table that is read: the noun's, or that of its versions."""
        return self.scope.noun if self.scope.as_of is None else self.scope.noun.past

    @cached_property
    def _indexed(self) -> IndexedOrder | None:
        """The order, if it is that of an indexed own field of the tenant."""
        return IndexedOrder.of(self.scope, self.sort_keys) if self.search is None else None

    @cached_property
    def _index_rows(self) -> models.QuerySet | None:
        """The rows of the index of an own field, if these are exactly the records of the list."""
        if self._indexed is None or self.narrowed_to is not None or type(self.scope) is not Scope:
            return None
        if self.scope.noun.schema.is_limited and visibility.visible_owner() is not None:
            return None
        return self._indexed.rows_of_all(self.filters)

    @cached_property
    def _statements(self) -> ListStatements | None:
        """The statements of a list with plain filters, current or past, shared by all lists of this form."""
        noun, moment, first = self.scope.noun, self.scope.moment, self.sort_keys[0]
        turned = first.nullable and not first.descending
        if any(key.name.endswith(CONVERTED) for key in self.sort_keys):
            return None  # rates and days are not columns
        if self._equalities is None or moment is not self.scope.as_of or turned:
            return None
        if noun.schema.is_limited and visibility.visible_owner() is not None:
            return None
        if moment is not None:
            kept.refuse_before_kept(moment, "asOf")
        visible, _ = visibility.visible_rows(noun, "r", past=moment is not None)
        names = tuple(self._equalities)
        return list_statements(noun, visible, names, tuple(self.sort_keys), past=moment is not None)

    @property
    def _given(self) -> list[Any]:
        """The parameters of these statements: the tenant, the values of columns, and the moment."""
        moment, values = self.scope.moment, (self._equalities or {}).values()
        moments = [] if moment is None else [moment] * versions.VALID_TAKES
        return [tenancy.require().pk, *values, *moments]

    def _count_up_to_cap(self, everything: bool) -> tuple[int, bool]:
        if self._index_rows is not None and not everything:
            seen = self._index_rows[: self._cap + 1].count()
            return min(seen, self._cap), seen <= self._cap
        if everything:
            return self.queryset.order_by().count(), True
        if self._statements is None:
            found = self._compiled(some_keys, Q(), self._cap + 1)
            seen = 0 if found is None else _count(*found)
        else:
            given = [*self._given, self._cap + 1]
            seen = statements.execute_prepared(self._statements.count, given)[0][0]
        return min(seen, self._cap), seen <= self._cap

    # -- in order -----------------------------------------------------------------------------------

    def _ordered_conditions(self, start: int, rest: Sequence[Q]) -> Iterator[tuple[Q, bool]]:
        """Yields conditions whose records follow each other, each with whether its order has nulls first.

        If the first column ascends and its index descends, the index is read backwards: first the records
        with a value, then those without.
        """
        first = self.sort_keys[0]
        turned = (
            first.nullable and not first.descending
            and indexes.has_descending_index(self._model, first.name)
        )  # fmt: skip
        if turned and not rest and not start:
            rest = [~first.equal_to(None), first.equal_to(None)]
        for number, condition in enumerate(rest or [Q()]):
            yield condition, turned and number == 0 and len(rest) == 2

    def _in_order(self, size: int, start: int, rest: Sequence[Q]) -> list[Key]:
        if self._indexed is not None:
            whole = self._index_rows is not None
            return self._indexed.read(
                self.queryset, size + 1, start, rest, self.filters, is_whole=whole
            )
        if self._statements is not None and not rest:
            given = [*self._given, size + 1, start]
            return statements.execute_prepared(self._statements.page, given, binary=True)
        keys: list[Key] = []
        for condition, nulls_first in self._ordered_conditions(start, rest):
            if (missing := size + 1 - len(keys)) <= 0:
                break
            if (apart := self._apart()) is not None:
                keys += self._merge_values(condition, nulls_first, *apart, missing, start)
                continue
            compiled = self._compiled(
                keys_in_order,
                condition,
                tuple(self.sort_keys),
                nulls_first,
                start,
                start + missing,
            )
            keys += [] if compiled is None else _rows(*compiled)
        return keys

    def _apart(self) -> tuple[str, list[Any]] | None:
        """Returns the column for which a filter accepts several values, with these, if an index has the
        records of each value in the order of the list. One look-up of several values would have to read and
        sort all their records, because the index has them one value after the other."""
        noun = self.scope.noun
        if self.scope.as_of is not None or self.search is not None or len(self.sort_keys) > 2:
            return None
        for column, values in filters.several_values(noun, self.filters):
            if len(values) <= MOST_APART and indexes.has_index_of_each(
                noun, column, values, self.sort_keys
            ):
                return column, list(values)
        return None

    def _merge_values(
        self, beyond: Q, nulls_first: bool, column: str, values: list[Any], size: int, start: int
    ) -> list[Key]:
        """Returns the first keys of the records with each value in ``column``, merged in order."""
        asked = (tuple(self.sort_keys), nulls_first, column, start + size)
        each = self._compiled(keys_of_one, beyond, *asked)
        if each is None:
            return []
        sql, parameters = each
        return self._sorted(
            f"unnest(%s::text[]) AS apart (value) CROSS JOIN LATERAL ({sql}) AS",
            (values, *parameters), size, start,
        )  # fmt: skip

    def _merge(self, parts: Sequence[models.QuerySet], size: int, start: int) -> list[Key]:
        """Returns the first keys of each part, merged in order."""
        found = union_sql(
            [p.values_list(self.scope.key, *self._names)[: start + size] for p in parts]
        )
        if found is None:
            return []
        sql, parameters = found
        return self._sorted(f"({sql}) AS", parameters, size, start)

    def _sorted(self, source: str, parameters: Sequence[Any], size: int, start: int) -> list[Key]:
        return _rows(
            f"SELECT united.* FROM {source} united ({', '.join(self._row)}) "
            f"ORDER BY {self._order} LIMIT %s OFFSET %s",
            (*parameters, size, start),
        )

    # -- gathered -----------------------------------------------------------------------------------

    def _any_keys(self, rest: Sequence[Q] = (), search: Search | None = None) -> Sql | None:
        """Returns the statement that reads keys in any order, as many as are counted plus one; with ``rest``,
        each with whether it fulfils that."""
        beyond = reduce(or_, rest) if rest else Q()
        given = (tuple(self.sort_keys), bool(rest), self._cap + 1)
        return self._compiled(keys_in_any_order, beyond, *given, search=search)

    def _gather(
        self, search: Search | None, size: int, start: int, rest: Sequence[Q]
    ) -> tuple[int, list[Key]]:
        """Returns the number of records, up to one above the cap; and the page if that is all."""
        found = self._any_keys(rest, search)
        if found is None:
            return 0, []
        sql, parameters = found
        row = ", ".join(self._row)
        rows = _rows(
            f"WITH found ({row}{', beyond' if rest else ''}) AS MATERIALIZED "
            f"(SELECT * FROM ({sql}) AS united LIMIT {self._cap + 1}), "
            "counted AS (SELECT count(*) AS total FROM found) "
            "SELECT counted.total, page.* FROM counted LEFT JOIN LATERAL "
            f"(SELECT {row} FROM found WHERE counted.total <= {self._cap}{' AND beyond' if rest else ''} "
            f"ORDER BY {self._order} LIMIT %s OFFSET %s) AS page ON true",
            (*parameters, size + 1, start),
        )
        return rows[0][0], [row[1:] for row in rows if row[1] is not None]

    # -- words that are in many ----------------------------------------------------------------------

    def _walk(self, search: Search, size: int, start: int, rest: Sequence[Q]) -> list[Key]:
        """Returns a page by checking record after record in order; if it does not fill up, by merging all
        parts."""
        condition, nulls_first = next(self._ordered_conditions(start, rest))
        given = (tuple(self.sort_keys), nulls_first, MAX_WALK)
        fitting = self._compiled(keys_with_fit, condition, *given, search=search)
        if fitting is None:
            return []
        sql, parameters = fitting
        row = ", ".join(self._row)
        # Rows below a limit come in its order, and only as many as are taken.
        keys = _rows(
            f"SELECT {row} FROM ({sql}) AS looked_at ({row}, fits) WHERE fits LIMIT %s OFFSET %s",
            (*parameters, size + 1, start),
        )
        return keys if len(keys) > size else self._merge_parts(search, size, start, rest)

    def _merge_parts(self, search: Search, size: int, start: int, rest: Sequence[Q]) -> list[Key]:
        """Returns the first keys of each part, merged in order."""
        keys: list[Key] = []
        for condition, nulls_first in self._ordered_conditions(start, rest):
            if (missing := size + 1 - len(keys)) > 0:
                order = order_by(self.sort_keys, nulls_first)
                parts = search.parts(self.queryset.filter(condition).order_by(*order))
                keys += self._merge(parts, missing, start)
        return keys

    def _count(self, parts: Sequence[models.QuerySet]) -> int:
        found = union_sql([part.order_by().values_list(self.scope.key) for part in parts])
        return 0 if found is None else _count(*found)

    # -- said in SQL ----------------------------------------------------------------------------------

    @property
    def _names(self) -> list[str]:
        return [column.name for column in self.sort_keys]

    @property
    def _row(self) -> list[str]:
        return ["k", *(f"s{number}" for number in range(len(self.sort_keys)))]

    @property
    def _order(self) -> str:
        """The order by the names of :attr:`_row`; nulls last either way."""
        return ", ".join(
            f"s{number} {'DESC NULLS LAST' if column.descending else 'ASC'}"
            for number, column in enumerate(self.sort_keys)
        )


def count_records(found: models.QuerySet, *, everything: bool = False) -> tuple[int, bool]:
    """Returns the number of records, and whether it is exact: counting stops at the cap unless
    ``everything``."""
    if everything:
        return found.order_by().count(), True
    seen = found.order_by()[: COUNT_CAP + 1].values("pk").count()
    return min(seen, COUNT_CAP), seen <= COUNT_CAP


def narrow_by_search(found: models.QuerySet, search: Search | None) -> tuple[models.QuerySet, bool]:
    """Returns the records with the words, to be read in any order and in part; and whether there are more
    than the cap. If so, each record is checked for the words; otherwise they are looked up as a whole."""
    if search is None:
        return found, False
    gathered = union_sql(
        [p.order_by().values_list(search.scope.key)[: COUNT_CAP + 1] for p in search.parts(found)]
    )
    if gathered is None:
        return found.none(), False
    sql, parameters = gathered
    ids = [
        id for (id,) in _rows(f"SELECT * FROM ({sql}) AS united LIMIT {COUNT_CAP + 1}", parameters)
    ]
    many = len(ids) > COUNT_CAP
    listed = {f"{search.scope.key}__in": ids}
    return found.filter(search.record_condition) if many else found.filter(**listed), many


def _count(sql: str, parameters: Sequence[Any]) -> int:
    return _rows(f"SELECT count(*) FROM ({sql}) AS found", parameters)[0][0]


def _rows(sql: str, parameters: Sequence[Any]) -> list[Key]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
