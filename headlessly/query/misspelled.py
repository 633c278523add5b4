"""Names that have a word of a search with one letter wrong: another one, one too many, one missing, or, in a
word of six letters and more, two neighbours that changed places.

Trigrams that a word shares with a name lead to what is near (``pg_trgm``'s word similarity, along the index
of the search); a pattern of all spellings with one such error then decides. Asked only where what was typed
finds little, and given up when it takes long: who spelled it right has their answer already.
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

#: From how many letters on a word is long enough to be known with an error in it.
SHORTEST = 4
#: From how many letters on enough trigrams are left of a word of which two neighbours changed places.
SHORTEST_SWAPPED = 6
#: How many trigrams one wrong letter spoils, and two that changed places.
SPOILED, SPOILED_BY_SWAP = 3, 4
#: How long to look, in milliseconds.
PATIENCE = 400
THRESHOLD = "SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)"

TextField.register_lookup(TrigramWordSimilar)


def spellings(word: str) -> list[str]:
    """Patterns of every text that is one error away from ``word``; a dot stands for any letter."""
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
    """The least word similarity of a word of so many letters to one that is an error away, wherever it is:
    as pg_trgm counts, the best of those before the error, those behind it, and all with the spoiled ones."""
    spoiled = SPOILED_BY_SWAP if length >= SHORTEST_SWAPPED else SPOILED
    trigrams, left = length + 1, length + 1 - spoiled
    return min(
        max(before / trigrams, (left - before) / trigrams, left / (trigrams + spoiled))
        for before in range(left + 1)
    )


def misspelled_words(text: str) -> list[Word]:
    """The words of ``text`` that may have an error: letters alone, as many as it takes."""
    return [word for word in read_words(text) if len(word.text) >= SHORTEST and word.text.isalpha()]


def searched_name(noun: type[Record]) -> str | None:
    """The column with the names of the noun's records, if the index of its search has it."""
    name = noun.schema.name_field.name
    known = name in noun.schema.search and name not in noun.schema.long_texts
    return name if known else None


def find_misspelled(
    noun: type[Record], words: Sequence[Word], patterns: Mapping[Word, str]
) -> models.QuerySet:
    """The records whose name has all ``words``, one of those with a pattern with an error, in no order."""
    name = searched_name(noun)
    if name is None or not patterns:
        return noun.objects.none()
    # Added to nothing, it is no column of the index: that has no use for a pattern like this.
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
    """The pattern of a word with an error, where a word begins."""
    return rf"\m({'|'.join(map(re.escape, spellings(word.text)))})".replace(r"\.", ".")


def set_threshold(text: str) -> None:
    """Let the database take for similar what one error leaves of the words of ``text``; till the commit."""
    least = min(least_similarity(len(fold(word.text))) for word in misspelled_words(text))
    with connection.cursor() as cursor:
        cursor.execute(THRESHOLD, [f"{least - 0.01:.2f}"])


__all__ = ["PATIENCE", "find_misspelled", "misspelled_words", "pattern_of", "set_threshold"]
