"""What the address of a list says, and other addresses like it.

An address names fields by their wire names (``?status=New,Contacted&owner=me&campaign=-``; ``-`` is
"none"), lookups on any field (:mod:`headlessly.admin.lists.ranges`), the noun's own conditions
(``is=bant-complete``), words (``q``), the order (``o=-score``), the columns (``columns=status,score``), a
past day (``asOf=2026-01-31``), ``deleted=true``, and the saved view that it came from (``view``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models
from django.http import QueryDict
from django.utils import translation
from django.utils.text import slugify
from django.utils.translation import gettext as _

from headlessly.admin.lists import places
from headlessly.admin.lists.facets import Facet, make_facet
from headlessly.admin.lists.ranges import AMOUNTS, RangeFilter
from headlessly.context import clock
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.language import numbers
from headlessly.log import events
from headlessly.nouns import Noun
from headlessly.query import filters, periods, querystring, reads, sorting
from headlessly.query.scope import Scope

#: Parameters that are no fields.
OWN = ("q", "o", "p", "is", "columns", "asOf", "deleted", "view")
#: Says that somebody typed the numbers, as their language writes them: links have them as wires do.
TYPED = "typed"
ENDS = ("gt", "gte", "lt", "lte")
#: More columns than this do not fit a screen.
MAX_COLUMNS = 12
CREATED = Field("created_at", "createdAt", "created_at", "datetime", label="Created")
CHANGED = Field("updated_at", "updatedAt", "updated_at", "datetime", label="Changed")
#: What every record carries and a list may show, by wire and by Python name.
CARRIED = {name: field for field in (CREATED, CHANGED) for name in (field.wire, field.name)}


class DeletedScope(Scope):
    """The deleted records of a noun. The log knows them: no index of a large table has to."""

    def queryset(self) -> models.QuerySet:
        names = [verb.event for verb in self.noun.verbs.values() if verb.deletes]
        told = events.Event.objects.filter(name__in=names).order_by().values("target")
        return self.noun.with_deleted.filter(deleted_at__isnull=False, pk__in=told)


class PresetFilter:
    """One of the noun's own conditions."""

    label = ""
    names = ("is",)
    params = None

    def __init__(self, name: str, condition: Any) -> None:
        self.name, self.condition = name, condition
        self.slug = slugify(name)

    def as_filter(self) -> dict[str, Any]:
        return dict(self.condition)

    def in_words(self) -> str:
        return _(self.name)


