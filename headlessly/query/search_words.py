"""The words of a search: how a text is split into words, and which conditions find them in a column.

Words are compared folded, telephone numbers by their digits. A word too short for a trigram is only looked
for at the beginning of words: there the index has it, and a single letter inside of words is in every record.
In long texts, such as notes, every word is looked for at the beginning of words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import groupby
from operator import or_
from typing import NamedTuple

from django.db.models import Q

from headlessly.access.prepared_queries import mark_text
from headlessly.declaration import custom_values, normalization
from headlessly.declaration.folding import draw_together, fold, phone_digits, write_out
from headlessly.declaration.schema import Field
from headlessly.query.scope import MAX_WORDS

#: The length of a trigram, and the padding that counts around a word: two before it, one after it.
TRIGRAM, BEFORE, BEHIND = 3, 2, 1
LETTERS = re.compile(r"[^\W_]+")
#: Typographic apostrophes and hyphens, and their plain forms.
PLAIN_SIGNS = str.maketrans(
    dict.fromkeys("\u2019\u2018\u02bc`", "'") | dict.fromkeys("\u2010\u2013", "-")
)
#: What precedes a word, besides the beginning of the text.
BEFORE_WORDS = (" ", "-")
NUMBER = re.compile(r"[+()./\-\u2010-\u2015]*\d[\d+()./\-\u2010-\u2015]*\Z")
#: The minimum number of digits of a telephone number: a single group, or groups that begin like one; and
#: other groups, which may be any numbers.
PHONE_DIGITS, PHONE_GROUPS = 5, 7
#: A shorter word has no spelling with letters drawn together.
FEWEST_LETTERS = 2


class Spelling(NamedTuple):
    """One way in which a word is written, folded."""

    text: str
    #: The parts of it that an index of words knows: sequences of letters and digits. Empty if another
    #: spelling has the same.
    letters: tuple[str, ...]
    #: Whether an index finds it inside of words, too.
    is_anywhere: bool
    #: A text must also contain this, written out: "muller" is found in Müller and Muller, "mueller" only in
    #: one.
    written_out: str = ""

    def is_meant(self, column: str) -> Q:
        """Returns the condition that a match in a column is really meant."""
        if not self.written_out:
            return Q()
        return Q(**{f"{column}__written_out__contains": self.written_out})


@dataclass(frozen=True)
class Word:
    """A search word: its folded text, and its digits if it may be a telephone number."""

    text: str
    digits: str = ""
    #: The text with two letters for an umlaut: "mueller" for Müller and Mueller.
    written_out: str = ""

    @classmethod
    def read(cls, text: str, digits: str = "") -> Word:
        return cls(fold(text), digits, write_out(text))

    @cached_property
    def spellings(self) -> tuple[Spelling, ...]:
        """The text as it is, with ae for ä, and with ä for ae; each with the usual characters for its
        apostrophes and hyphens."""
        out = self.written_out or self.text
        together = draw_together(out)
        ways = {self.text: "", out: ""}
        if len(together) >= FEWEST_LETTERS:
            ways.setdefault(together, out)
        found: dict[str, Spelling] = {}
        for way, meant in ways.items():
            letters = tuple(LETTERS.findall(way))
            for n, (text, also) in enumerate(
                zip(_with_signs(way), _with_signs(meant), strict=True)
            ):
                anywhere = not letters or _has_trigram(text)
                found.setdefault(text, Spelling(text, () if n else letters, anywhere, also))
        return tuple(found.values())

    @property
    def is_symbol(self) -> bool:
        """Whether it has no letters, so that no index has it."""
        return not self.spellings[0].letters

    @property
    def has_trigram(self) -> bool:
        """Whether an index finds it anywhere, also inside of words."""
        return not self.is_symbol and all(each.is_anywhere for each in self.spellings)

    def text_condition(self, column: str) -> Q:
        """Returns the condition that a column with a long text has it."""
        if self.is_symbol:
            return Q(**{f"{column}__folded__contains": self.text})
        condition = Q()
        for each in self.spellings:
            if each.letters:
                there = Q(**{f"{column}__words__begin": each.letters})
                condition |= there & each.is_meant(column)
        return condition

    def column_condition(self, column: str) -> Q:
        """Returns the condition that a column with a short text has it."""
        condition = Q()
        for each in self.spellings:
            if each.is_anywhere:
                found = Q(**{f"{column}__folded__contains": each.text})
            else:
                found = Q(**{f"{column}__folded__startswith": each.text})
                for before in BEFORE_WORDS:
                    found |= Q(**{f"{column}__folded__contains": before + each.text})
            condition |= found & each.is_meant(column)
        return condition

    def inside_condition(self, column: str) -> Q:
        """Returns the condition that a column has it anywhere, however short it is."""
        condition = Q()
        for each in self.spellings:
            condition |= Q(**{f"{column}__folded__contains": each.text}) & each.is_meant(column)
        return condition

    def others_condition(self, field: Field) -> Q:
        """Returns the condition that one of the further values beside the first has it."""
        filled = Q(**{f"{field.column}__isnull": False})
        if field.item is not None and field.item.normalize is normalization.normalize_phone:
            if not self.digits:
                return Q()
            return filled & Q(**{f"{field.column}__numbers__contains": self.digits})
        return filled & self._within_json(f"{field.column}__whole")

    def _within_json(self, whole: str) -> Q:
        """Returns the condition that a text within JSON has it; each text begins after a quotation mark."""
        somewhere = Q()
        for each in self.spellings:
            written = json.dumps(each.text, ensure_ascii=False)[1:-1]
            found = Q()
            for before in ("",) if each.is_anywhere else ('"', *BEFORE_WORDS):
                found |= Q(**{f"{whole}__folded__contains": before + written})
            somewhere |= found & each.is_meant(whole)
        return somewhere

    def custom_condition(self, columns: Sequence[str]) -> Q:
        """Returns the condition that one of the tenant's own fields has it. The index has the JSON of all of
        them together, so the exact columns are checked as well."""
        exact = reduce(or_, (self.column_condition(column) for column in columns))
        return Q(custom__isnull=False) & self._within_json(custom_values.TEXTS) & exact


def _has_trigram(text: str) -> bool:
    for found in LETTERS.finditer(text):
        around = BEFORE * (found.start() > 0) + BEHIND * (found.end() < len(text))
        if len(found[0]) + around >= TRIGRAM:
            return True
    return False


def _with_signs(text: str) -> tuple[str, ...]:
    plain = text.translate(PLAIN_SIGNS)
    return text, plain, plain.replace("'", "\u2019")


@dataclass(frozen=True)
class MarkedWord(Word):
    """A placeholder for a word while a query is compiled."""

    marked: tuple[Spelling, ...] = ()

    @property
    def spellings(self) -> tuple[Spelling, ...]:
        return self.marked


def read_words(text: str, most: int | None = MAX_WORDS) -> list[Word]:
    """Returns the first words of ``text``. The groups of a telephone number are one word."""
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
            words[Word.read(part, digits if len(digits) >= PHONE_DIGITS else "")] = None
    return list(words)[:most]


class SpellingKind(NamedTuple):
    """What matters of a spelling besides its letters."""

    letters: int
    is_anywhere: bool
    is_written_out: bool


class WordKind(NamedTuple):
    """What matters of a word besides its letters."""

    spellings: tuple[SpellingKind, ...]
    has_digits: bool


def word_kind(word: Word) -> WordKind:
    kinds = (
        SpellingKind(len(each.letters), each.is_anywhere, bool(each.written_out))
        for each in word.spellings
    )
    return WordKind(tuple(kinds), bool(word.digits))


def word_texts(word: Word) -> list[str]:
    """Returns the texts that a word consists of: :func:`marked_word` has a mark for each."""
    found = [word.digits] if word.digits else []
    for each in word.spellings:
        found += [each.text, *each.letters, *([each.written_out] if each.written_out else ())]
    return found


def marked_word(kind: WordKind, numbers: Iterator[int]) -> MarkedWord:
    def mark() -> str:
        return mark_text(next(numbers))

    digits = mark() if kind.has_digits else ""
    spellings = tuple(
        Spelling(
            mark(),
            tuple(mark() for _ in range(each.letters)),
            each.is_anywhere,
            mark() if each.is_written_out else "",
        )
        for each in kind.spellings
    )
    return MarkedWord(spellings[0].text, digits, marked=spellings)
