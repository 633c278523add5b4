"""Words in any searchable field, found without reading more of the tables than that takes.

A record fits when every word is somewhere in its own fields or in those of its references. An OR over
joins would use no index, so the question is asked in parts, one for each table in which a word can be;
their union is the answer. Of several words what is behind references is listed first, in one statement:
most words are in few of the tables, and what is listed is then looked up together with the record's own
fields. Where a word is in too many to be listed it stays a part. Two words lead, the rarest as the planner
estimates them, so that indexes are met with each other; the others are looked for record by record.

Words are compared folded, telephone numbers by their digits. What is too short for a trigram is looked
for where a word begins: there the index has it, and one letter inside of words is in every record. In long
texts, such as notes, everything is looked for where a word begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import groupby, product
from operator import and_, or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.utils.translation import gettext as _

from headlessly.access import lists, visibility
from headlessly.database.among import Among
from headlessly.declaration import custom_values, normalization, values
from headlessly.declaration.folding import fold, phone_digits
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.query.scope import MAX_WORDS, NOTHING, Scope

#: How many letters a trigram takes, and what is around a word counts: two before it, one behind.
TRIGRAM, BEFORE, BEHIND = 3, 2, 1
LETTERS = re.compile(r"[^\W_]+")
#: What words begin after, besides the beginning of the text.
BEFORE_WORDS = (" ", "-")
NUMBER = re.compile(r"[+()./\-\u2010-\u2015]*\d[\d+()./\-\u2010-\u2015]*\Z")
#: From how many digits on a number may be one of a telephone; in several groups that begin like no other
#: number, or like any.
PHONE_DIGITS, PHONE_GROUPS = 5, 7
#: Up to how many matches behind a reference are listed, of several words.
LISTED = 1_000


@dataclass(frozen=True)
class Word:
    """What is looked for as one: text as it is folded, and the digits where it may be a phone number."""

    text: str
    digits: str = ""

    @property
    def is_symbol(self) -> bool:
        """Whether no index knows of it."""
        return LETTERS.search(self.text) is None

    @property
    def has_trigram(self) -> bool:
        """Whether an index finds it anywhere, also inside of words."""
        for found in LETTERS.finditer(self.text):
            around = BEFORE * (found.start() > 0) + BEHIND * (found.end() < len(self.text))
            if len(found[0]) + around >= TRIGRAM:
                return True
        return False

    def text_condition(self, column: str) -> Q:
        """The condition that a column with a long text has it."""
        if self.is_symbol:
            return Q(**{f"{column}__folded__contains": self.text})
        return Q(**{f"{column}__words__begin": LETTERS.findall(self.text)})

    def column_condition(self, column: str) -> Q:
        """The condition that a column of text has it."""
        if self.has_trigram or self.is_symbol:
            return Q(**{f"{column}__folded__contains": self.text})
        condition = Q(**{f"{column}__folded__startswith": self.text})
        for before in BEFORE_WORDS:
            condition |= Q(**{f"{column}__folded__contains": before + self.text})
        return condition

    def others_condition(self, field: Field) -> Q:
        """The condition that one of the values has it which a record has beside the first."""
        filled = Q(**{f"{field.column}__isnull": False})
        if field.item is not None and field.item.normalize is normalization.normalize_phone:
            if not self.digits:
                return Q()
            return filled & Q(**{f"{field.column}__numbers__contains": self.digits})
        return filled & self._within_json(f"{field.column}__whole")

    def _within_json(self, whole: str) -> Q:
        """The condition that JSON has it in one of its texts, each of which begins behind quotation marks."""
        written = json.dumps(self.text, ensure_ascii=False)[1:-1]
        anywhere, somewhere = self.has_trigram or self.is_symbol, Q()
        for before in ("",) if anywhere else ('"', *BEFORE_WORDS):
            somewhere |= Q(**{f"{whole}__folded__contains": before + written})
        return somewhere

    def custom_condition(self, columns: Sequence[str]) -> Q:
        """The condition that one of the tenant's own fields has it. An index has the JSON of all of them
        together, where a value begins behind its quotation mark."""
        exact = reduce(or_, (self.column_condition(column) for column in columns))
        return Q(custom__isnull=False) & self._within_json(custom_values.TEXTS) & exact


def read_words(text: str) -> list[Word]:
    """The words of ``text``. The groups of a phone number are one."""
    words: dict[Word, None] = {}
    spelled = map(normalization.normalize_word, text.split())
    for numbers, group in groupby(spelled, key=lambda word: NUMBER.match(word) is not None):
        parts = list(group)
        if numbers and len(parts) > 1:
            digits = phone_digits(" ".join(parts))
            if len(digits) >= (PHONE_DIGITS if parts[0][0] in "+0(" else PHONE_GROUPS):
                words[Word(fold(" ".join(parts)), digits)] = None
                continue
        for part in parts:
            digits = phone_digits(part) if numbers else ""
            words[Word(fold(part), digits if len(digits) >= PHONE_DIGITS else "")] = None
    return list(words)[:MAX_WORDS]


@dataclass(frozen=True)
class SearchTable:
    """A table that is searched: the noun's own, or that of one of its references."""

    scope: Scope
    reference: str  #: the column that refers to it; empty for the noun's own table
    columns: tuple[str, ...]
    #: Of columns with values of a list, such as tags: those in which each word begins.
    listed: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

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


