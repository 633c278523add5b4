"""The words of a search: how a text is read as words, and which conditions say that a column has one.

Words are compared folded, telephone numbers by their digits. What is too short for a trigram is looked
for where a word begins: there the index has it, and one letter inside of words is in every record. In long
texts, such as notes, everything is looked for where a word begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_
from typing import NamedTuple

from django.db.models import Q

from headlessly.access.prepared_queries import mark_text
from headlessly.declaration import custom_values, normalization
from headlessly.declaration.folding import fold, phone_digits
from headlessly.declaration.schema import Field
from headlessly.query.scope import MAX_WORDS

#: How many letters a trigram takes, and what is around a word counts: two before it, one behind.
TRIGRAM, BEFORE, BEHIND = 3, 2, 1
LETTERS = re.compile(r"[^\W_]+")
#: What people write for an apostrophe and for a hyphen, as it is folded.
PLAIN_SIGNS = str.maketrans(
    dict.fromkeys("\u2019\u2018\u02bc`", "'") | dict.fromkeys("\u2010\u2013", "-")
)
#: What words begin after, besides the beginning of the text.
BEFORE_WORDS = (" ", "-")
NUMBER = re.compile(r"[+()./\-\u2010-\u2015]*\d[\d+()./\-\u2010-\u2015]*\Z")
#: From how many digits on a number may be one of a telephone; in several groups that begin like no other
#: number, or like any.
PHONE_DIGITS, PHONE_GROUPS = 5, 7


@dataclass(frozen=True)
class Word:
    """What is looked for as one: text as it is folded, and the digits where it may be a phone number."""

    text: str
    digits: str = ""

    @property
    def letters(self) -> tuple[str, ...]:
        """What of it an index of words knows: letters and digits that stand together."""
        return tuple(LETTERS.findall(self.text))

    @property
    def spellings(self) -> list[str]:
        """The text as it is, and with the signs that are usual for its apostrophes and hyphens."""
        plain = self.text.translate(PLAIN_SIGNS)
        return list(dict.fromkeys((self.text, plain, plain.replace("'", "\u2019"))))

    @property
    def is_symbol(self) -> bool:
        """Whether no index knows of it."""
        return not self.letters

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
        return Q(**{f"{column}__words__begin": self.letters})

    def column_condition(self, column: str) -> Q:
        """The condition that a column of text has it."""
        condition = Q()
        for text in self.spellings:
            if self.has_trigram or self.is_symbol:
                condition |= Q(**{f"{column}__folded__contains": text})
                continue
            condition |= Q(**{f"{column}__folded__startswith": text})
            for before in BEFORE_WORDS:
                condition |= Q(**{f"{column}__folded__contains": before + text})
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
        anywhere, somewhere = self.has_trigram or self.is_symbol, Q()
        for text in self.spellings:
            written = json.dumps(text, ensure_ascii=False)[1:-1]
            for before in ("",) if anywhere else ('"', *BEFORE_WORDS):
                somewhere |= Q(**{f"{whole}__folded__contains": before + written})
        return somewhere

    def custom_condition(self, columns: Sequence[str]) -> Q:
        """The condition that one of the tenant's own fields has it. An index has the JSON of all of them
        together, where a value begins behind its quotation mark."""
        exact = reduce(or_, (self.column_condition(column) for column in columns))
        return Q(custom__isnull=False) & self._within_json(custom_values.TEXTS) & exact


@dataclass(frozen=True)
class MarkedWord(Word):
    """What stands for a word while a query is compiled: nothing depends on its letters but this."""

    other_spellings: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    is_long: bool = False

    @property
    def spellings(self) -> list[str]:
        return [self.text, *self.other_spellings]

    @property
    def letters(self) -> tuple[str, ...]:
        return self.marks

    @property
    def has_trigram(self) -> bool:
        return self.is_long


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


class WordKind(NamedTuple):
    """What matters of a word besides its letters."""

    spellings: int
    letters: int
    has_trigram: bool
    has_digits: bool


def word_kind(word: Word) -> WordKind:
    return WordKind(len(word.spellings), len(word.letters), word.has_trigram, bool(word.digits))


def word_texts(word: Word) -> list[str]:
    """What a word is made of: :func:`marked_word` has a mark for each."""
    return [*word.spellings, *([word.digits] if word.digits else ()), *word.letters]


def marked_word(kind: WordKind, numbers: Iterator[int]) -> MarkedWord:
    text, *others = (mark_text(next(numbers)) for _ in range(kind.spellings))
    digits = mark_text(next(numbers)) if kind.has_digits else ""
    letters = tuple(mark_text(next(numbers)) for _ in range(kind.letters))
    return MarkedWord(text, digits, tuple(others), letters, kind.has_trigram)
