"""Names in which a word of a search has one wrong letter: a different one, one too many, one missing or, in
words of six letters and more, two neighbours swapped.

The trigrams that a word shares with a name find candidates (``pg_trgm``'s word similarity, by the search
index); a pattern of all spellings with one such error then decides. Used only if a search finds little, and
given up if it takes long, because whoever spelled the word right has an answer already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.contrib.postgres.lookups import TrigramWordSimilar
from django.db import connection, models
from django.db.models import Q, TextField, Value
from django.db.models.functions import Concat

from headlessly.declaration.folding import fold
from headlessly.query.search_words import Word, read_words

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: The minimum length of a word to look for with an error.
SHORTEST = 4
#: The minimum length of a word that keeps enough trigrams when two neighbours are swapped.
SHORTEST_SWAPPED = 6
#: How many trigrams one wrong letter spoils, and how many two swapped letters do.
SPOILED, SPOILED_BY_SWAP = 3, 4
#: The time limit, in milliseconds.
PATIENCE = 400
THRESHOLD = "SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)"

TextField.register_lookup(TrigramWordSimilar)


def spellings(word: str) -> list[str]:
    """Returns patterns of every text that is one error away from ``word``; a dot stands for any letter."""
    found: dict[str, None] = {}
    for at in range(len(word)):
        before, letter, after = word[:at], word[at], word[at + 1 :]
        found[f"{before}.{after}"] = found[before + after] = found[f"{before}.{letter}{after}"] = (
            None
        )
        if after:
            found[before + after[0] + letter + after[1:]] = None
    return list(found)


def least_similarity(length: int) -> float:
    """Returns the least word similarity of a word of this length to one with an error, wherever that is. As
    pg_trgm counts it: the best of the trigrams before the error, those after it, and all of them with the
    spoiled ones."""
    spoiled = SPOILED_BY_SWAP if length >= SHORTEST_SWAPPED else SPOILED
    trigrams, left = length + 1, length + 1 - spoiled
    return min(
        max(before / trigrams, (left - before) / trigrams, left / (trigrams + spoiled))
        for before in range(left + 1)
    )


def misspelled_words(text: str) -> list[Word]:
    """Returns the words of ``text`` that may have an error: letters only, and long enough."""
    return [word for word in read_words(text) if len(word.text) >= SHORTEST and word.text.isalpha()]


def searched_name(noun: type[Record]) -> str | None:
    """Returns the column with the names of the noun's records, if the search index has it."""
    name = noun.schema.name_field.name
    known = name in noun.schema.search and name not in noun.schema.long_texts
    return name if known else None


def find_misspelled(
    noun: type[Record], words: Sequence[Word], patterns: Mapping[Word, str]
) -> models.QuerySet:
    """Returns the records whose name has all ``words``, one of them with an error, in no order."""
    name = searched_name(noun)
    if name is None or not patterns:
        return noun.objects.none()
    # Concatenated with nothing, it is no longer an indexed column: the index is of no use for such a pattern.
    found = noun.objects.annotate(
        _spelled=Concat(f"{name}__folded", Value("", TextField()), output_field=TextField())
    )
    somewhere = Q()
    for wrong, pattern in patterns.items():
        condition = Q(
            **{f"{name}__folded__trigram_word_similar": wrong.text}, _spelled__regex=pattern
        )
        for other in words:
            if other != wrong:
                condition &= other.column_condition(name)
        somewhere |= condition
    return found.filter(somewhere).order_by()


def pattern_of(word: Word) -> str:
    """Returns the pattern of a word with an error, at the beginning of a word."""
    return rf"\m({'|'.join(map(re.escape, spellings(word.text)))})".replace(r"\.", ".")


def set_threshold(text: str) -> None:
    """Set the similarity threshold of the database, until the commit, to what one error leaves of the
    words."""
    least = min(least_similarity(len(fold(word.text))) for word in misspelled_words(text))
    with connection.cursor() as cursor:
        cursor.execute(THRESHOLD, [f"{least - 0.01:.2f}"])


__all__ = ["PATIENCE", "find_misspelled", "misspelled_words", "pattern_of", "set_threshold"]
