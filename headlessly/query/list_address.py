"""The address of a list read as a filter: what a list shows, and what a saved view keeps as its query.

``status=New,Contacted&owner=me&campaign=-&score__gte=80&is=bant-complete&q=acme``: a field of the noun
with several values (``-`` is "none", ``me`` whoever reads), lookups as REST has them, of which a value that
ends in ``,-`` takes in the records without one, the noun's own conditions, a filter of the filter language,
and words. Pages put these in words and offer them (:mod:`headlessly.admin.lists`); what they mean is said
here alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.http import QueryDict
from django.utils.text import slugify
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.declaration import labels
from headlessly.errors import InvalidFilter
from headlessly.query import operators, querystring
from headlessly.query.querystring import BROWSER_LIST

if TYPE_CHECKING:
    from headlessly.declaration.record import Record
    from headlessly.declaration.schema import Field

NONE, ME = "-", "me"
OR_NONE = f",{NONE}"
#: More values than this are typed, not picked.
PICKABLE = 50


@dataclass
class Conditions:
    """The conditions of an address by what they are, none of them understood yet."""

    fields: dict[str, Field] = field(default_factory=dict)  #: by wire name: those given values
    lookups: dict[str, dict[str, str]] = field(default_factory=dict)  #: by path: text by lookup
    unknown: list[str] = field(default_factory=list)  #: parameters that are no condition


def read_conditions(
    noun: type[Record], given: Mapping[str, str], *, but: Collection[str] = BROWSER_LIST
) -> Conditions:
    """Sort the parameters of an address, without those that are no conditions by their name."""
    joined = {each.wire: each for each in noun.schema.joined_facets}
    found = Conditions()
    for name, text in given.items():
        if name in but:
            continue
        if name in joined:
            found.fields[name] = joined[name]
            continue
        try:
            path, lookup = querystring.parse_lookup(noun, name)
        except InvalidFilter:
            found.unknown.append(name)
            continue
        asked = querystring.field_at_path(noun, path)
        if asked.computed or (asked.type == "json" and lookup != "isnull"):
            found.unknown.append(name)
        elif lookup == "exact" and name in noun.schema.fields:
            found.fields[name] = asked
        else:
            found.lookups.setdefault(path, {})[lookup] = text
    return found


def filter_of_query(noun: type[Record], query: str) -> dict[str, Any]:
    """The filter that a list's query states, ``me`` being whoever acts. Raises InvalidFilter."""
    given = given_of(query)
    conditions = read_conditions(noun, given)
    if conditions.unknown:
        raise no_such_filter(conditions.unknown[0])
    stated: list[dict[str, Any]] = []
    if words := given.get("q", "").strip():
        stated.append({"$text": words})
    stated += [values_filter(noun, each, given[name]) for name, each in conditions.fields.items()]
    stated += [lookups_filter(noun, *each) for each in conditions.lookups.items()]
    if text := given.get("filter"):
        stated.append(dict(parse_filter(text)))
    presets = {slugify(name): dict(stated) for name, stated in noun.Surface.presets.items()}
    for slug in filter(None, given.get("is", "").split(",")):
        if slug not in presets:
            raise no_such_filter(slug)
        stated.append(presets[slug])
    return {"$and": stated} if stated else {}


def says_me(noun: type[Record], query: str) -> bool:
    """Whether a query is another list for each who reads it."""
    given = given_of(query)
    return any(
        each.type == "reference" and ME in _parts(given[name])
        for name, each in read_conditions(noun, given).fields.items()
    )


def given_of(query: str) -> dict[str, str]:
    """The parameters of a query: several values of one are joined, empty ones are none."""
    given = {name: join_values(values) for name, values in QueryDict(query).lists()}
    return {name: text for name, text in given.items() if text}


def join_values(values: Iterable[str]) -> str:
    return ",".join(value for value in values if value.strip())


def no_such_filter(name: str) -> InvalidFilter:
    return InvalidFilter(_("There is no filter “%s” here.") % name[:64], field=name[:64])


# -- one condition --------------------------------------------------------------------------------


