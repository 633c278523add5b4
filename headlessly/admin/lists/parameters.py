"""The parameters of a list's address, not parsed any further, and other addresses like it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import QueryDict
from django.utils import translation

from headlessly.admin.lists.ranges import AMOUNTS, DATES, parameter_name, read_ends
from headlessly.admin.past_days import read_past_days
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.language import numbers
from headlessly.nouns import Noun
from headlessly.query import querystring
from headlessly.query.list_address import join_values

#: Says that somebody typed the numbers and days, as their language writes them: links have them as wires do.
TYPED = "typed"
ENDS = ("gt", "gte", "lt", "lte")


class Parameters:
    """The parameters of an address by name."""

    def __init__(self, noun: type[Noun], query: QueryDict | str) -> None:
        self.noun = noun
        given = QueryDict(query) if isinstance(query, str) else query
        self.given = {
            name: joined for name, values in given.lists() if (joined := join_values(values))
        }
        if "asOf" in self.given:
            self.given = read_past_days(self.given, "asOf")
        if language := self.given.pop(TYPED, ""):
            self._read_ends(language)

    def _read_ends(self, language: str) -> None:
        """Say the numbers and days that were typed as a wire does; other languages may share the address."""
        if language not in dict(settings.LANGUAGES):
            return
        typed: dict[str, tuple[Field, dict[str, str]]] = {}
        with translation.override(language):
            for name, text in list(self.given.items()):
                path, _separator, lookup = name.partition("__")
                if lookup not in ENDS:
                    continue
                try:
                    field = querystring.field_at_path(self.noun, path)
                except InvalidFilter:
                    continue  # whoever asks for it is told
                if field.type in AMOUNTS:
                    self.given[name] = numbers.delocalize_number(text)
                elif field.type in DATES:
                    typed.setdefault(path, (field, {}))[1][lookup] = text
            for path, (field, ends) in typed.items():
                read = read_ends(field, ends)
                for lookup in ends:
                    del self.given[parameter_name(path, lookup)]
                self.given |= {parameter_name(path, lookup): text for lookup, text in read.items()}

    @property
    def query(self) -> str:
        return self.given.get("q", "")

    # -- other addresses --------------------------------------------------------------------------

    def but(self, changes: Mapping[str, Any]) -> str:
        """Returns this address with changed parameters (None removes one), starting from its first page."""
        rest = {**self.given, "p": None, **changes}
        return query_string_of({name: value for name, value in rest.items() if value})

    @property
    def at_present(self) -> str:
        return self.but({"asOf": None})

    @property
    def cleared(self) -> str:
        """The query of this list without filters."""
        kept = ("columns", "o", "asOf", "deleted")
        return query_string_of({name: self.given[name] for name in kept if name in self.given})

    @property
    def list_query(self) -> str:
        """The query without the page and the view."""
        return canonical_query(self.given)

    @property
    def view_query(self) -> str:
        """The query that a view stores: filters, columns and order, but no past day."""
        return canonical_query(
            {k: v for k, v in self.given.items() if k not in ("asOf", "deleted")}
        )

    @property
    def query_string(self) -> str:
        return urlencode(self.given, safe=",@")

    # -- what forms carry along -------------------------------------------------------------------

    @property
    def but_columns(self) -> list[tuple[str, str]]:
        return self._kept("columns")

    @property
    def at_no_moment(self) -> list[tuple[str, str]]:
        return self._kept("asOf")

    def _kept(self, *but: str) -> list[tuple[str, str]]:
        return [(k, v) for k, v in self.given.items() if k not in but and k != "p"]


def query_string_of(params: Mapping[str, Any]) -> str:
    """Returns ``?`` and the parameters; without any, the query of all records, so that it is not the view
    that the person starts with."""
    return "?" + urlencode(params, safe=",@") if set(params) - {"view"} else "?view=all"


def canonical_query(given: Mapping[str, str] | str) -> str:
    """Returns the same text for all addresses of the same list."""
    if isinstance(given, str):
        return _canonical_text(given)
    rest = {k: v for k, v in given.items() if v and k not in ("p", "view")}
    return urlencode(sorted(rest.items()), safe=",@")


@lru_cache(maxsize=1024)
def _canonical_text(query: str) -> str:
    """Returns the canonical form of a query. Cached, because each page needs it for every view, several
    times."""
    return canonical_query({name: join_values(values) for name, values in QueryDict(query).lists()})
