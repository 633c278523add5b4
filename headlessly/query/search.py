"""Words in any searchable field, found without reading more of the tables than that takes.

A record fits when every word is somewhere in its own fields or in those of its references. An OR over
joins would use no index, so the question is asked in parts, one for each table in which a word can be;
their union is the answer. Of several words the rarest one leads: the others are then looked for record by
record. How rare a word is, the planner estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import OuterRef, Q, Subquery, Value

from headlessly.access import visibility
from headlessly.declaration import normalization, values
from headlessly.errors import InvalidFilter
from headlessly.query.scope import MAX_WORDS, Scope


@dataclass(frozen=True)
class SearchTable:
    """A table that is searched: the noun's own, or that of one of its references."""

    scope: Scope
    reference: str  #: the column that refers to it; empty for the noun's own table
    columns: tuple[str, ...]

    def word_condition(self, word: str) -> Q:
        found = Q()
        for column in self.columns:
            found |= Q(**{f"{column}__icontains": word})
        return found

    def records_with_word(self, word: str) -> Q:
        """The condition of records with ``word`` in this table, looked up from here by its index."""
        if not self.reference:
            return self.word_condition(word)
        inside = self._there().filter(self.word_condition(word)).order_by()
        return Q(**{f"{self.reference}__in": inside.values(self.scope.key)})

    def record_has_word(self, word: str) -> Q:
        """The same condition asked record by record, so that the planner does not list all matches first."""
        if not self.reference:
            return self.word_condition(word)
        mine = self._there().filter(**{self.scope.key: OuterRef(self.reference)})
        there = mine.filter(self.word_condition(word)).order_by().values(yes=Value(True))[:1]
        return Q(Subquery(there, output_field=models.BooleanField()))

    def _there(self) -> models.QuerySet:
        """Where it looks behind a reference: at cards too, where it asks for nothing else."""
        card = {field.name for field in self.scope.noun.schema.card}
        if self.scope.as_of is None and card.issuperset(self.columns):
            return visibility.with_cards(self.scope.noun)
        return self.scope.queryset()


class Search:
    """Words searched for among the records of a scope. Raises InvalidFilter for what is no text."""

    def __init__(self, scope: Scope, text: Any) -> None:
        if not isinstance(text, str):
            raise InvalidFilter("A search is text.")
        try:
            values.check_storable(text)
        except ValueError as problem:
            raise InvalidFilter(str(problem)) from None
        self.scope = scope
        self.words = list(dict.fromkeys(normalization.normalize_text(text).split()))[:MAX_WORDS]

    @cached_property
    def tables(self) -> list[SearchTable]:
        tables: dict[str, list[str]] = {}
        for path in self.scope.noun.Surface.search:
            *references, column = path.split("__")
            tables.setdefault("__".join(references), []).append(column)
        found = []
        for name, columns in tables.items():
            if not name:
                found.append(SearchTable(self.scope, "", tuple(columns)))
                continue
            reference = self.scope.noun.schema.by_name[name]
            other = self.scope.for_noun(reference.target_noun)
            found.append(SearchTable(other, reference.column, tuple(columns)))
        return found

    def parts(self, found: models.QuerySet) -> list[models.QuerySet]:
        """The matching records of ``found``, one queryset per table, led by its index; they may overlap."""
        if not self.words:
            return [found]
        leading, *others = self._by_rarity(found)
        for word in others:
            found = found.filter(self._anywhere(word))
        return [found.filter(table.records_with_word(leading)) for table in self.tables]

    @property
    def condition(self) -> Q:
        """The condition of all matches, looked up as a whole, to be combined with other conditions."""
        found = Q()
        for word in self.words:
            first, *rest = [
                self.scope.queryset()
                .filter(table.records_with_word(word))
                .order_by()
                .values(self.scope.key)
                for table in self.tables
            ]
            found &= Q(**{f"{self.scope.key}__in": first.union(*rest, all=True) if rest else first})
        return found

    @property
    def record_condition(self) -> Q:
        """The condition that one record matches, asked record by record."""
        found = Q()
        for word in self.words:
            found &= self._anywhere(word)
        return found

    def _anywhere(self, word: str) -> Q:
        found = Q()
        for table in self.tables:
            found |= table.record_has_word(word)
        return found

    def _by_rarity(self, found: models.QuerySet) -> list[str]:
        """The words, the rarest first by the planner's estimate, the longest first of equally rare ones."""
        if len(self.words) == 1:
            return self.words
        rows = {
            word: sum(
                estimate_rows(found.filter(table.records_with_word(word))) for table in self.tables
            )
            for word in self.words
        }
        return sorted(self.words, key=lambda word: (rows[word], -len(word)))


def estimate_rows(found: models.QuerySet) -> int:
    """How many records there are, as the planner expects."""
    try:
        sql, parameters = found.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        plan = cursor.fetchone()[0]
    return plan[0]["Plan"]["Plan Rows"]
