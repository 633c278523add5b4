"""Words in any searchable field, found without reading more of the tables than necessary.

A record matches if every word is somewhere in its own fields or in those of its references. An OR over joins
would use no index, so the search is done in parts, one for each table that may have a word; their union is
the result. For several words, the matches behind references are listed first, in one statement: most words
are in few of the tables, and the listed ids are then looked up together with the record's own fields. If a
word has too many matches to be listed, its table stays a part. The two rarest words, by the planner's
estimate, lead, so that indexes can be combined; the others are checked record by record.

:mod:`.search_words` defines what a word is, and when a column has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import count, product
from operator import and_, or_
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.utils.translation import gettext as _

from headlessly.access import lists, tenancy, visibility
from headlessly.access.prepared_queries import Statement, mark_texts
from headlessly.database.among import Among
from headlessly.declaration import custom_values, normalization, values
from headlessly.declaration.folding import write_out
from headlessly.declaration.schema import Field
from headlessly.declaration.shapes import cached_by_shape
from headlessly.errors import InvalidFilter
from headlessly.query.scope import NOTHING, Scope
from headlessly.query.search_words import (
    Word,
    WordKind,
    marked_word,
    read_words,
    word_kind,
    word_texts,
)

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: Up to how many matches behind a reference are listed.
LISTED = 1_000
#: How many statements that list them are kept.
MOST_KEPT = 256

#: A table that is searched, whichever noun refers to it: its rows, and the columns.
SearchPlace = tuple[Scope, tuple[str, ...]]


@dataclass(frozen=True)
class SearchTable:
    """A table that is searched: the noun's own, or that of one of its references."""

    scope: Scope
    reference: str  #: the column that refers to it; empty for the noun's own table
    columns: tuple[str, ...]
    #: For columns with a list of values, such as tags: by word, the values that have a word beginning with
    #: it.
    listed: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    @property
    def place(self) -> SearchPlace:
        return self.scope, self.columns

    def word_condition(self, word: Word) -> Q:
        found, long = Q(), self.scope.noun.schema.long_texts
        own = [column for column in self.columns if custom_values.is_custom(column)]
        if own:
            found |= word.custom_condition(own)
        for column in self.columns:
            if column in own:
                continue
            found |= (
                word.text_condition(column) if column in long else word.column_condition(column)
            )
        for column in self.scope.noun.schema.phones if word.digits else ():
            found |= Q(**{f"{column}__digits__contains": word.digits})
        for others in self._others():
            found |= word.others_condition(others)
        for column, values_by_word in self.listed.items():
            if there := values_by_word.get(word.text):
                found |= Q(**{f"{column}__has_any_keys": list(there)})
        return found or NOTHING

    def _others(self) -> list[Field]:
        """Returns the fields with further values of the searched ones: addresses beside a first one, and
        telephone numbers anyway."""
        schema = self.scope.noun.schema
        searched = {*self.columns, *schema.phones}
        return [each for each in schema.others if searched.intersection(each.beside)]

    def records_with_words(self, *words: Word) -> Q:
        """Returns the condition for records with all ``words`` in this table, looked up by its index."""
        conditions = [self.word_condition(word) for word in words]
        if not self.reference:
            return reduce(and_, conditions)
        inside = self._there().filter(*conditions).order_by()
        return Q(**{f"{self.reference}__in": inside.values(self.scope.key)})

    def record_has_word(self, word: Word) -> Q:
        """Returns the condition for one word checked record by record, so that the planner does not list all
        matches first."""
        if not self.reference:
            return self.word_condition(word)
        mine = self._there().filter(**{self.scope.key: OuterRef(self.reference)})
        there = mine.filter(self.word_condition(word)).order_by().values(yes=Value(True))[:1]
        return Q(Subquery(there, output_field=models.BooleanField()))

    def matches(self, word: Word) -> models.QuerySet:
        """Returns the records of the table that have ``word``, in no order."""
        return self._there().filter(self.word_condition(word)).order_by()

    def records_of(self, ids: Sequence[str]) -> Q:
        """Returns the condition for records that refer to one of these ids in the table."""
        if not ids:
            return NOTHING
        return Q(Among(F(self.reference), Value(ids, ArrayField(models.TextField()))))

    def _there(self) -> models.QuerySet:
        """Returns the rows to search: including cards, if only fields on cards are searched."""
        card = {field.name for field in self.scope.noun.schema.card}
        others = (each.name for each in self._others())
        searched = (*self.columns, *self.scope.noun.schema.phones, *others)
        if self.scope.as_of is None and card.issuperset(searched):
            return visibility.with_cards(self.scope.noun)
        return self.scope.queryset()


