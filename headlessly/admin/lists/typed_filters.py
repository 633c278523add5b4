"""Filters typed into the search of a list: ``status:new owner:me source:fair mill`` narrows by three and
looks for one word.

In front of the colon stands what a filter is called, by its label or its name in an address; behind it the
beginning of a value as it is shown, several with commas, ``-`` for none, and in double quotes what has
spaces. What is no filter of the list stays among the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from headlessly.admin import choices, display
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.facets import Facet, ReferenceFacet
from headlessly.database import timeouts
from headlessly.declaration.folding import fold
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import ranking
from headlessly.query.listed import ME, NONE

WORD = re.compile(r'(?P<name>[^\s:"]+):(?P<value>"[^"]+"|[^\s"]+)')
#: More than this in one search are words.
MOST = 10


def expand_typed_filters(address: Address) -> str | None:
    """The address with what was typed of filters as filters; None where nothing was."""
    if ":" not in address.query:
        return None
    by_name = {_key(name): each for each in address.facets for name in (each.label, each.name)}
    found: dict[str, str] = {}
    words = address.query
    for match in list(WORD.finditer(address.query))[:MOST]:
        facet = by_name.get(_key(match["name"]))
        value = _value_of(facet, match["value"].strip('"')) if facet is not None else None
        if facet is None or value is None:
            continue
        found[facet.name] = value
        words = words.replace(match[0], " ", 1)
    if not found:
        return None
    return address.but({**found, "q": " ".join(words.split())})


def _key(name: str) -> str:
    return fold(name).replace(" ", "").replace("-", "")


def _value_of(facet: Facet, text: str) -> str | None:
    """The value of an address that is meant; None for one that there is not."""
    if text == NONE:
        return NONE
    if isinstance(facet, ReferenceFacet):
        values: Iterable[str | None] = [
            _find_record(facet, part) for part in text.split(",") if part
        ]
    else:
        known = [(_key(label), value) for value, label in facet.choices()]
        values = (
            [_find_choice(known, _key(part)) for part in text.split(",") if part]
            if known
            else [text]
        )
    parts = [value for value in values if value is not None]
    return ",".join(dict.fromkeys(parts)) or None


def _find_choice(known: list[tuple[str, str]], sought: str) -> str | None:
    exact = (value for label, value in known if label == sought)
    beginning = (value for label, value in known if label.startswith(sought))
    return next(exact, None) or next(beginning, None)


def _find_record(facet: ReferenceFacet, text: str) -> str | None:
    """The id of the record whose name fits best; ``me`` and members where these are asked for."""
    noun = cast("type[Noun]", facet.field.target_noun)
    if facet.field.name in display.WORKERS:
        people = choices.find_members(noun, text, offers=True)
        return ME if fold(text) == ME else next((each["id"] for each in people), None)
    try:
        with timeouts.statement_timeout():
            return next((match.key for match in ranking.best_matches([noun], text)), None)
    except InvalidFilter:
        return None
