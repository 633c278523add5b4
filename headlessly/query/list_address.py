"""The address of a list, read as a filter: for lists in the browser and for saved views.

``status=New,Contacted&owner=me&campaign=-&score__gte=80&is=bant-complete&q=acme``: a field of the noun with
several values (``-`` means none, ``me`` the reader), lookups as in REST, where a value that ends in ``,-``
includes records without one, presets of the noun, a filter of the filter language, and words to search for.
Pages show and offer these (:mod:`headlessly.admin.lists`); only this module defines what they mean.
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
#: With more distinct values than this, people type a value instead of picking it.
PICKABLE = 50


@dataclass
class Conditions:
    """The conditions of an address by kind, not yet interpreted."""

    fields: dict[str, Field] = field(default_factory=dict)  #: by wire name: fields with values
    #: By path: the text of each lookup.
    lookups: dict[str, dict[str, str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)  #: parameters that are no condition


def read_conditions(
    noun: type[Record], given: Mapping[str, str], *, but: Collection[str] = BROWSER_LIST
) -> Conditions:
    """Sorts the parameters of an address by kind, without the names in ``but``, which are no conditions."""
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
    """Returns the filter of a list's query, with ``me`` as the current actor. Raises InvalidFilter."""
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
    """Whether a query depends on its reader."""
    given = given_of(query)
    return any(
        each.type == "reference" and ME in _parts(given[name])
        for name, each in read_conditions(noun, given).fields.items()
    )


def given_of(query: str) -> dict[str, str]:
    """Returns the parameters of a query: several values of one are joined, empty ones are left out."""
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
    """Returns the filter for ``{field}={text}``; ``values`` are its parts, if they are known.

    Raises InvalidFilter.
    """
    if is_searched(asked) and text != NONE:
        return {asked.wire: {"$text": text}}
    if values is None:
        values = values_of(noun, asked, text)
    return {asked.wire: {"$in": [_clean_value(asked, part) for part in values]}}


def is_searched(asked: Field) -> bool:
    """Whether a value is searched for as words: for texts that have no index."""
    return asked.type in operators.TEXT_TYPES and not asked.indexed


def values_of(
    noun: type[Record], asked: Field, text: str, known: Callable[[], list[str]] | None = None
) -> list[str]:
    """Returns the values in a text. A text value may contain a comma itself; it is split only if each part is
    a value in use. ``known`` returns these, if they were read already."""
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
    """Whether its distinct values can be read quickly, by an index."""
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
    """Returns the filter for the lookups of one field. Raises InvalidFilter."""
    return {"$and": [_lookup_filter(noun, path, *each) for each in given.items()]}


def _lookup_filter(noun: type[Record], path: str, lookup: str, text: str) -> dict[str, Any]:
    if not text.endswith(OR_NONE) or lookup == "isnull":
        return querystring.lookup_filter(noun, path, lookup, text)
    there = querystring.lookup_filter(noun, path, lookup, text.removesuffix(OR_NONE))
    return {"$or": [there, {path: {"$exists": False}}]}


def parse_filter(text: str) -> Mapping[str, Any]:
    """Returns the filter in an address. Raises InvalidFilter."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidFilter(_("The filter in this address is not JSON."), field="filter")
    return found


def filter_text(filter: Mapping[str, Any]) -> str:
    """Returns a filter as an address has it; empty if it has no condition."""
    return json.dumps(filter, ensure_ascii=False, separators=(",", ":")) if filter else ""


def occurring_values(noun: type[Record], asked: Field) -> list[str]:
    """Returns the distinct values of an indexed text column, by hopping along the index.

    SELECT DISTINCT would read the whole table. Returns nothing if there are too many to pick from.
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
