"""Pages of the log: the next matching events, found in a time that does not grow with the log.

The log is read in its own order. A condition that has an index in that order (a target, an actor, a name, a
type of records) is looked up. If there are further conditions, only :data:`EVENTS_PER_PAGE` events are looked
at for one page, so that a page may be short, or empty, and more may follow it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import models

from headlessly.access import tenancy, visibility
from headlessly.context.running import flush_events
from headlessly.database.prepared import execute_prepared
from headlessly.declaration.registry import registry
from headlessly.log.event_visibility import without_security
from headlessly.log.events import (
    LOG_START,
    Event,
    EventQuerySet,
    LogPosition,
    settled_horizon,
)
from headlessly.log.names import SECURITY, SECURITY_EVENTS, VIEW_EVENTS

#: How many events are looked at for one page, if no index has all conditions.
EVENTS_PER_PAGE = 20_000
#: The same for an actor with limited visibility, which is checked for each event.
EVENTS_PER_LIMITED_PAGE = 1_000
#: How many of the events since a moment are searched for the first in the log, in the index by time.
EVENTS_SINCE = 100_000
SINCE = "SELECT xid, seq FROM headlessly_event WHERE tenant_id = %s AND timestamp >= %s"
MANY_SINCE = f"{SINCE} ORDER BY timestamp DESC OFFSET {EVENTS_SINCE} LIMIT 1"
# In two steps, because PostgreSQL would otherwise read the whole log in order to find the first one.
FIRST_SINCE = f"""
WITH recent AS MATERIALIZED ({SINCE} ORDER BY timestamp DESC LIMIT {EVENTS_SINCE})
SELECT xid::text, seq FROM recent ORDER BY recent.xid, recent.seq LIMIT 1"""
#: The last event of a tenant before the horizon, or of the current transaction.
LAST_SETTLED = """
SELECT xid::text, seq FROM headlessly_event
WHERE tenant_id = %s AND (xid < %s::text::xid8 OR xid = %s::text::xid8)
ORDER BY headlessly_event.xid DESC, seq DESC LIMIT 1"""
#: The columns with an index in the order of the log, the rarest values first. The index of requests has no
#: order, but few events of each.
INDEXED = ("target", "request_id", "actor", "name")


class LogPage(NamedTuple):
    """The events of a page, the position where it ends, and whether more may follow."""

    events: list[Event]
    end: LogPosition
    has_more: bool


@dataclass(frozen=True)
class EventConditions:
    """Conditions on events: values of columns, and the moments between which they happened."""

    columns: dict[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None

    @property
    def _indexed(self) -> dict[str, str]:
        """The condition that has an index in the order of the log."""
        first = next((name for name in INDEXED if name in self.columns), None)
        return {} if first is None else {first: self.columns[first]}

    @property
    def _between(self) -> dict[str, datetime]:
        """The conditions on the moment."""
        ends = {"timestamp__gte": self.since, "timestamp__lt": self.until}
        return {name: moment for name, moment in ends.items() if moment is not None}


class LogQuestion(EventConditions):
    """A question for the next events with these conditions, in the order of the log."""

    @property
    def _looked_at(self) -> dict[str, Any]:
        """The conditions that are checked for each event."""
        asked = self.columns | self._between
        return {name: value for name, value in asked.items() if name not in self._indexed}

    @property
    def _is_of_a_type_alone(self) -> bool:
        return set(self.columns) == {"target_type"} and self.since is None and self.until is None

    def all_events(self) -> EventQuerySet:
        """Returns all matching events, whether the actor sees them or not."""
        found = Event.log.filter(**self._indexed, **self._looked_at)
        if self._is_of_a_type_alone:
            found = found.filter(name__in=names_of_type(self.columns["target_type"]))
        return without_security(found)

    def first_position(self) -> LogPosition:
        """Returns where to begin without a cursor: just before the first event since :attr:`since`.

        That is the start of the log if too many events have happened since then to find the first one.
        """
        if self.since is None:
            return LOG_START
        asked = (tenancy.require().pk, self.since)
        if execute_prepared(MANY_SINCE, asked):
            return LOG_START
        if not (found := execute_prepared(FIRST_SINCE, asked)):
            return end_of_log()
        ((xid, seq),) = found
        return LogPosition(int(xid), seq - 1)

    def read_page(self, after: LogPosition, size: int) -> LogPage:
        """Returns at most ``size`` of the next events that the actor sees."""
        # Determined before reading: later events lie after it, and are for the next page.
        log_end = end_of_log() if self.until is None else after
        ahead = without_security(Event.log.filter(**self._indexed))
        stretch_end = self._end_of_stretch(ahead, after)
        limited = visibility.visible_owner() is not None
        most = max(size, EVENTS_PER_LIMITED_PAGE) if limited else size
        if self._is_of_a_type_alone:
            events = list(_of_type(ahead, self.columns["target_type"], after, most + 1))
        else:
            found = ahead.filter(**self._looked_at).settled_after(after)
            if stretch_end is not None:
                found = found.up_to(stretch_end)
            events = list(found[: most + 1])
        more, events = len(events) > most, events[:most]
        if more:
            stretch_end = None  # the page ends before it
        end = events[-1].position if events else after
        if limited:
            seen = set(visible_numbers(event.seq for event in events))
            visible = [event for event in events if event.seq in seen]
            if len(visible) > size:
                return LogPage(visible[:size], visible[size - 1].position, True)
            events = visible
        if stretch_end is not None:
            return LogPage(events, stretch_end, True)
        if not more and self.until is None:
            # Continue after events that did not match, too. With ``until`` they are not skipped, because they
            # may match a later one.
            end = max(end, log_end)
        return LogPage(events, end, more)

    def _end_of_stretch(self, ahead: EventQuerySet, after: LogPosition) -> LogPosition | None:
        """Returns the last position to look at for one page; None if an index has all conditions, or fewer
        events follow."""
        if not self._looked_at or "target" in self._indexed or self._is_of_a_type_alone:
            return None
        following = ahead.settled_after(after).values_list("xid", "seq")
        place = following[EVENTS_PER_PAGE - 1 : EVENTS_PER_PAGE].first()
        return None if place is None else LogPosition(int(place[0]), place[1])


def names_of_type(target_type: str) -> list[str]:
    """Returns the names of all events about records of a type."""
    if target_type == SECURITY:
        return list(SECURITY_EVENTS)
    return [*registry[target_type].schema.verbs_by_event, *VIEW_EVENTS]


def _of_type(
    ahead: EventQuerySet, target_type: str, after: LogPosition, most: int
) -> models.QuerySet[Event]:
    """Returns the next events about records of a type, by a look-up for each name that they have. An index by
    type would be written by every verb."""
    horizon = settled_horizon()
    first, *others = (
        ahead.filter(name=name, target_type=target_type).settled_after(after, horizon)[:most]
        for name in names_of_type(target_type)
    )
    return first.union(*others, all=True).order_by("xid", "seq")[:most]


def end_of_log() -> LogPosition:
    """Returns the position of the last event before which no other one can appear any more."""
    flush_events()
    # In a separate statement: one that also asked for the horizon would not see what ended meanwhile.
    until, own = settled_horizon()
    asked = (tenancy.require().pk, str(until), str(own or 0))
    last = execute_prepared(LAST_SETTLED, asked)
    return LogPosition(int(last[0][0]), last[0][1]) if last else LOG_START


def visible_numbers(numbers: Iterable[int]) -> list[int]:
    """Returns those of these events that the actor sees."""
    return list(Event.objects.filter(seq__in=list(numbers)).values_list("seq", flat=True))
