"""The parameters of a list's address, not parsed any further, and other addresses like it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import QueryDict
from django.utils import translation

from headlessly.admin.lists.ranges import AMOUNTS
from headlessly.admin.past_days import read_past_days
from headlessly.language import numbers
from headlessly.nouns import Noun
from headlessly.query.list_address import join_values

#: The parameter with the language in which numbers were typed. In links they are written as on the wire.
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
            self._read_numbers(language)

    def _read_numbers(self, language: str) -> None:
        """Rewrites typed numbers as on the wire, so that readers of other languages can share the address."""
        if language not in dict(settings.LANGUAGES):
            return
        with translation.override(language):
            for name, text in self.given.items():
                path, _separator, lookup = name.partition("__")
                field = self.noun.schema.fields.get(path)
                if field is not None and field.type in AMOUNTS and lookup in ENDS:
                    self.given[name] = numbers.delocalize_number(text)

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
