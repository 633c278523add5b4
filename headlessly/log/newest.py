"""The log read backwards: the latest matching events, in a time that does not grow with the log.

Without dates, they come in the order of the log, along the index of one of the conditions. With dates, they
come by their moment. If there are conditions that the index does not have, only :data:`EVENTS_PER_PAGE`
events are looked at for one page, so that a page may be short although older events match.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import models
from django.db.models.expressions import RawSQL

from headlessly.log.events import Event, EventQuerySet, LogPosition
from headlessly.log.pages import EVENTS_PER_PAGE, EventConditions


class Place(NamedTuple):
    """The end of a page: an event by its moment, its transaction and its number."""

    timestamp: datetime
    xid: int
    seq: int

    def __str__(self) -> str:
        return f"{self.timestamp:%Y%m%dT%H%M%S%f}.{self.xid}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Returns the place in an address. Raises ValueError."""
        moment, _dot, rest = text.partition(".")
        position = LogPosition.parse(rest)
        return cls(datetime.strptime(f"{moment}+0000", "%Y%m%dT%H%M%S%f%z"), *position)


class LatestPage(NamedTuple):
    """Events, the latest first, and the place where the page ends; None if no older one can follow."""

    events: list[Event]
    end: Place | None


@dataclass(frozen=True)
class LatestQuestion(EventConditions):
    """A question for the latest events with these conditions, and one of several names or actors."""

    names: tuple[str, ...] = ()
    actors: frozenset[str] | None = None  #: one of several; None for anybody

    @property
    def _by_time(self) -> bool:
        return (self.since is not None or self.until is not None) and "target" not in self.columns

    def _looked_up(self) -> dict[str, Any]:
        return self._between if self._by_time else self._indexed

    def _looked_at(self) -> dict[str, Any]:
        conditions: dict[str, Any] = self.columns | self._between
        if self.names:
            conditions["name__in"] = self.names
        if self.actors is not None:
            conditions["actor__in"] = self.actors
        known = self._looked_up()
        return {name: value for name, value in conditions.items() if name not in known}

    def read_page(self, before: Place | None, size: int) -> LatestPage:
        """Returns at most ``size`` events before a place, among those that the actor sees."""
        if self.names and not (self._by_time or self.columns or self.actors is not None):
            return self._page_of_names(before, size)
        behind: Any = Event.objects.filter(**self._looked_up())
        behind = self._before(behind, before)
        order = ("-timestamp", "-xid", "-seq") if self._by_time else ("-xid", "-seq")
        behind = behind.order_by(*order)
        found, last = behind, None
        if (beside := self._looked_at()) and "target" not in self._looked_up():
            last = behind[EVENTS_PER_PAGE - 1 : EVENTS_PER_PAGE].first()
            found = found.filter(**beside)
            if last is not None:
                found = self._down_to(found, last)
        elif beside:
            found = found.filter(**beside)
        events = list(found[: size + 1])
        if len(events) > size:
            return LatestPage(events[:size], _place(events[size - 1]))
        return LatestPage(events, None if last is None else _place(last))

    def _page_of_names(self, before: Place | None, size: int) -> LatestPage:
        """Returns the page for several names alone, by a look-up in the index for each."""
        each = [
            self._before(Event.objects.filter(name=name), before).order_by("-xid", "-seq")[
                : size + 1
            ]
            for name in self.names
        ]
        union = each[0].union(*each[1:], all=True) if each[1:] else each[0]
        events = list(union.order_by("-xid", "-seq")[: size + 1])
        more = len(events) > size
        return LatestPage(events[:size], _place(events[size - 1]) if more else None)

    def _before(self, found: EventQuerySet, place: Place | None) -> EventQuerySet:
        if place is None:
            return found
        if not self._by_time:
            return found.all_before(LogPosition(place.xid, place.seq))
        return found.filter(_compared("<", place))

    def _down_to(self, found: EventQuerySet, last: Event) -> EventQuerySet:
        place = _place(last)
        if self._by_time:
            return found.filter(_compared(">=", place))
        return found.all_after(LogPosition(place.xid, place.seq - 1))


def _place(event: Event) -> Place:
    return Place(event.timestamp, int(event.xid), event.seq)


def _compared(operator: str, place: Place) -> RawSQL:
    moment, xid, seq = place
    columns = ", ".join(f"headlessly_event.{name}" for name in ("timestamp", "xid", "seq"))
    return RawSQL(
        f"({columns}) {operator} (%s, %s::text::xid8, %s)",
        (moment, str(xid), seq),
        models.BooleanField(),
    )
