"""Words in any searchable field, found without reading more of the tables than that takes.

A record fits when every word is somewhere in its own fields or in those of its references. An OR over
joins would use no index, so the question is asked in parts, one for each table in which a word can be;
their union is the answer. Of several words what is behind references is listed first, in one statement:
most words are in few of the tables, and what is listed is then looked up together with the record's own
fields. Where a word is in too many to be listed it stays a part. Two words lead, the rarest as the planner
estimates them, so that indexes are met with each other; the others are looked for record by record.

What a word is, and when a column has one, is in :mod:`.search_words`.
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
#: How many statements are kept that list them.
MOST_KEPT = 256

#: A table that is searched, from wherever it is referred to: its rows, and the columns.
SearchPlace = tuple[Scope, tuple[str, ...]]


@dataclass(frozen=True)
class SearchTable:
    """A table that is searched: the noun's own, or that of one of its references."""

    scope: Scope
    reference: str  #: the column that refers to it; empty for the noun's own table
    columns: tuple[str, ...]
    #: For columns with a list of values, such as tags: the values that each word begins.
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
        """The fields with more of what is searched: addresses beside one, and telephones anyway."""
        schema = self.scope.noun.schema
        searched = {*self.columns, *schema.phones}
        return [each for each in schema.others if searched.intersection(each.beside)]

    def records_with_words(self, *words: Word) -> Q:
        """The condition of records with all ``words`` in this table, looked up from here by its index."""
        conditions = [self.word_condition(word) for word in words]
        if not self.reference:
            return reduce(and_, conditions)
        inside = self._there().filter(*conditions).order_by()
        return Q(**{f"{self.reference}__in": inside.values(self.scope.key)})

    def record_has_word(self, word: Word) -> Q:
        """The same condition asked record by record, so that the planner does not list all matches first."""
        if not self.reference:
            return self.word_condition(word)
        mine = self._there().filter(**{self.scope.key: OuterRef(self.reference)})
        there = mine.filter(self.word_condition(word)).order_by().values(yes=Value(True))[:1]
        return Q(Subquery(there, output_field=models.BooleanField()))

    def matches(self, word: Word) -> models.QuerySet:
        """The records of the table that have ``word``, in no order."""
        return self._there().filter(self.word_condition(word)).order_by()

    def records_of(self, ids: Sequence[str]) -> Q:
        """The condition of records that refer to one of these of the table."""
        if not ids:
            return NOTHING
        return Q(Among(F(self.reference), Value(ids, ArrayField(models.TextField()))))

    def _there(self) -> models.QuerySet:
        """Where it looks behind a reference: at cards too, where it asks for nothing else."""
        card = {field.name for field in self.scope.noun.schema.card}
        others = (each.name for each in self._others())
        searched = (*self.columns, *self.scope.noun.schema.phones, *others)
        if self.scope.as_of is None and card.issuperset(searched):
            return visibility.with_cards(self.scope.noun)
        return self.scope.queryset()


class Searched(NamedTuple):
    """What of a noun is searched: columns of its own, and of its references."""

    own: tuple[str, ...] | None
    behind: tuple[tuple[Field, tuple[str, ...]], ...]
    lists: dict[str, str]  #: of columns with values of a list, such as tags, its name


@cached_by_shape
def searched(noun: type[Record]) -> Searched:
    """The columns of the search, as the tenant has them."""
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
    """The words of a text, and what was looked up of them: once, in however many nouns they are searched
    for.

    ``of_many``: in several nouns. Most words are behind few references: who refers to what is asked only
    where there is something, and the longest words lead, as an estimate for each noun would take longer.
    """

    def __init__(self, words: Iterable[Word], *, of_many: bool = False) -> None:
        self.words, self.of_many = tuple(words), of_many
        #: By the name of a list and the text of a word the values in which a word begins with it.
        self.listed: dict[str, dict[str, list[str]]] = {}
        #: By place and word the records that have it; None where they are too many to be listed.
        self.matches: dict[tuple[SearchPlace, Word], list[str] | None] = {}

    @classmethod
    def read(cls, text: Any, *, of_many: bool = False) -> SearchedText:
        """Raises InvalidFilter for what is no text, and for signs alone, which no index has."""
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
        """The values of a list in which each word begins: they are few, and an index has the records with
        one."""
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
        """List the records of these tables with each word, in one statement, where they are few enough."""
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
        """What matters of the words besides their letters."""
        return tuple(map(word_kind, self.words))

    def key_in(self, noun: type[Record]) -> tuple[SearchKey, list[Any]]:
        """What the statement that searches a noun is made of, and the texts that it is filled in with."""
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
        """The text that stands for all with this key while their statement is compiled."""
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
    """What a statement that searches a noun is made of: the kinds of the words, and which of them a list and
    a table behind a reference have."""

    kinds: tuple[WordKind, ...]
    has_values: tuple[tuple[bool, ...], ...]
    has_matches: tuple[tuple[bool | None, ...], ...]