class Search:
    """Words searched for among the records of a scope.

    Raises InvalidFilter for what is no text, and for signs alone, which no index has. ``known`` keeps, for
    the same text in other nouns, what lists of values have of it.
    """

    def __init__(
        self, scope: Scope, text: Any, *, known: dict[str, dict[str, list[str]]] | None = None
    ) -> None:
        if not isinstance(text, str):
            raise InvalidFilter("A search is text.", field="q")
        try:
            values.check_storable(text)
        except ValueError as problem:
            raise InvalidFilter(str(problem), field="q") from None
        self.scope, self._known = scope, {} if known is None else known
        self.words = read_words(normalization.normalize_text(text))
        if self.words and all(word.is_symbol for word in self.words):
            raise InvalidFilter(_("Search for a word: it has a letter or a digit."), field="q")

    @cached_property
    def tables(self) -> list[SearchTable]:
        tables: dict[str, list[str]] = {}
        for path in self.scope.noun.schema.search:
            *references, column = path.split("__")
            tables.setdefault("__".join(references), []).append(column)
        listed = self._listed()
        if any(there for by_word in listed.values() for there in by_word.values()):
            tables.setdefault("", [])
        found = []
        for name, columns in tables.items():
            if not name:
                own = {field.name: field.column for field in self.scope.noun.schema.custom}
                named = tuple(own.get(column, column) for column in columns)
                found.append(SearchTable(self.scope, "", named, listed))
                continue
            reference = self.scope.noun.schema.by_name[name]
            other = self.scope.for_noun(reference.target_noun)
            found.append(SearchTable(other, reference.column, tuple(columns)))
        return found

    def _listed(self) -> dict[str, dict[str, list[str]]]:
        """The values of the lists that fields have, such as tags, in which each word begins: they are few,
        and an index has the records with one."""
        columns = {f.column: f.list_name for f in self.scope.noun.schema.stored if f.list_name}
        for name in columns.values():
            if name not in self._known:
                words = [word.text for word in self.words if not word.is_symbol]
                self._known[name] = lists.values_with_words(name, words)
        return {column: self._known[name] for column, name in columns.items()}

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

    @cached_property
    def _matches(self) -> dict[tuple[str, Word], list[str]]:
        """By reference, the records behind it with each word, where they are few enough to be listed. Most
        words are only in some of the tables: the others are then not asked with each of these."""
        asked = [
            (table, word)
            for table in self.tables if table.reference
            for word in self.words if not word.is_symbol
        ]  # fmt: skip
        if not asked:
            return {}
        first, *rest = [
            table.matches(word)
            .annotate(_n=Value(n))
            .values_list("_n", table.scope.key)[: LISTED + 1]
            for n, (table, word) in enumerate(asked)
        ]
        found: list[list[str]] = [[] for _ in asked]
        for n, id in first.union(*rest, all=True) if rest else first:
            found[n].append(id)
        return {
            (table.reference, word): ids
            for (table, word), ids in zip(asked, found, strict=True)
            if len(ids) <= LISTED
        }

    def _places(self, word: Word) -> dict[str, Q]:
        """By reference, the condition that a record has ``word`` behind it. Where these are listed, they are
        looked up together with the record's own fields."""
        near, far = Q(), {}
        for table in self.tables:
            ids = self._matches.get((table.reference, word))
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
            ids = self._matches.get((table.reference, word))
            found |= table.record_has_word(word) if ids is None else table.records_of(ids)
        return found

    def _by_rarity(self, found: models.QuerySet) -> list[Word]:
        """The words, the rarest first by the planner's estimate, the longest first of equally rare ones;
        signs last: no index leads to them. Two that an index has lead together, whichever is rarer."""
        if len(self.words) == 2 and all(word.has_trigram for word in self.words):
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
