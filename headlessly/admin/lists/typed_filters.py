"""Filters typed into the search of a list: ``status:new owner:me source:fair mill`` sets three filters and
searches for one word.

Before the colon is the label of a filter or its name in an address; after it the beginning of a value as
it is shown, several with commas, ``-`` for none, and in double quotes if it has spaces. Anything that is
not a filter of the list stays among the words.
"""

from __future__ import annotations

import re
from typing import cast

from django.utils.translation import gettext as _

from headlessly.admin import choices, display
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.facets import Facet, ReferenceFacet
from headlessly.database import timeouts
from headlessly.declaration.folding import fold
from headlessly.errors import InvalidFilter
from headlessly.nouns import Noun
from headlessly.query import ranking
from headlessly.query.list_address import ME, NONE

WORD = re.compile(r'(?P<name>[^\s:"]+):(?P<value>"[^"]+"|[^\s"]+)')
#: How many values one search may have; further ones stay words.
MOST = 10


def expand_typed_filters(address: Address) -> str | None:
    """Returns the address with typed filters as parameters, or None if there are none."""
    if ":" not in address.query:
        return None
    by_name = {_key(name): each for each in address.facets for name in (each.label, each.name)}
    found: dict[str, list[str]] = {}
    words, left = address.query, MOST
    for match in WORD.finditer(address.query):
        facet = by_name.get(_key(match["name"]))
        parts = [part for part in match["value"].strip('"').split(",") if part]
        left -= len(parts)
        if facet is None or not parts or left < 0:
            continue
        values = _values_of(facet, parts)
        if values is None:
            continue
        found.setdefault(facet.name, []).extend(values)
        words = words.replace(match[0], " ", 1)
    if not found:
        return None
    filters = {name: ",".join(dict.fromkeys(values)) for name, values in found.items()}
    return address.but({**filters, "q": " ".join(words.split())})


def _key(name: str) -> str:
    return fold(name).replace(" ", "").replace("-", "")


def _values_of(facet: Facet, parts: list[str]) -> list[str] | None:
    """Returns the values that are meant; None if one of them is not found."""
    if parts == [NONE]:
        return parts
    if isinstance(facet, ReferenceFacet):
        values = [_find_record(facet, part) for part in parts]
    elif known := [(_key(label), value) for value, label in facet.choices()]:
        values = [_find_choice(known, _key(part)) for part in parts]
    else:
        return parts
    meant = [value for value in values if value is not None]
    return meant if len(meant) == len(values) else None


def _find_choice(known: list[tuple[str, str]], sought: str) -> str | None:
    if not sought:
        return None
    exact = (value for label, value in known if label == sought)
    beginning = (value for label, value in known if label.startswith(sought))
    return next(exact, None) or next(beginning, None)


def _find_record(facet: ReferenceFacet, text: str) -> str | None:
    """Returns the id of the best match by name; for people ``me``, "nobody" or a member."""
    noun = cast("type[Noun]", facet.field.target_noun)
    if facet.field.name in display.WORKERS:
        if fold(text) in (ME, fold(_("Me"))):
            return ME
        if fold(text) == fold(_("Nobody")):
            return NONE
        people = choices.find_members(noun, text, offers=False)
        return next((each["id"] for each in people), None)
    try:
        with timeouts.statement_timeout():
            return next((match.key for match in ranking.best_matches([noun], text)), None)
    except InvalidFilter:
        return None