def values_filter(
    noun: type[Record], asked: Field, text: str, values: list[str] | None = None
) -> dict[str, Any]:
    """What ``{field}={text}`` stands for; ``values`` are its parts, where they are known.

    Raises InvalidFilter.
    """
    if is_searched(asked) and text != NONE:
        return {asked.wire: {"$text": text}}
    if values is None:
        values = values_of(noun, asked, text)
    return {asked.wire: {"$in": [_clean_value(asked, part) for part in values]}}


def is_searched(asked: Field) -> bool:
    """Whether a value is words to look for: of texts that no index has whole."""
    return asked.type in operators.TEXT_TYPES and not asked.indexed


def values_of(
    noun: type[Record], asked: Field, text: str, known: Callable[[], list[str]] | None = None
) -> list[str]:
    """The values that a text names. One of a text may have a comma; it is several where each of them occurs,
    which ``known`` tells where somebody has asked already."""
    parts = _parts(text)
    if asked.type in ("enum", "bool", "choices", "reference"):
        return parts
    if len(parts) > 1:
        there = (
            known()
            if known
            else occurring_values(noun, asked)
            if has_pickable_values(asked)
            else []
        )
        if text not in there and set(parts) <= set(there):
            return parts
    return [text] if text else []


def has_pickable_values(asked: Field) -> bool:
    """Whether its values can be told at once: an index has them."""
    return bool(asked.indexed) and asked.type in operators.TEXT_TYPES


def _clean_value(asked: Field, text: str) -> Any:
    if text == NONE:
        return None
    if asked.type == "choices":
        return text
    try:
        if asked.type == "reference" and text == ME:
            return _me()
        return asked.clean(text, text=True)
    except ValueError as problem:
        said = f"{labels.field_label(asked)}: {problem}"
        raise InvalidFilter(said, field=asked.wire) from None


def _me() -> str:
    if (person := actors.current().contact_id) is None:
        raise ValueError(_("You are not linked to a contact here, so nothing is yours."))
    return person


def _parts(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def lookups_filter(noun: type[Record], path: str, given: Mapping[str, str]) -> dict[str, Any]:
    """What lookups of one field stand for. Raises InvalidFilter."""
    return {"$and": [_lookup_filter(noun, path, *each) for each in given.items()]}


def _lookup_filter(noun: type[Record], path: str, lookup: str, text: str) -> dict[str, Any]:
    if not text.endswith(OR_NONE) or lookup == "isnull":
        return querystring.lookup_filter(noun, path, lookup, text)
    there = querystring.lookup_filter(noun, path, lookup, text.removesuffix(OR_NONE))
    return {"$or": [there, {path: {"$exists": False}}]}


def parse_filter(text: str) -> Mapping[str, Any]:
    """The filter in an address. Raises InvalidFilter."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidFilter(_("The filter in this address is not JSON."), field="filter")
    return found


def filter_text(filter: Mapping[str, Any]) -> str:
    """A filter as an address has it; empty for one that says nothing."""
    return json.dumps(filter, ensure_ascii=False, separators=(",", ":")) if filter else ""


def occurring_values(noun: type[Record], asked: Field) -> list[str]:
    """The values of an indexed text column, hopping from one to the next along the index.

    SELECT DISTINCT would read the whole table. Empty when there are more than one would pick from.
    """
    table = connection.ops.quote_name(noun._meta.db_table)
    column = connection.ops.quote_name(asked.column)
    visible, mine = visibility.visible_rows(noun, "n")
    here = f"FROM {table} n WHERE {visible} AND n.{column}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE hop AS ((SELECT {column} AS value {here} IS NOT NULL "
            f"ORDER BY {column} LIMIT 1) UNION ALL SELECT (SELECT {column} {here} > hop.value "
            f"ORDER BY {column} LIMIT 1) FROM hop WHERE hop.value IS NOT NULL) "
            "SELECT value FROM hop WHERE value IS NOT NULL LIMIT %s",
            [*mine, *mine, PICKABLE + 1],
        )
        found = [value for (value,) in cursor.fetchall()]
    return found if len(found) <= PICKABLE else []
