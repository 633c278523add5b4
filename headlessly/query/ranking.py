"""The best matches of a search first, for who types and picks; a list has its own order.

First what is called like that, then what begins so, then what has a word that does, then the rest; of
equals what is open, then by name. A bounded number of matches is gathered and sorted: names that begin
so by their index, in order, and as many of all matches as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, models
from django.db.models import CharField, F, Value

from headlessly.declaration.folding import fold
from headlessly.declaration.registry import registry
from headlessly.query import paging
from headlessly.query.scope import Scope
from headlessly.query.search import BEFORE_WORDS, Search

if TYPE_CHECKING:
    from headlessly.declaration.record import Record

#: How many matches of a kind are looked at for each noun.
LOOKED_AT = 200
#: Sorts behind every text that begins alike.
LAST = chr(0x10FFFF)


class Match(NamedTuple):
    noun: str
    key: str
    name: str  #: folded
    state: str | None


def best_matches(nouns: Sequence[type[Record]], text: str) -> list[Match]:
    """The matches of ``text`` among the records of ``nouns``, the best first. Raises InvalidFilter."""
    parts = [part for noun in nouns for part in _parts(noun, text)]
    found = paging.union_sql(parts)
    if found is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*found)
        matches = [Match(*row) for row in cursor.fetchall()]
    folded = " ".join(fold(text).split())
    return sorted(matches, key=lambda match: _rank(match, folded))


def _parts(noun: type[Record], text: str) -> list[models.QuerySet]:
    name = f"{noun.schema.columns[0]}__folded"
    folded = " ".join(fold(text).split())
    beginning = noun.objects.filter(**{f"{name}__gte": folded, f"{name}__lt": folded + LAST})
    search = Search(Scope(noun), text)
    gathered = [beginning.order_by(name, "pk")]
    gathered += [part.order_by() for part in search.parts(noun.objects.all()) if search.words]
    machine = noun.schema.machine
    state = F(machine.name) if machine else Value(None, CharField())
    label = Value(noun.__name__, CharField())
    return [
        part.annotate(_noun=label, _state=state).values_list("_noun", "pk", name, "_state")[
            :LOOKED_AT
        ]
        for part in gathered
    ]


def _rank(match: Match, text: str) -> tuple[int, bool, str, str]:
    name = match.name or ""
    words = text.split()
    if name == text:
        fit = 0
    elif name.startswith(text):
        fit = 1
    else:
        fit = 2 if all(_begins_a_word(word, name) for word in words) else 3
    states = getattr(registry[match.noun], "OPEN", ())
    return fit, bool(states) and match.state not in states, name, match.key


def _begins_a_word(word: str, name: str) -> bool:
    return name.startswith(word) or any(before + word in name for before in BEFORE_WORDS)
