"""Lists in the order of an indexed own field of the tenant, read along the index one page at a time.

Records without a value come last, in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from headlessly.log import indexed_values
from headlessly.query import filters, operators
from headlessly.query.scope import Scope
from headlessly.query.sorting import SortKey

if TYPE_CHECKING:
    from headlessly.declaration.schema import Field

Key = tuple[Any, ...]


@dataclass
class IndexedOrder:
    """The order of a list by an indexed field, then by id."""

    scope: Scope
    field: Field
    keys: Sequence[SortKey]

    @classmethod
    def of(cls, scope: Scope, keys: Sequence[SortKey]) -> IndexedOrder | None:
        """Returns the order if an index has it; only for current records."""
        first, last = keys[0], keys[-1]
        if scope.as_of is not None or len(keys) != 2 or first.descending != last.descending:
            return None
        for field in scope.noun.schema.custom:
            if field.index_key and first.name in (field.column, f"{field.column}__folded"):
                return cls(scope, field, keys)
        return None

    def rows_of_all(
        self, stated: Sequence[Mapping[str, Any] | None]
    ) -> models.QuerySet[indexed_values.IndexedValue] | None:
        """Returns the rows of the index for all records of the list; None if the filters ``stated`` have
        other conditions than comparisons of the field."""
        if not filters.only_compares(self.scope.noun, stated, self.field):
            return None
        return self._rows(stated)

    def read(
        self,
        found: models.QuerySet,
        size: int,
        start: int,
        rest: Sequence[Q],
        stated: Iterable[Mapping[str, Any] | None],
        *,
        is_whole: bool = False,
    ) -> list[Key]:
        """Returns the keys of ``size`` records of ``found`` from ``start`` on.

        ``rest`` are conditions whose records follow each other. ``stated`` are the filters of the list; with
        ``is_whole`` the index answers them completely.
        """
        without = self.keys[0].equal_to(None)
        ids: list[str] = []
        skipped = 0
        for stretch in rest or [~without, without]:
            if len(ids) >= size:
                break
            rows = (
                self._without_value(found.filter(stretch))
                if _asks_for_none(stretch)
                # No need to check each record for what the index knows already.
                else self._along_index(
                    self.scope.queryset() if is_whole else found, stretch, stated
                )
            )
            at = max(start - skipped, 0)
            here = list(rows[at : at + size - len(ids)])
            if not here and at:
                skipped += len(rows[:at])
            else:
                skipped = start
            ids += here
        return self._keys_of(found, ids)

    def _without_value(self, found: models.QuerySet) -> models.QuerySet:
        return found.order_by(self.keys[-1].expression).values_list("pk", flat=True)

    def _along_index(
        self, found: models.QuerySet, stretch: Q, stated: Iterable[Mapping[str, Any] | None]
    ) -> models.QuerySet:
        column = indexed_values.rank_column(self.field)
        # Start in the index where the filters begin.
        rows = self._rows(stated)
        if stretch != ~self.keys[0].equal_to(None):
            rows = rows.filter(self._in_index(stretch))
        way = "-" if self.keys[0].descending else ""
        rows = rows.filter(Exists(found.order_by().filter(pk=OuterRef("record"))))
        return rows.order_by(f"{way}{column}", f"{way}record").values_list("record", flat=True)

    def _rows(self, stated: Iterable[Mapping[str, Any] | None]) -> models.QuerySet:
        rows = indexed_values.values_of(self.field)
        for operator, value in filters.comparisons_with(self.scope.noun, stated, self.field):
            rows = rows.filter(operators.compare_in_index(self.field, operator, value))
        return rows

    def _in_index(self, condition: Q) -> Q:
        """Returns a condition on the sort columns, such as a cursor's, as a condition on the index."""
        column, name = indexed_values.rank_column(self.field), self.keys[0].name

        def said(child: Any) -> Any:
            if isinstance(child, Q):
                return self._in_index(child)
            lookup, value = child
            if lookup == name or lookup.startswith(f"{name}__"):
                return f"{column}{lookup.removeprefix(name)}", indexed_values.rank(value)
            return f"record{lookup.removeprefix(self.scope.key)}", value

        return Q(
            *map(said, condition.children),
            _connector=condition.connector,
            _negated=condition.negated,
        )

    def _keys_of(self, found: models.QuerySet, ids: Sequence[str]) -> list[Key]:
        name = self.keys[0].name
        rows = {
            row[0]: row for row in found.model.objects.filter(pk__in=ids).values_list("pk", name)
        }
        return [(id, rows[id][1], id) for id in ids if id in rows]


def _asks_for_none(condition: Q) -> bool:
    """Whether a condition asks for the records without a value."""
    said: list[Any] = [] if condition.negated else list(condition.children)
    return any(
        _asks_for_none(child)
        if isinstance(child, Q)
        else child[0].endswith("__isnull") and child[1] is True
        for child in said
    )