class Searched(NamedTuple):
    """What is searched of a noun: columns of its own, and of its references."""

    own: tuple[str, ...] | None
    behind: tuple[tuple[Field, tuple[str, ...]], ...]
    lists: dict[str, str]  #: the names of the lists of columns with listed values, such as tags


@cached_by_shape
def searched(noun: type[Record]) -> Searched:
    """Returns the columns of the search, as the tenant has them."""
    schema = noun.schema
    tables: dict[str, list[str]] = {}
    for path in schema.search:
        *references, column = path.split("__")
        tables.setdefault("__".join(references), []).append(column)
    custom = {field.name: field.column for field in schema.custom}
    own = tables.pop("", None)
    return Searched(
        None if own is None else tuple(custom.get(column, column) for column in own),
        tuple((schema.by_name[name], tuple(columns)) for name, columns in tables.items()),
        {f.column: f.list_name for f in schema.stored if f.list_name},
    )


class SearchedText:
    """The words of a text, and what was looked up for them: once, however many nouns are searched.

    ``of_many`` means a search in several nouns. Then references are only followed where the word has matches,
    because most words are behind few references; and the longest words lead, because an estimate for each
    noun would take longer.
    """

    def __init__(self, words: Iterable[Word], *, of_many: bool = False) -> None:
        self.words, self.of_many = tuple(words), of_many
        #: By the name of a list and the text of a word: the values that have a word beginning with it.
        self.listed: dict[str, dict[str, list[str]]] = {}
        #: By place and word: the ids of the records that have it; None if there are too many to list.
        self.matches: dict[tuple[SearchPlace, Word], list[str] | None] = {}

    @classmethod
    def read(cls, text: Any, *, of_many: bool = False) -> SearchedText:
        """Reads the words of a text. Raises InvalidFilter if it is not text, or only symbols, which no index
        has."""
        if not isinstance(text, str):
            raise InvalidFilter("A search is text.", field="q")
        try:
            values.check_storable(text)
        except ValueError as problem:
            raise InvalidFilter(str(problem), field="q") from None
        words = read_words(normalization.normalize_text(text))
        if of_many:
            words.sort(key=lambda w: (w.is_symbol, not w.has_trigram, -len(w.text)))
        found = cls(words, of_many=of_many)
        if found.words and all(word.is_symbol for word in found.words):
            raise InvalidFilter(_("Search for a word: it has a letter or a digit."), field="q")
        return found

    def values_of_list(self, name: str) -> dict[str, list[str]]:
        """Returns for each word the values of a list with a word that begins with it. They are few, and an
        index has the records with one."""
        if name not in self.listed:
            words = [word for word in self.words if not word.is_symbol]
            texts = [each.text for word in words for each in word.spellings]
            found = lists.values_with_words(name, texts)
            self.listed[name] = {
                word.text: [
                    value
                    for each in word.spellings
                    for value in found[each.text]
                    if each.written_out in write_out(value)
                ]
                for word in words
            }
        return self.listed[name]

    def look_behind(self, tables: Iterable[SearchTable]) -> None:
        """List the records of these tables with each word, in one statement, if they are few enough."""
        asked = [
            (place, word)
            for place in dict.fromkeys(table.place for table in tables)
            for word in self.words
            if not word.is_symbol and (place, word) not in self.matches
        ]
        parts, given = [], []
        for n, (place, word) in enumerate(asked):
            tenant, person = tenancy.require().pk, visibility.visible_owner()
            statement = _statement_of_matches(place, word_kind(word), tenant, person)
            if statement is not None:
                parts.append(f"SELECT {n}, k FROM ({statement.sql}) AS found (k)")
                given += statement.fill(word_texts(word))
        found: list[list[str]] = [[] for _ in asked]
        if parts:
            with connection.cursor() as cursor:
                cursor.execute(" UNION ALL ".join(parts), given)
                for n, id in cursor.fetchall():
                    found[n].append(id)
        for each, ids in zip(asked, found, strict=True):
            self.matches[each] = ids if len(ids) <= LISTED else None

    # -- what a statement that searches is made of, and what it is filled in with ---------------------------

    @property
    def kinds(self) -> tuple[WordKind, ...]:
        """What matters of each word besides its letters."""
        return tuple(map(word_kind, self.words))

    def key_in(self, noun: type[Record]) -> tuple[SearchKey, list[Any]]:
        """Returns the key of the statement that searches a noun, and the texts that it is filled in with."""
        there, has_values, has_matches = searched(noun), [], []
        given: list[Any] = [text for word in self.words for text in word_texts(word)]
        for name in dict.fromkeys(there.lists.values()):
            by_word = self.values_of_list(name)
            some = [by_word.get(word.text) for word in self.words]
            has_values.append(tuple(map(bool, some)))
            given += [each for each in some if each]
        for table in tables_behind(Scope(noun)):
            ids = [self.matches.get((table.place, word)) for word in self.words]
            has_matches.append(tuple(None if each is None else bool(each) for each in ids))
            given += [each for each in ids if each]
        return SearchKey(self.kinds, tuple(has_values), tuple(has_matches)), given

    @classmethod
    def marked(cls, noun: type[Record], key: SearchKey, numbers: Iterator[int]) -> SearchedText:
        """Returns the placeholder for all texts with this key, for compiling their statement."""
        found = cls([marked_word(kind, numbers) for kind in key.kinds], of_many=True)
        for name, some in zip(
            dict.fromkeys(searched(noun).lists.values()), key.has_values, strict=True
        ):
            found.listed[name] = {
                word.text: mark_texts(next(numbers)) if there else []
                for word, there in zip(found.words, some, strict=True)
            }
        for table, any_ids in zip(tables_behind(Scope(noun)), key.has_matches, strict=True):
            for word, listed in zip(found.words, any_ids, strict=True):
                found.matches[table.place, word] = (
                    None if listed is None else mark_texts(next(numbers)) if listed else []
                )
        return found