class SearchFilter:
    """What is searched for."""

    label = ""
    names = ("q",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def params(self) -> dict[str, str]:
        """The same as REST says it; None for what it has no words for."""
        return {"q": self.text}

    def as_filter(self) -> dict[str, Any]:
        return {"$text": self.text}

    def in_words(self) -> str:
        return _("“%s”") % self.text


class Address:
    """One address of a noun's list, read. ``problem`` is what is wrong with it, in a sentence."""

    def __init__(self, noun: type[Noun], query: QueryDict | str, site: Any) -> None:
        self.noun, self.site = noun, site
        given = QueryDict(query) if isinstance(query, str) else query
        self.given = {
            name: joined for name, values in given.lists() if (joined := _join_values(values))
        }
        if language := self.given.pop(TYPED, ""):
            self._read_numbers(language)
        self.problem = ""
        self.moment: datetime | None = None  #: of the past that is asked for
        self.columns = [noun.schema.by_name[name] for name in noun.schema.columns]
        self._read()

    def _read_numbers(self, language: str) -> None:
        """Say the numbers that were typed as a wire does; other languages may share the address."""
        if language not in dict(settings.LANGUAGES):
            return
        with translation.override(language):
            for name, text in self.given.items():
                path, _separator, lookup = name.partition("__")
                field = self.noun.schema.fields.get(path)
                if field is not None and field.type in AMOUNTS and lookup in ENDS:
                    self.given[name] = numbers.delocalize_number(text)

    def _read(self) -> None:
        schema = self.noun.schema
        facets = {name: schema.by_name[name] for name in schema.facets}
        found: dict[str, dict[str, str]] = {}
        for name, text in self.given.items():
            if name in OWN:
                continue
            try:
                path, lookup = querystring.parse_lookup(self.noun, name)
            except InvalidFilter:
                self.problem = _("There is no filter “%s” here.") % name[:64]
                continue
            field = querystring.field_at_path(self.noun, path)
            if field.computed or (field.type == "json" and lookup != "isnull"):
                self.problem = _("There is no filter “%s” here.") % name[:64]
            elif lookup == "exact" and name in schema.fields:
                facets.setdefault(field.name, field)
            else:
                found.setdefault(path, {})[lookup] = text
        self.facets: list[Facet] = [
            make_facet(self.noun, f, self.given.get(f.wire, ""), self.site) for f in facets.values()
        ]
        offered = [listable_field(self.noun, name).wire for name in (*schema.ranges, "created_at")]
        self.ranges = [RangeFilter(self.noun, path, found.pop(path, {})) for path in offered]
        self.others = [RangeFilter(self.noun, path, given) for path, given in found.items()]
        self.presets = [PresetFilter(name, c) for name, c in self.noun.Surface.presets.items()]
        self.chosen = [slug for slug in self.given.get("is", "").split(",") if slug]
        known = {preset.slug for preset in self.presets}
        if unknown := [slug for slug in self.chosen if slug not in known]:
            self.problem = _("There is no filter “%s” here.") % unknown[0][:64]
        self._check()

    def _check(self) -> None:
        """Find out now what could not be asked later."""
        try:
            self.moment = self._moment()
            self.columns = self._columns()
            if not self.problem:
                filters.compile_filter(self.scope, self.filter)
        except InvalidFilter as problem:
            self.problem = problem.message

    # -- which records ----------------------------------------------------------------------------

    @property
    def query(self) -> str:
        return self.given.get("q", "")

    @cached_property
    def active(self) -> list[Any]:
        """The conditions that are on."""
        found: list[Any] = [SearchFilter(self.query)] if self.query.strip() else []
        found += [facet for facet in self.facets if facet.value]
        found += [each for each in (*self.ranges, *self.others) if each.value]
        return found + [preset for preset in self.presets if preset.slug in self.chosen]

    @property
    def filter(self) -> dict[str, Any]:
        """All conditions in the filter language. Raises InvalidFilter."""
        return self.filter_of(self.active)

    @staticmethod
    def filter_of(conditions: Iterable[Any]) -> dict[str, Any]:
        stated = [condition.as_filter() for condition in conditions]
        return {"$and": stated} if stated else {}

    def _moment(self) -> datetime | None:
        """The moment that ``asOf`` names; of a day its end, for that is how people mean it."""
        text = self.given.get("asOf", "")
        moment = reads.check_moment(text)
        if moment is None:
            return None
        try:
            moment = periods.midnight(
                date.fromisoformat(text.strip()) + timedelta(days=1)
            ) - timedelta(microseconds=1)
        except (ValueError, OverflowError):
            pass
        if moment > clock.now() + timedelta(days=1):
            raise InvalidFilter(_("That day is yet to come: choose one of the past."), field="asOf")
        return min(moment, clock.now())

    @property
    def deleted(self) -> bool:
        return self.given.get("deleted") == "true"

    @property
    def live(self) -> bool:
        """Whether it shows what can be worked on: records of now that are not deleted."""
        return not self.deleted and self.moment is None

    @property
    def scope(self) -> Scope:
        return DeletedScope(self.noun) if self.deleted else Scope(self.noun, self.moment)

    # -- in which order, with which columns -------------------------------------------------------

    @cached_property
    def sort(self) -> list[str]:
        """The names of the fields to sort by, ``-`` in front of those that descend; unknown ones drop.

        A number is the place of one of the columns that the noun declares.
        """
        found = []
        declared = self.noun.schema.columns
        for part in self.given.get("o", "").replace(".", ",").split(",")[: sorting.MAX_SORT_KEYS]:
            name = part.removeprefix("-")
            if name.isdecimal():
                name = declared[int(name)] if len(name) < 4 and int(name) < len(declared) else ""
            try:
                field = listable_field(self.noun, name)
            except InvalidFilter:
                continue
            if is_sortable(field):
                found.append(part[: part.startswith("-")] + field.name)
        return found

    @property
    def order_columns(self) -> list[sorting.SortKey]:
        if self.deleted and not self.sort:
            gone = sorting.SortKey("deleted_at", "datetime", descending=True, nullable=False)
            return [gone, sorting.SortKey("pk", "string", descending=True, nullable=False)]
        return sorting.sort_keys(self.scope, ",".join(self.sort))

    def order(self) -> list[Any]:
        """What ``order_by`` takes."""
        return [column.expression for column in self.order_columns]

    def _columns(self) -> list[Field]:
        """The fields that the list shows, the record's name first. Raises InvalidFilter."""
        chosen = [name for name in self.given.get("columns", "").split(",") if name]
        if not chosen:
            return self.columns
        found = [self.columns[0], *(listable_field(self.noun, name) for name in chosen)]
        if len(found) > MAX_COLUMNS:
            problem = _("At most %d columns fit a list.") % MAX_COLUMNS
            raise InvalidFilter(problem, field="columns")
        return list(dict.fromkeys(found))

    # -- other addresses --------------------------------------------------------------------------

    def but(self, changes: Mapping[str, Any]) -> str:
        """This address with other values for these parameters, None for none; from its first page."""
        rest = {**self.given, "p": None, **changes}
        return query_string_of({name: value for name, value in rest.items() if value})

    def without(self, condition: Any) -> str:
        """This address without one of its conditions."""
        if isinstance(condition, PresetFilter):
            return self.but({"is": ",".join(s for s in self.chosen if s != condition.slug)})
        return self.but(dict.fromkeys(condition.names))

    @property
    def preset_links(self) -> list[dict[str, Any]]:
        """The noun's own conditions, each with the address that turns it on or off."""
        return [
            {
                "label": preset.in_words(),
                "on": preset.slug in self.chosen,
                "url": self.without(preset)
                if preset.slug in self.chosen
                else self.but({"is": ",".join([*self.chosen, preset.slug])}),
            }
            for preset in self.presets
        ]

    @property
    def at_present(self) -> str:
        return self.but({"asOf": None})

    @property
    def cleared(self) -> str:
        """This list with nothing taken away from it."""
        kept = ("columns", "o", "asOf", "deleted")
        return query_string_of({name: self.given[name] for name in kept if name in self.given})

    @property
    def list_query(self) -> str:
        """All of it but the page and the view that it came from."""
        return canonical_query(self.given)

    @property
    def view_query(self) -> str:
        """What a view keeps of it: the filters, the columns and the order, of no day but today."""
        return canonical_query(
            {k: v for k, v in self.given.items() if k not in ("asOf", "deleted")}
        )

    @property
    def query_string(self) -> str:
        return urlencode(self.given, safe=",@")

    @property
    def in_list(self) -> str:
        """The whole of it within another address: a record's page is told which list it was in."""
        return quote(self.query_string, safe="")

    def in_list_at(self, record: Noun) -> str:
        """The same, with where in the list ``record`` stands now."""
        if not self.live:
            return self.in_list
        columns = self.order_columns
        return quote(
            places.anchored(self.query_string, columns, places.row_of(columns, record)), safe=""
        )

    # -- what forms carry along -------------------------------------------------------------------

    @property
    def but_columns(self) -> list[tuple[str, str]]:
        return self._kept("columns")

    @property
    def at_no_moment(self) -> list[tuple[str, str]]:
        return self._kept("asOf")

    @property
    def but_filters(self) -> list[tuple[str, str]]:
        """What has no control among the filters."""
        shown = {"q", *(f.name for f in self.facets)}
        shown |= {end["name"] for each in self.ranges for end in (each.low, each.high)}
        return self._kept(*shown)

    def _kept(self, *but: str) -> list[tuple[str, str]]:
        return [(k, v) for k, v in self.given.items() if k not in but and k != "p"]


def query_string_of(params: Mapping[str, Any]) -> str:
    """``?`` and the parameters; where nothing is left, all records and not the view one starts with."""
    return "?" + urlencode(params, safe=",@") if set(params) - {"view"} else "?view=all"


def canonical_query(given: Mapping[str, str] | str) -> str:
    """Two addresses that ask for the same list, as the same text."""
    if isinstance(given, str):
        given = {name: _join_values(values) for name, values in QueryDict(given).lists()}
    rest = {k: v for k, v in given.items() if v and k not in ("p", "view")}
    return urlencode(sorted(rest.items()), safe=",@")


def listable_field(noun: type[Noun], name: str) -> Field:
    """The field that a list may show under this wire or Python name. Raises InvalidFilter."""
    field = noun.schema.field(name) or CARRIED.get(name)
    if field is None or field.type == "json":
        raise InvalidFilter(_("There is no column “%s” here.") % name[:64], field="columns")
    return field


def is_sortable(field: Field) -> bool:
    return field.computed is None and field.type != "json"


def offered_columns(noun: type[Noun]) -> list[Field]:
    """Every field that a list may show beside the name."""
    first = noun.schema.columns[0]
    own = [f for f in noun.schema.stored if f.type not in ("json", "text") and f.name != first]
    return list(dict.fromkeys([*own, *CARRIED.values()]))


def _join_values(values: list[str]) -> str:
    return ",".join(value for value in values if value.strip())
