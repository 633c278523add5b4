"""The list of a noun: a page of the records of an address, and a count that stops at a cap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from django.db import models
from django.utils.translation import gettext as _

from headlessly.access import actors, visibility
from headlessly.access.actor_names import actor_names
from headlessly.access.managers import BoundedQuerySet
from headlessly.admin import display
from headlessly.admin.lists import cells
from headlessly.admin.lists.address import Address
from headlessly.admin.lists.columns import is_edited_in_lists, is_sortable
from headlessly.admin.planned import planned_texts
from headlessly.database import timeouts
from headlessly.declaration import labels
from headlessly.declaration.record import Record
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.log import events, versions
from headlessly.nouns import Noun
from headlessly.query import filters, reads
from headlessly.query.missing_rates import missing_rates
from headlessly.query.paging import RecordList

PER_PAGE = 25
#: How many matching records can be changed at once; beyond that the list has to be narrowed.
AT_ONCE = 1_000
#: Cap of the counts without one of the filters.
ADVICE_CAP = 1_000
#: Types that are sorted in descending order first.
DESCENDING_FIRST = ("number", "integer", "money", "date", "datetime")


class NounList:
    """The list of an address. Reading it takes the same number of queries for one row as for 25."""

    def __init__(
        self,
        address: Address,
        *,
        per_page: int = PER_PAGE,
        references: Iterable[Field] | None = None,
        most_counted: int | None = None,
    ) -> None:
        self.address, self.noun, self.per_page = address, address.noun, per_page
        self.most_counted = most_counted
        #: The references to load with each record.
        self.references = (
            cells.row_references(address.noun, address.columns)
            if references is None
            else references
        )
        self.problem = address.problem
        self.records: list[Any] = []
        self.ids_of_page: list[str] = []
        self.total, self.exact, self.page, self.more = 0, True, 1, False
        self.missing_rates = ""  #: which amounts a filter leaves out, in words
        #: The ids of all records of :func:`read_pages` that are on this list, even beyond its page.
        self.fitting: set[str] = set()

    # -- reading ----------------------------------------------------------------------------------

    @property
    def queryset(self) -> models.QuerySet:
        """The matching records in order. Raises InvalidFilter."""
        address = self.address
        found = cast(BoundedQuerySet, address.scope.queryset())
        found = found.filter(address.condition).order_by(*address.order())
        found.bounded = self._may_be_slow
        return found

    def ids(self, limit: int) -> list[str]:
        """Returns the ids of matching records in order, at most ``limit``. Raises InvalidFilter."""
        if self.problem:
            raise InvalidFilter(self.problem)
        return list(self.queryset.values_list(self.address.scope.key, flat=True)[:limit])

    def read_page(self) -> None:
        """Reads the page in the address, or the last one if there are fewer."""
        self.seek_page()
        if not self.problem:
            self.records = self.fetch(self.ids_of_page)

    def seek_page(self) -> None:
        """Finds which records are on the page, without reading them."""
        if self.problem:
            return
        try:
            with timeouts.statement_timeout() if self._may_be_slow else nullcontext():
                self._seek_page()
        except InvalidFilter as problem:
            self.problem = problem.message

    def _seek_page(self) -> None:
        record_list, self.page = self._record_list, self._page()
        sought = record_list.page_keys(self.per_page, (self.page - 1) * self.per_page)
        if not sought.keys and self.page > 1:
            self.page = max(1, -(-sought.total // self.per_page))
            sought = record_list.page_keys(self.per_page, (self.page - 1) * self.per_page)
        self.total, self.exact = sought.total, sought.exact
        self.ids_of_page = [key[-1] for key in sought.keys[: self.per_page]]
        self.more = len(sought.keys) > self.per_page
        stated = record_list.filters, record_list.search
        self.missing_rates = display.missing_rates_text(missing_rates(record_list.scope, *stated))

    @property
    def _record_list(self) -> RecordList:
        address, stated = self.address, self.address.filter_beside_search
        return RecordList(
            address.scope,
            address.order_columns,
            (stated,),
            address.search,
            most_counted=self.most_counted,
            condition=None if address.search else address.condition,
        )

    @property
    def _may_be_slow(self) -> bool:
        """Whether the query needs a time limit: only the noun's own order and facets have an index."""
        address = self.address
        return bool(address.sort) or any(c not in address.facets for c in address.active)

    def fetch(self, ids: Sequence[str], **more: models.Expression) -> list[Noun]:
        """Returns the records with these ids in their order; present ones with the annotations ``more``."""
        fields = self.references
        moment = self.address.moment
        scope = self.address.scope
        found = scope.queryset().filter(**{f"{scope.key}__in": list(ids)})
        if moment is None:
            found = found.annotate(**more) if more else found
            names = (f.name for f in fields)
            rows = list(visibility.load_visible_references(found, names, to_be_named=True))
        else:
            found._iterable_class = versions.PastIterable
            rows = list(found)
            as_they_were(rows, fields, moment)
        by_id = {row.pk: row for row in rows}
        return [by_id[id] for id in ids if id in by_id]

    def _page(self) -> int:
        text = self.address.given.get("p", "1")
        last = max(1, reads.COUNT_CAP // self.per_page)
        return min(max(int(text), 1), last) if text.isdecimal() and len(text) < 9 else 1

    @property
    def left_out(self) -> list[str]:
        """That there is no such page as the address says, and that what is shown is not all in order, in
        sentences."""
        text = self.address.given.get("p", "1")
        if self.problem:
            return []
        first = self.address.sort[0].removeprefix("-") if self.address.sort else ""
        found = []
        if cells.are_blanks_filled(self.noun, first):
            label = labels.field_label(self.noun.schema.by_name[first])
            said = _("Sorted by “%s”: final values first, those so far behind them.")
            found.append(said % label)
        if text != str(self.page):
            found.append(_("There is no page %(asked)s here: this is page %(page)s.") % {
                "asked": text[:16], "page": display.number(self.page),
            })  # fmt: skip
        return found

    # -- what the page shows ----------------------------------------------------------------------

    @property
    def beyond_at_once(self) -> int:
        """How many of its records can be changed at once, where it has more; else 0."""
        return AT_ONCE if self.total > AT_ONCE else 0

    @property
    def count_text(self) -> str:
        return display.number(self.total) + ("" if self.exact else "+")

    @cached_property
    def edits(self) -> list[str]:
        """The fields that the actor may change in the list."""
        actor = actors.current()
        if not self.address.live or not actors.may(actor, "update", self.noun):
            return []
        return [f.name for f in self.address.columns if is_edited_in_lists(f, self.noun)]

    def rows(self) -> list[cells.Row]:
        make = cells.RowMaker(self.address, edits=self.edits).make
        found = [make(record) for record in self.records]
        if self.address.deleted:
            self._tell_deletions(found)
        if self.address.live:
            cells.fill_blanks(self.noun, self.records, found)
            planned = planned_texts(self.noun, self.records)
            for row in found:
                row.planned = planned.get(row.id, "")
        return found

    def _tell_deletions(self, rows: Iterable[cells.Row]) -> None:
        """Notes in the rows who deleted each record, and when."""
        gone = {record.pk: record for record in self.records}
        names = [verb.event for verb in self.noun.verbs.values() if verb.deletes]
        told = events.Event.objects.filter(target__in=list(gone), name__in=names).order_by("seq")
        last = {event.target: event for event in told}
        who = actor_names({event.actor for event in last.values()})
        for row in rows:
            event = last.get(row.id)
            row.gone = {
                "who": who.get(event.actor, "") if event else "",
                "when": display.age_html(gone[row.id].deleted_at, ago=True),
                "merged": bool(gone[row.id].successor),
            }

    def headers(self) -> list[dict[str, Any]]:
        """Returns the headings of the columns with the addresses that sort by them."""
        address = self.address
        first = address.sort[0] if address.sort else ""
        found = []
        for field in address.columns:
            ascending, descending = first == field.name, first == f"-{field.name}"
            down_first = field.type in DESCENDING_FIRST
            # References are not sortable: the order of ids means nothing to people.
            sorts = is_sortable(field) and field.type != "reference"
            following = (
                f"-{field.wire}" if (ascending or (down_first and not descending)) else (field.wire)
            )
            found.append(
                {
                    "name": field.name,
                    "wire": field.wire,
                    "text": labels.field_label(field),
                    "kind": field.type,
                    "url": address.but({"o": following}) if sorts else "",
                    "sorted": ascending or descending,
                    "ascending": ascending,
                }
            )
        return found

    def pages(self) -> dict[str, str]:
        """Returns the range of this page, and the addresses of the previous and the next one."""
        first = (self.page - 1) * self.per_page + 1
        last = first + len(self.records) - 1
        said = _("%(first)s–%(last)s of %(total)s") % {
            "first": display.number(first), "last": display.number(last), "total": self.count_text,
        }  # fmt: skip
        before, after = self.page - 1, self.page + 1
        return {
            "said": said,
            "previous": self.address.but({"p": before}) if before else "",
            "next": self.address.but({"p": after}) if self.more else "",
        }

    def advice(self) -> list[dict[str, Any]]:
        """Returns, for an empty list, how many records there would be without each of its conditions."""
        active, scope = self.address.active, self.address.scope
        found = []
        for condition in active[:8]:
            others = self.address.filter_of(c for c in active if c is not condition)
            rest = cast(BoundedQuerySet, scope.queryset()).filter(
                filters.compile_filter(scope, others)
            )
            rest.bounded = True
            try:
                count = rest.order_by()[: ADVICE_CAP + 1].values("pk").count()
            except InvalidFilter:
                continue
            if count:
                label = f"{condition.label}: " if condition.label else ""
                found.append(
                    {
                        "label": label + condition.in_words(),
                        "count": display.number(min(count, ADVICE_CAP))
                        + "+" * (count > ADVICE_CAP),
                        "one": count == 1,
                        "without": self.address.without(condition),
                    }
                )
        return found


def read_pages(lists: Iterable[NounList]) -> None:
    """Reads the pages of several lists of present records, whose references to load must be the same for
    each noun. The records of a noun are read at once for all of its lists, together with which of the
    lists each is on."""
    by_noun: dict[type[Noun], list[NounList]] = defaultdict(list)
    for each in lists:
        if not each.problem:
            each.seek_page()
            by_noun[each.noun].append(each)
    for together in by_noun.values():
        ids = {id: None for each in together for id in each.ids_of_page}
        # A list that is longer than its page is asked about each record; for others the page itself tells.
        longer = {
            f"_is_on_{number}": each
            for number, each in enumerate(together)
            if each.more and not each.problem and ids.keys() - set(each.ids_of_page)
        }
        asked = {name: _is_on(each) for name, each in longer.items()}
        found = {row.pk: row for row in together[0].fetch(list(ids), **asked)} if ids else {}
        for each in together:
            each.records = [found[id] for id in each.ids_of_page if id in found]
            each.fitting = set(each.ids_of_page)
        for name, each in longer.items():
            each.fitting |= {id for id, record in found.items() if getattr(record, name)}


def _is_on(shown: NounList) -> models.Case:
    """Returns the expression for whether a record is on a list."""
    return models.Case(
        models.When(shown.address.condition, then=models.Value(True)),
        default=models.Value(False),
        output_field=models.BooleanField(),
    )


def as_they_were(rows: Iterable[Noun], fields: Iterable[Field], moment: datetime) -> None:
    """Sets the references of past records to those records as they were then."""
    rows = list(rows)
    wanted: dict[type[Record], set[str]] = defaultdict(set)
    for field in fields:
        wanted[field.target_noun] |= {id for r in rows if (id := getattr(r, field.column))}
    then: dict[str, Noun] = {}
    for noun, ids in wanted.items():
        if ids:
            found = versions.versions_at(noun, moment).filter(record__in=ids)
            then |= {version.record: version.as_record() for version in found}
    for field in fields:
        for row in rows:
            row._state.fields_cache[field.name] = then.get(getattr(row, field.column))
