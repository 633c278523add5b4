"""The calendar of a noun: the days of a month, of a week, or one day, with the records that stand on them.

It shows the records of the list with the same filters. However many days and records there are, it takes two
statements (which records stand on each day, and these records) and a constant few more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from headlessly.access import actors, visibility
from headlessly.admin import display, field_values
from headlessly.admin.lists.address import PresentAddress
from headlessly.admin.sites import TenantSite
from headlessly.database import timeouts
from headlessly.declaration import days, labels
from headlessly.declaration.schema import Field
from headlessly.errors import InvalidFilter
from headlessly.language.moments import months_on
from headlessly.nouns import Noun
from headlessly.query import calendar_days
from headlessly.query.paging import narrow_by_search

MONTH, WEEK, DAY = "month", "week", "day"
#: How many records a day shows, by what the calendar shows.
SHOWN = {MONTH: 4, WEEK: 25, DAY: 200}
#: The days that addresses may name: others have no month before or after them.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)
#: Timeout of a statement, in milliseconds.
PATIENCE = 2_000


@dataclass
class Entry:
    """A record on one of its days."""

    record: Noun
    day: date
    time: str  #: when it begins; empty on a whole day, and on later days
    about: str
    kind: str
    owner: str
    tone: str
    ended: bool
    late: bool
    comes: bool  #: whether it began on a day before
    goes_on: bool  #: whether it lasts to a day after
    movable: bool
    is_same_as_before: bool = (
        False  #: whether it stands in the same place on the day before, in its week
    )

    @property
    def url(self) -> str:
        return display.record_url(self.record)

    @property
    def initials(self) -> str:
        return display.initials(self.owner)


@dataclass
class CalendarDay:
    """A day of the calendar."""

    day: date
    url: str  #: the calendar of this day
    add_url: str
    is_today: bool
    is_outside: bool  #: whether it belongs to the month before or after
    entries: list[Entry] = field(default_factory=list)
    many: int = 0

    @property
    def more(self) -> int:
        return self.many - len(self.entries)

    @property
    def is_free(self) -> bool:
        """Whether nothing stands there that a list of the days has not shown yet."""
        return all(entry.is_same_as_before for entry in self.entries)

    @property
    def said(self) -> str:
        """The day in full: "Tuesday, Dec 1"."""
        return f"{date_format(self.day, 'l')}, {date_format(self.day, 'MONTH_DAY_FORMAT')}"


class NounCalendar:
    """The calendar of an address. ``by`` says what it shows, around ``day``."""

    def __init__(
        self, query: QueryDict, noun: type[Noun], site: TenantSite, by: str, day: date
    ) -> None:
        self.noun, self.by, self.day = noun, by, day
        self.declared = calendar_days.calendar_of(noun)
        self.address = PresentAddress(noun, query, site)
        self.problem = self.address.problem
        self.may_add = actors.may(actors.current(), "create", noun)
        self.may_move = actors.may(actors.current(), "update", noun)

    # -- which days -------------------------------------------------------------------------------

    @property
    def since(self) -> date:
        """The first day: weeks are shown whole."""
        if self.by == DAY:
            return self.day
        return days.start_of_stretch(
            self.day.replace(day=1) if self.by == MONTH else self.day, WEEK
        )

    @property
    def until(self) -> date:
        """The last day."""
        if self.by == DAY:
            return self.day
        last = months_on(self.day.replace(day=1), 1) - timedelta(days=1)
        first = days.start_of_stretch(last if self.by == MONTH else self.day, WEEK)
        return first + timedelta(days=6)

    @property
    def title(self) -> str:
        if self.by == MONTH:
            return date_format(self.day, "YEAR_MONTH_FORMAT")
        if self.by == DAY:
            return f"{date_format(self.day, 'l')}, {display.day_text(self.day)}"
        return f"{date_format(self.since, 'MONTH_DAY_FORMAT')} – {display.day_text(self.until)}"

    @property
    def weekdays(self) -> list[dict[str, str]]:
        week = [self.since + timedelta(days=n) for n in range(7)]
        return [{"short": date_format(day, "D"), "long": date_format(day, "l")} for day in week]

    @property
    def ways(self) -> list[dict[str, Any]]:
        """What else the calendar can show: label, address, and whether it shows that."""
        named = {MONTH: _("Month"), WEEK: _("Week"), DAY: pgettext("what a calendar shows", "Day")}
        return [
            {"label": label, "url": self.url(by, self.day), "now": by == self.by}
            for by, label in named.items()
        ]

    @property
    def before(self) -> str:
        return self._neighbour(-1)

    @property
    def after(self) -> str:
        return self._neighbour(1)

    @property
    def today(self) -> str:
        return self.url(self.by, days.today())

    def _neighbour(self, away: int) -> str:
        if self.by == MONTH:
            other = months_on(self.day.replace(day=1), away)
        else:
            other = self.day + timedelta(days=away * (7 if self.by == WEEK else 1))
        return self.url(self.by, other) if EARLIEST <= other <= LATEST else ""

    def url(self, by: str, day: date) -> str:
        """Returns the address of the calendar with the same filters."""
        place = display.page_url(self.noun, "calendar_of", by, day.isoformat())
        return place + self.address.but({})

    # -- what stands there ------------------------------------------------------------------------

    @cached_property
    def days(self) -> list[CalendarDay]:
        """The days with their records."""
        today, found = days.today(), []
        for n in range((self.until - self.since).days + 1):
            day = self.since + timedelta(days=n)
            outside = self.by == MONTH and day.month != self.day.month
            found.append(
                CalendarDay(day, self.url(DAY, day), self._add_url(day), day == today, outside)
            )
        if self.problem:
            return found
        try:
            with timeouts.statement_timeout(PATIENCE):
                self._fill({each.day: each for each in found})
        except InvalidFilter as problem:
            self.problem = problem.message
        return found

    @property
    def is_empty(self) -> bool:
        return not any(day.entries for day in self.days)

    def _fill(self, by_day: dict[date, CalendarDay]) -> None:
        try:
            narrowed, _many = narrow_by_search(self.address.narrowed(), self.address.search)
        except EmptyResultSet:
            return
        placed = calendar_days.first_of_each_day(narrowed, self.since, self.until, SHOWN[self.by])
        records = self._records({each.id for each in placed})
        make = self._entry_maker()
        for each in placed:
            by_day[each.day].many = each.many
            if each.id in records:
                by_day[each.day].entries.append(make(records[each.id], each.day))
        for before, now in pairwise(by_day.values()):
            begins = now.day == days.start_of_stretch(now.day, WEEK)
            # A phone leaves out the days of the month before.
            if not begins and before.is_outside == now.is_outside:
                for old, new in zip(before.entries, now.entries, strict=False):
                    new.is_same_as_before = old.record is new.record

    def _records(self, ids: Iterable[str]) -> dict[str, Noun]:
        owner = self.noun.schema.owner
        shown = dict.fromkeys(f.name for f in (*self._about, owner) if f)
        there = self.noun.objects.filter(pk__in=ids)
        found = visibility.load_visible_references(there, shown, to_be_named=True)
        return {record.pk: record for record in found}

    @cached_property
    def _about(self) -> tuple[Field, ...]:
        return self.noun.schema.about or display.about_references(self.noun)

    def _entry_maker(self) -> Callable[[Noun, date], Entry]:
        noun, schema = self.noun, self.noun.schema
        machine, owner = schema.machine, schema.owner
        due = schema.by_name[noun.Surface.due] if noun.Surface.due else None
        touches = noun.Surface.engagements
        kind = schema.by_name[touches.kind] if touches else None
        closed = set(getattr(noun, "OPEN", ()))
        described: dict[str, dict[str, Any]] = defaultdict(dict)

        def make(record: Noun, day: date) -> Entry:
            common = described[record.pk]
            if not common:
                state = getattr(record, machine.name) if machine else ""
                whose = owner and getattr(record, owner.column)
                common |= {
                    "about": display.subtitle(record, self._about),
                    "kind": labels.choice_label(kind, getattr(record, kind.column)) if kind else "",
                    "owner": display.visible_name(getattr(record, owner.name))
                    if whose and owner
                    else "",
                    "tone": display.state_tone(noun, state) if machine else "slate",
                    "ended": bool(machine and closed) and state not in closed,
                    "late": due is not None and bool(field_values.overdue_html(record, due)),
                    "movable": self.may_move,
                }
            first, last = calendar_days.days_of(record) or (day, day)
            return Entry(
                record,
                day,
                time=_time_of(record) if day == first else "",
                comes=day > first,
                goes_on=day < last,
                **common,
            )

        return make

    def _add_url(self, day: date) -> str:
        """Returns the address of the form for a record on a day; empty for an actor who may not create
        one."""
        if not self.may_add:
            return ""
        name = self.noun.Surface.due or self.declared.start
        wire = self.noun.schema.by_name[name].wire
        page = "quick" if self.noun.Surface.quick else "add"
        return f"{display.page_url(self.noun, page)}?{wire}={day.isoformat()}"


def _time_of(record: Noun) -> str:
    """Returns the time at which a record begins; empty where it stands for whole days."""
    for declared in calendar_days.placing_fields(type(record)):
        value = getattr(record, declared.column)
        if value is None:
            continue
        if not isinstance(value, datetime) or days.whole_day(record, declared) is not None:
            return ""
        return date_format(timezone.localtime(value), "TIME_FORMAT")
    return ""
