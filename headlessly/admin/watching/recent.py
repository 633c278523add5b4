"""What happened in a tenant lately, in the memory of a process, which is what a page that watches asks.

However many pages are open, a process asks for the log of a tenant about once a second at the most.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.log import pages
from headlessly.log.events import LogPosition

#: How old what is known may be, in seconds, and how many events of a tenant are remembered.
OLDEST, REMEMBERED = 0.7, 2_000
#: Ids are no longer: what is longer in an event is no reference.
LONGEST_ID = 32


@dataclass(frozen=True)
class Happened:
    """One event, as far as watching goes: where it stands in the log and which records it is about."""

    position: LogPosition
    target_type: str
    about: frozenset[str]  #: the record, and those that it refers to


@dataclass
class Changes:
    """What one page is told: where it stands now, which of its records changed, whether others did."""

    at: LogPosition
    changed: list[str]
    others: bool = False
    missed: bool = False  #: more happened than is remembered


class RecentEvents:
    """The last events of one tenant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[Happened] = deque(maxlen=REMEMBERED)
        self._start: LogPosition | None = None  #: behind which all is remembered
        self._end: LogPosition | None = None
        self._asked = 0.0

    def changes(self, since: LogPosition | None, noun: str, shown: Collection[str]) -> Changes:
        """What happened after ``since`` to the records ``shown`` and to others of ``noun``."""
        start, end, happened = self._read_on()
        if since is None or since > end:
            return Changes(end, [])
        if since < start:
            return Changes(end, list(shown), missed=True)
        later = [each for each in happened if each.position > since]
        touched = frozenset().union(*(each.about for each in later))
        others = any(each.target_type == noun and each.about.isdisjoint(shown) for each in later)
        return Changes(end, [id for id in shown if id in touched], others)

    def _read_on(self) -> tuple[LogPosition, LogPosition, list[Happened]]:
        with self._lock:
            if self._end is None or time.monotonic() - self._asked > OLDEST:
                self._read_log()
                self._asked = time.monotonic()
            assert self._start is not None and self._end is not None
            return self._start, self._end, list(self._events)

    def _read_log(self) -> None:
        if self._end is None:
            self._start = self._end = pages.end_of_log()
            return
        page = pages.LogQuestion().read_page(self._end, REMEMBERED)
        for event in page.events:
            if len(self._events) == REMEMBERED:
                self._start = self._events[0].position
            about = frozenset({event.target or "", *_ids_in(event.data)})
            self._events.append(Happened(event.position, event.target_type or "", about))
        self._end = page.end


def _ids_in(data: Any) -> list[str]:
    """The texts of an event that may be ids of records."""
    found = data.values() if isinstance(data, dict) else ()
    return [v for v in found if isinstance(v, str) and "_" in v and len(v) <= LONGEST_ID]


#: No more tenants than these are remembered by a process.
MOST_TENANTS = 200
_tenants: dict[int, RecentEvents] = {}


def changes_of(
    tenant: Tenant, since: LogPosition | None, noun: str, shown: Collection[str]
) -> Changes:
    """What a page of ``tenant`` is told. It names no record that the page did not name."""
    with tenancy.active(tenant), actors.acting(actors.SYSTEM):
        known = _tenants.pop(tenant.pk, None) or RecentEvents()
        _tenants[tenant.pk] = known  # the last one asked for stands last
        if len(_tenants) > MOST_TENANTS:
            _tenants.pop(next(iter(_tenants)), None)
        return known.changes(since, noun, shown)