def tables_behind(scope: Scope) -> list[SearchTable]:
    """The tables behind references in which a noun is searched."""
    return [
        SearchTable(scope.for_noun(reference.target_noun), reference.column, columns)
        for reference, columns in searched(scope.noun).behind
    ]


@cached_by_shape(most=MOST_KEPT)
def _statement_of_matches(
    place: SearchPlace, kind: WordKind, _tenant: int, _person: str | None
) -> Statement | None:
    """The statement that lists the records of a place with a word of that kind."""
    scope, columns = place
    table = SearchTable(scope, "", columns)
    found = table.matches(marked_word(kind, count())).values_list(scope.key)[: LISTED + 1]
    try:
        return Statement.of(*found.query.sql_with_params())
    except EmptyResultSet:
        return None


class Search:
    """Words searched for among the records of a scope: of a text, or of one that was read before."""

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
        """The same with the words in the order in which they lead among ``found``, and with what is behind
        references listed where that is asked for: nothing is left to ask that its statements are made of."""
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
        """What statements of it are made of; :func:`compiled_query` fills in the :attr:`values`."""
        return self._asked[0]

    @property
    def values(self) -> list[Any]:
        return self._asked[1]

    def marked(self, numbers: Iterator[int]) -> Search:
        """The search that stands for all with this key while their statement is compiled."""
        return Search(self.scope, SearchedText.marked(self.scope.noun, self.key, numbers))

    def parts(self, found: models.QuerySet) -> list[models.QuerySet]:
        """The matching records of ``found``, one queryset per table, or per pair of places where there are
        several words, led by their indexes; they may overlap. None where a word is nowhere."""
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
        """The records behind a reference with a word, where they are few enough to be listed. Most words are
        only in some of the tables: the others are then not asked with each of these."""
        if not table.reference:
            return None
        self.text.look_behind(each for each in self.tables if each.reference)
        return self.text.matches.get((table.place, word))

    def _places(self, word: Word) -> dict[str, Q]:
        """By reference, the condition that a record has ``word`` behind it. Where these are listed, they are
        looked up together with the record's own fields."""
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
        """The condition that one record matches, asked record by record."""
        found = Q()
        for word in self.words:
            found &= reduce(or_, (table.record_has_word(word) for table in self.tables))
        return found

    def _anywhere(self, word: Word) -> Q:
        """The condition that a record found by another word has this one: behind a reference asked record
        by record, but where so few have it that they are listed."""
        found = NOTHING
        for table in self.tables:
            ids = self._ids_behind(table, word)
            found |= table.record_has_word(word) if ids is None else table.records_of(ids)
        return found

    def _by_rarity(self, found: models.QuerySet) -> list[Word]:
        """The words, the rarest first by the planner's estimate, the longest first of equally rare ones;
        signs last: no index leads to them. Two that an index has lead together, whichever is rarer."""
        if self.text.of_many or [word.has_trigram for word in self.words] == [True, True]:
            return self.words
        rows = {word: self._estimate(found, word) for word in self.words}
        return sorted(self.words, key=lambda word: (word.is_symbol, rows[word], -len(word.text)))

    def _estimate(self, found: models.QuerySet, word: Word) -> int:
        return sum(estimate_rows(found.filter(where)) for where in self._places(word).values())


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