class SearchKey(NamedTuple):
    """Identifies the statement that searches a noun: the kinds of the words, and which of them have values in
    a list, or matches in a table behind a reference."""

    kinds: tuple[WordKind, ...]
    has_values: tuple[tuple[bool, ...], ...]
    has_matches: tuple[tuple[bool | None, ...], ...]


def tables_behind(scope: Scope) -> list[SearchTable]:
    """Returns the tables behind references in which a noun is searched."""
    return [
        SearchTable(scope.for_noun(reference.target_noun), reference.column, columns)
        for reference, columns in searched(scope.noun).behind
    ]


@cached_by_shape(most=MOST_KEPT)
def _statement_of_matches(
    place: SearchPlace, kind: WordKind, _tenant: int, _person: str | None
) -> Statement | None:
    """Returns the statement that lists the records of a place with a word of this kind."""
    scope, columns = place
    table = SearchTable(scope, "", columns)
    found = table.matches(marked_word(kind, count())).values_list(scope.key)[: LISTED + 1]
    try:
        return Statement.of(*found.query.sql_with_params())
    except EmptyResultSet:
        return None


class Search:
    """A search for words among the records of a scope; ``text`` may have been read before."""

    def __init__(self, scope: Scope, text: Any) -> None:
        """Raises InvalidFilter."""
        self.scope = scope
        self.text = text if isinstance(text, SearchedText) else SearchedText.read(text)
        self.words = list(self.text.words)

    @cached_property
    def tables(self) -> list[SearchTable]:
        there = searched(self.scope.noun)
        listed = {column: self.text.values_of_list(name) for column, name in there.lists.items()}
        found = tables_behind(self.scope)
        some = any(values for by_word in listed.values() for values in by_word.values())
        if there.own is not None or some:
            found.insert(0, SearchTable(self.scope, "", there.own or (), listed))
        return found

    def led(self, found: models.QuerySet) -> Search:
        """Returns the search with the leading words among ``found`` first, and with listed matches behind
        references: everything that its statements depend on is then known."""
        if len(self.words) < 2:
            return self
        led = SearchedText(self._by_rarity(found), of_many=True)
        led.listed, led.matches = self.text.listed, self.text.matches
        led.look_behind(tables_behind(self.scope))
        return Search(self.scope, led)

    @cached_property
    def _asked(self) -> tuple[SearchKey, list[Any]]:
        return self.text.key_in(self.scope.noun)

    @property
    def key(self) -> SearchKey:
        """The key of its statements; :func:`compiled_query` fills in the :attr:`values`."""
        return self._asked[0]

    @property
    def values(self) -> list[Any]:
        return self._asked[1]

    def marked(self, numbers: Iterator[int]) -> Search:
        """Returns the placeholder for all searches with this key, for compiling their statement."""
        return Search(self.scope, SearchedText.marked(self.scope.noun, self.key, numbers))

    def parts(self, found: models.QuerySet) -> list[models.QuerySet]:
        """Returns the matching records of ``found``, as one queryset per table or, for several words, per
        pair of places, led by their indexes. They may overlap. Empty if a word is nowhere."""
        if not self.words:
            return [found]
        if len(self.words) == 1:
            return [found.filter(table.records_with_words(*self.words)) for table in self.tables]
        leading, *others = self._by_rarity(found)
        pairs = leading.has_trigram and others[0].has_trigram
        for word in others[pairs:]:
            found = found.filter(self._anywhere(word))
        first = self._places(leading)
        if not pairs:
            return [found.filter(where) for where in first.values()]
        tables = {table.reference: table for table in self.tables}
        return [
            found.filter(tables[one].records_with_words(leading, others[0]))
            if one and one == other
            else found.filter(where, also)
            for (one, where), (other, also) in product(
                first.items(), self._places(others[0]).items()
            )
        ]

    def _ids_behind(self, table: SearchTable, word: Word) -> list[str] | None:
        """Returns the ids of the records behind a reference with a word; None if there are too many to list.
        Most words are only in some tables, so that the others need not be searched."""
        if not table.reference:
            return None
        self.text.look_behind(each for each in self.tables if each.reference)
        return self.text.matches.get((table.place, word))

    def _places(self, word: Word) -> dict[str, Q]:
        """Returns by reference the condition that a record has ``word`` there. Listed ids are looked up
        together with the record's own fields."""
        near, far = Q(), {}
        for table in self.tables:
            ids = self._ids_behind(table, word)
            if ids is None and table.reference:
                far[table.reference] = table.records_with_words(word)
            elif ids is None:
                near |= table.word_condition(word)
            elif ids:
                near |= table.records_of(ids)
        return ({"": near} if near else {}) | far

    @property
    def condition(self) -> Q:
        """The condition of all matches, looked up as a whole, to be combined with other conditions."""
        found = Q()
        for word in self.words:
            first, *rest = [
                self.scope.queryset()
                .filter(table.records_with_words(word))
                .order_by()
                .values(self.scope.key)
                for table in self.tables
            ]
            found &= Q(**{f"{self.scope.key}__in": first.union(*rest, all=True) if rest else first})
        return found

    @property
    def record_condition(self) -> Q:
        """The condition that a record matches, checked record by record."""
        found = Q()
        for word in self.words:
            found &= reduce(or_, (table.record_has_word(word) for table in self.tables))
        return found

    def _anywhere(self, word: Word) -> Q:
        """Returns the condition that a record found by another word has this one too. Behind a reference it
        is checked record by record, unless the matches are listed."""
        found = NOTHING
        for table in self.tables:
            ids = self._ids_behind(table, word)
            found |= table.record_has_word(word) if ids is None else table.records_of(ids)
        return found

    def _by_rarity(self, found: models.QuerySet) -> list[Word]:
        """Returns the words, the rarest first by the planner's estimate, the longest first among equals, and
        symbols last, because no index has them. Two words with an index lead together, so their order does
        not matter."""
        if self.text.of_many or [word.has_trigram for word in self.words] == [True, True]:
            return self.words
        rows = {word: self._estimate(found, word) for word in self.words}
        return sorted(self.words, key=lambda word: (word.is_symbol, rows[word], -len(word.text)))

    def _estimate(self, found: models.QuerySet, word: Word) -> int:
        return sum(estimate_rows(found.filter(where)) for where in self._places(word).values())


def estimate_rows(found: models.QuerySet) -> int:
    """Returns the number of records that the planner expects."""
    try:
        sql, parameters = found.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        plan = cursor.fetchone()[0]
    return plan[0]["Plan"]["Plan Rows"]
