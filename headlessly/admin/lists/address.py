"""The address of a list, parsed, and other addresses like it.

An address names fields by their wire names (``?status=New,Contacted&owner=me&campaign=-``; ``-`` is
"none"), lookups on any field (:mod:`headlessly.admin.lists.ranges`), the noun's own conditions
(``is=bant-complete``), a filter of the filter language (``filter={"score": {"$gte": 80}}``), words
(``q``), the order (``o=-score``), the columns (``columns=status,score``), a past day
(``asOf=2026-01-31``), ``deleted=true``, what to group by (``group=owner``), and the saved view that it
came from (``view``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import models
from django.http import QueryDict
from django.utils.translation import gettext as _

from headlessly.admin.lists import places
from headlessly.admin.lists.columns import MAX_COLUMNS, is_sortable, listable_field
from headlessly.admin.lists.conditions import (
    BuiltFilter,
    PresetFilter,
    SearchFilter,
    read_built_filters,
)
from headlessly.admin.lists.facets import ChoiceFacet, Facet, make_facet
from headlessly.admin.lists.parameters import Parameters, query_string_of
from headlessly.admin.lists.ranges import RangeFilter, problem_in_words
from headlessly.context import clock
from headlessly.declaration import days
from headlessly.declaration.paths import Path
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.log import events
from headlessly.nouns import Noun
from headlessly.query import filters, list_address, reads, sorting
from headlessly.query.list_address import NONE
from headlessly.query.querystring import BROWSER_LIST
from headlessly.query.scope import MAX_WORDS, Scope
from headlessly.query.search import Search
from headlessly.query.search_words import read_words


def past_moment(text: str, name: str = "asOf") -> datetime | None:
    """Returns the moment that ``asOf``, or the parameter ``name``, stands for. For a day that is its end,
    as people mean it. Raises InvalidFilter."""
    moment = reads.read_moment(name, text or None)
    if moment is None:
        return None
    try:
        moment = days.start_of_day(
            date.fromisoformat(text.strip()) + timedelta(days=1)
        ) - timedelta(microseconds=1)
    except (ValueError, OverflowError):
        pass
    if moment > clock.now() + timedelta(days=1):
        raise InvalidFilter(_("That day is yet to come: choose one of the past."), field=name)
    return min(moment, clock.now())


class DeletedScope(Scope):
    """The deleted records of a noun. They are found in the log, which saves an index on each large table."""

    def queryset(self) -> models.QuerySet:
        names = [verb.event for verb in self.noun.verbs.values() if verb.deletes]
        told = events.Event.objects.filter(name__in=names).order_by().values("target")
        return self.noun.with_deleted.filter(deleted_at__isnull=False, pk__in=told)


class Address(Parameters):
    """The parsed address of a noun's list. ``problem`` says what is wrong with it."""

    own_names: tuple[str, ...] = BROWSER_LIST

    def __init__(self, noun: type[Noun], query: QueryDict | str, site: Any) -> None:
        super().__init__(noun, query)
        self.site = site
        self.problem = ""
        self.moment: datetime | None = None  #: the past moment to show
        self.columns = [noun.schema.by_name[name] for name in noun.schema.columns]
        self._read()

    def _read(self) -> None:
        schema = self.noun.schema
        facets = {name: schema.by_name[name] for name in schema.facets}
        facets |= {field.wire: field for field in schema.joined_facets}
        read = list_address.read_conditions(self.noun, self.given, but=self.own_names)
        for name in read.unknown:
            self.problem = list_address.no_such_filter(name).message
        for wire, field in read.fields.items():
            facets.setdefault(wire if "." in wire else field.name, field)
        found = read.lookups
        self.facets: list[Facet] = [
            make_facet(self.noun, f, self.given.get(f.wire, ""), self.site) for f in facets.values()
        ]
        self._leave_out_states_of_other_paths()
        offered = [listable_field(self.noun, name).wire for name in (*schema.ranges, "created_at")]
        self.ranges = [RangeFilter(self.noun, path, found.pop(path, {})) for path in offered]
        self.others = [RangeFilter(self.noun, path, given) for path, given in found.items()]
        self.presets = [PresetFilter(name, c) for name, c in self.noun.Surface.presets.items()]
        self.chosen = [slug for slug in self.given.get("is", "").split(",") if slug]
        known = {preset.slug for preset in self.presets}
        if unknown := [slug for slug in self.chosen if slug not in known]:
            self.problem = list_address.no_such_filter(unknown[0]).message
        self.built: list[BuiltFilter] = []
        try:
            self.built = read_built_filters(self.noun, self.given.get("filter", ""))
        except InvalidFilter as problem:
            self.problem = problem.message
        self._check()

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The paths that the list is limited to, of those that define the records' states."""
        machine = self.noun.schema.machine
        if machine is None or not machine.paths or self.path_facet is None:
            return ()
        asked = {None if value == NONE else value for value in self.path_facet.values()}
        return tuple(path for path in machine.paths if path.id in asked)

    @cached_property
    def path_facet(self) -> Facet | None:
        """The facet of the reference that defines the records' states."""
        machine = self.noun.schema.machine
        name = machine.field.path_from if machine else None
        return next((each for each in self.facets if each.field.name == name), None)

    def _leave_out_states_of_other_paths(self) -> None:
        """Offers only the states of the paths that the list is limited to."""
        machine = self.noun.schema.machine
        if machine is None or not self.paths:
            return
        field = self.noun.schema.by_name[machine.name]
        there = dict.fromkeys(state.key for path in self.paths for state in path.states)
        for each in self.facets:
            if isinstance(each, ChoiceFacet) and each.field.name == machine.name:
                each.states = [field.to_json(state) for state in there]

    def _check(self) -> None:
        """Finds errors that the query itself would raise."""
        try:
            self.moment = past_moment(self.given.get("asOf", ""))
            self.columns = self._columns()
            if not self.problem:
                self.condition  # noqa: B018  (it is what could not be asked)
        except InvalidFilter as problem:
            self.problem = problem_in_words(self.noun, self.given, problem)

    # -- which records ----------------------------------------------------------------------------

    @cached_property
    def active(self) -> list[Any]:
        """The active conditions."""
        found: list[Any] = [SearchFilter(self.query)] if self.query.strip() else []
        found += [facet for facet in self.facets if facet.value]
        found += [each for each in (*self.ranges, *self.others) if each.value]
        found += self.built
        return found + [preset for preset in self.presets if preset.slug in self.chosen]

    @property
    def filter(self) -> dict[str, Any]:
        """All conditions in the filter language. Raises InvalidFilter."""
        return self.filter_of(self.active)

    @cached_property
    def condition(self) -> models.Q:
        """All conditions, compiled. Raises InvalidFilter."""
        return filters.compile_filter(self.scope, self.filter)

    @staticmethod
    def filter_of(conditions: Iterable[Any]) -> dict[str, Any]:
        stated = [condition.as_filter() for condition in conditions]
        return {"$and": stated} if stated else {}

    @cached_property
    def search(self) -> Search | None:
        """The search for the words. Raises InvalidFilter."""
        return reads.make_search(self.scope, self.query)

    @property
    def filter_beside_search(self) -> dict[str, Any]:
        """All conditions except the words. Raises InvalidFilter."""
        return self.filter_of(c for c in self.active if not isinstance(c, SearchFilter))

    def narrowed(self) -> models.QuerySet:
        """Returns the matching records, whatever the words, in no order. Raises InvalidFilter."""
        scope = self.scope
        return scope.queryset().filter(filters.compile_filter(scope, self.filter_beside_search))

    @property
    def chips(self) -> list[dict[str, str]]:
        """The active conditions, each with the address without it."""
        return [
            {"label": c.label, "value": c.in_words(), "without": self.without(c)}
            for c in self.active
        ]

    @property
    def deleted(self) -> bool:
        return self.given.get("deleted") == "true"

    @property
    def live(self) -> bool:
        """Whether it shows records that can be worked on: present ones that are not deleted."""
        return not self.deleted and self.moment is None

    @property
    def of_one(self) -> bool:
        """Whether its filter limits it to one owner."""
        owner = self.noun.schema.owner
        whose = self.given.get(owner.wire, "") if owner is not None else ""
        return bool(whose) and "," not in whose

    @property
    def scope(self) -> Scope:
        return DeletedScope(self.noun) if self.deleted else Scope(self.noun, self.moment)

    # -- in which order, with which columns -------------------------------------------------------

    @cached_property
    def sort(self) -> list[str]:
        """The names of the fields to sort by, with ``-`` for descending order. Unknown ones are dropped."""
        return [name for _part, name in self._sorted_by if name]

    @cached_property
    def _sorted_by(self) -> list[tuple[str, str]]:
        """The parts of the order in the address, each with the name of the field, or an empty one if it is
        unknown.

        A number is the position of one of the noun's declared columns.
        """
        found: list[tuple[str, str]] = []
        declared = self.noun.schema.columns
        for part in filter(None, self.given.get("o", "").replace(".", ",").split(",")):
            name, sorted_by = part.removeprefix("-"), ""
            if name.isdecimal():
                name = declared[int(name)] if len(name) < 4 and int(name) < len(declared) else ""
            with suppress(InvalidFilter):
                field = listable_field(self.noun, name)
                if is_sortable(field) and len(found) < sorting.MAX_SORT_KEYS:
                    sorted_by = part[: part.startswith("-")] + field.name
            found.append((part, sorted_by))
        return found

    @property
    def left_out(self) -> list[str]:
        """Sentences about the parts of the address that are ignored."""
        found = [
            _("This list cannot be sorted by “%s”.") % part.removeprefix("-")[:64]
            for part, name in self._sorted_by[: sorting.MAX_SORT_KEYS + 1]
            if not name
        ]
        if len(read_words(self.query, most=None)) > MAX_WORDS:
            found.append(_("Only the first %s words are searched for.") % MAX_WORDS)
        return found

    @property
    def order_columns(self) -> list[sorting.SortKey]:
        if self.deleted and not self.sort:
            gone = sorting.SortKey("deleted_at", "datetime", descending=True, nullable=False)
            return [gone, sorting.SortKey("pk", "string", descending=True, nullable=False)]
        return sorting.sort_keys(self.scope, ",".join(self.sort))

    def order(self) -> list[Any]:
        """Returns the arguments of ``order_by``."""
        return [column.expression for column in self.order_columns]

    @property
    def kind(self) -> str | None:
        """The kind that the list is limited to, if its noun has kinds (``Surface.kinds``)."""
        choice = self.noun.schema.kind
        given = self.given.get(choice.wire) if choice else None
        return given if choice and given in choice.choices else None

    def _columns(self) -> list[Field]:
        """Returns the fields that the list shows, the record's name first. Raises InvalidFilter."""
        chosen = [name for name in self.given.get("columns", "").split(",") if name]
        if not chosen:
            needless = self._columns_without_need()
            return [field for field in self.columns if field.name not in needless]
        found = [self.columns[0], *(listable_field(self.noun, name) for name in chosen)]
        if len(found) > MAX_COLUMNS:
            problem = _("At most %d columns fit a list.") % MAX_COLUMNS
            raise InvalidFilter(problem, field="columns")
        return list(dict.fromkeys(found))

    def _columns_without_need(self) -> Collection[str]:
        """Returns the columns that a list of one kind does not need: the kind, and the fields of other
        kinds."""
        schema = self.noun.schema
        if schema.kind is None or self.kind is None:
            return ()
        return {schema.kind.name, *schema.fields_of_others(self.kind)}

    # -- other addresses --------------------------------------------------------------------------

    def without(self, condition: Any) -> str:
        """Returns this address without one of its conditions."""
        if isinstance(condition, PresetFilter):
            return self.but({"is": ",".join(s for s in self.chosen if s != condition.slug)})
        if isinstance(condition, BuiltFilter):
            return self.but({"filter": condition.rest})
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

    def placed(self) -> Callable[[Noun], str]:
        """Returns the function that encodes a record's position in the list."""
        columns = self.order_columns
        encode = places.place_encoder(columns)
        return lambda record: encode(places.row_of(columns, record))

    @property
    def but_filters(self) -> list[tuple[str, str]]:
        """The parameters that have no control among the filters."""
        shown = {"q", *(f.name for f in self.facets if not f.stands_elsewhere)}
        shown |= {end["name"] for each in self.ranges for end in (each.low, each.high)}
        return self._kept(*shown)


class PresentAddress(Address):
    """The address of a page that shows a list as it is now, and not page by page."""

    def __init__(self, noun: type[Noun], query: QueryDict, site: Any) -> None:
        asked = query.copy()
        for name in ("asOf", "deleted", "p"):
            asked.pop(name, None)
        super().__init__(noun, asked, site)

    @property
    def cleared(self) -> str:
        """The query of this page without filters."""
        return query_string_of({name: self.given[name] for name in self.kept if name in self.given})

    @property
    def kept(self) -> list[str]:
        """The parameters that are no filters."""
        return ["columns"]
