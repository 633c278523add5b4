"""The best matches of a search first, for pickers; a list has its own order.

First come records with exactly this name, then names that begin so, then names with a word that does, then
the rest; among equals the open ones first, then by name. A bounded number of matches is gathered and sorted:
names that begin so, in the order of their index, and a number of all matches in any order. If these are few,
names with one wrong letter follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, models
from django.db.models import CharField, F, Value

from headlessly.access import tenancy, visibility
from headlessly.access.prepared_queries import Statement, mark_text
from headlessly.database import prepared, timeouts
from headlessly.declaration.folding import draw_together, fold_words, write_out
from headlessly.declaration.registry import registry
from headlessly.declaration.shapes import cached_by_shape
from headlessly.query import misspelled
from headlessly.query.list_statements import union_sql
from headlessly.query.scope import Scope
from headlessly.query.search import Search, SearchedText, SearchKey, tables_behind
from headlessly.query.search_words import (
    BEFORE_WORDS,
    Word,
    WordKind,
    marked_word,
    read_words,
    word_kind,
    word_texts,
)

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many matches of each part of the search are looked at for each noun.
LOOKED_AT = 200
#: With fewer matches than this, in all nouns together, misspelled names are searched for.
FEW = 3
#: How many statements are kept.
MOST_KEPT = 1_024
#: Sorts after every text with the same beginning.
LAST = chr(0x10FFFF)


class Match(NamedTuple):
    noun: str
    key: str
    name: str  #: folded
    state: str | None


def best_matches(nouns: Sequence[type[Record]], text: str) -> list[Match]:
    """Returns the matches of ``text`` among the records of ``nouns``, the best first. Raises
    InvalidFilter."""
    folded = fold_words(text)
    matches = _find_matches(nouns, text, folded)
    out = " ".join(write_out(text).split())
    texts = {folded, out, draw_together(out)}
    matches.sort(key=lambda match: min(_rank(match, each) for each in texts))
    if len(matches) < FEW:
        known = {match.key for match in matches}
        near = [match for match in _misspelled_matches(nouns, text) if match.key not in known]
        matches += sorted(near, key=lambda match: (_is_closed(match), match.name or "", match.key))
    return matches


def _find_matches(nouns: Sequence[type[Record]], text: str, folded: str) -> list[Match]:
    """Returns some matches of each noun, in no order. The statement is compiled once for all texts of this
    form."""
    read = SearchedText.read(text, of_many=True)
    if len(read.words) > 1:
        read.look_behind(table for noun in nouns for table in tables_behind(Scope(noun)))
    statements, given = [], []
    tenant, person = tenancy.require().pk, visibility.visible_owner()
    for noun in nouns:
        key, texts = read.key_in(noun)
        statement = _statement(noun, key, tenant, person)
        statements.append(statement.sql)
        given += statement.fill([folded, folded + LAST, *texts])
    sql = " UNION ".join(statements)
    if sql and len(read.words) == 1 and read.words[0].has_trigram:
        # With one word the statement is nearly always the same, and planning it takes longer than most
        # look-ups. The search index begins with the tenant, and finds any pattern with trigrams.
        with prepared.planned_for_any():
            return [Match(*row) for row in prepared.execute_prepared(sql, given)]
    return _read_matches(sql, given) if sql else []


@cached_by_shape(most=MOST_KEPT)
def _statement(noun: type[Record], key: SearchKey, _tenant: int, _person: str | None) -> Statement:
    """Returns the statement that finds matches in a noun, for texts with this key: names that begin so, in
    order, and some of each part of the search."""
    name, numbers = f"{noun.schema.name_field.name}__folded", count()
    first, last = mark_text(next(numbers)), mark_text(next(numbers))
    beginning = noun.objects.filter(**{f"{name}__gte": first, f"{name}__lt": last})
    search = Search(Scope(noun), SearchedText.marked(noun, key, numbers))
    gathered = [beginning.order_by(name, "pk")]
    gathered += [part.order_by() for part in search.parts(noun.objects.all()) if search.words]
    found = union_sql([_as_match(noun, part) for part in gathered])
    assert found is not None, "Names can always begin so."
    return Statement.of(*found)


def _read_matches(sql: str, given: Sequence[Any]) -> list[Match]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return [Match(*row) for row in cursor.fetchall()]


def _misspelled_matches(nouns: Sequence[type[Record]], text: str) -> list[Match]:
    """Returns names with a word of ``text`` misspelled; none if that takes too long."""
    words, wrong = read_words(text), misspelled.misspelled_words(text)
    if not wrong:
        return []
    texts = [each for word in words for each in word_texts(word)]
    texts += [misspelled.pattern_of(word) for word in wrong]
    kinds, places = tuple(map(word_kind, words)), tuple(words.index(word) for word in wrong)
    tenant, person = tenancy.require().pk, visibility.visible_owner()
    found = [_statement_of_misspelled(noun, kinds, places, tenant, person) for noun in nouns]
    statements = [each for each in found if each is not None]
    if not statements:
        return []
    given = [parameter for each in statements for parameter in each.fill(texts)]
    try:
        with timeouts.statement_timeout(misspelled.PATIENCE):
            misspelled.set_threshold(text)
            return _read_matches(" UNION ".join(each.sql for each in statements), given)
    except timeouts.TooSlow:
        return []


@cached_by_shape(most=MOST_KEPT)
def _statement_of_misspelled(
    noun: type[Record],
    kinds: tuple[WordKind, ...],
    wrong: tuple[int, ...],
    _tenant: int,
    _person: str | None,
) -> Statement | None:
    """Returns the statement that finds names with an error in one of the words at ``wrong``; None if the
    noun's names are not searched."""
    numbers = count()
    words: list[Word] = [marked_word(kind, numbers) for kind in kinds]
    patterns = {words[place]: mark_text(next(numbers)) for place in wrong}
    found = union_sql([_as_match(noun, misspelled.find_misspelled(noun, words, patterns))])
    return None if found is None else Statement.of(*found)


def _as_match(noun: type[Record], found: models.QuerySet) -> models.QuerySet:
    """Returns the first of the records, with the columns of a match."""
    machine = noun.schema.machine
    state = F(machine.name) if machine else Value(None, CharField())
    label = Value(noun.__name__, CharField())
    name = f"{noun.schema.name_field.name}__folded"
    annotated = found.annotate(_noun=label, _state=state)
    return annotated.values_list("_noun", "pk", name, "_state")[:LOOKED_AT]


def _rank(match: Match, text: str) -> tuple[int, bool, str, str]:
    name = match.name or ""
    words = text.split()
    if name == text:
        fit = 0
    elif name.startswith(text):
        fit = 1
    else:
        fit = 2 if all(_begins_a_word(word, name) for word in words) else 3
    return fit, _is_closed(match), name, match.key


def _is_closed(match: Match) -> bool:
    states = getattr(registry[match.noun], "OPEN", ())
    return bool(states) and match.state not in states


def _begins_a_word(word: str, name: str) -> bool:
    return name.startswith(word) or any(before + word in name for before in BEFORE_WORDS)
