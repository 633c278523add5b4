"""What happened in a tenant lately, in the memory of a process, which is what a page that watches asks.

However many pages are open, a process asks for the log of a tenant about once a second at the most.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from django.conf import settings

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.admin.watching.presence import Presence, Viewer
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


@dataclass(frozen=True)
class Question:
    """What a page asks: what changed since, of which noun beside what it shows, and who else is at it."""

    since: LogPosition | None
    noun: str
    shown: Collection[str]
    viewer: Viewer | None = None


@dataclass
class Changes:
    """What one page is told: where it stands now, which of its records changed, whether others did."""

    at: LogPosition
    changed: list[str]
    others: bool = False
    missed: bool = False  #: more happened than is remembered
    here: list[dict[str, Any]] | None = None  #: who else is at the record that the page is of


class RecentEvents:
    """The last events of one tenant, and who is where in it."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.presence = Presence()
        self._lock = threading.Lock()
        self._events: deque[Happened] = deque(maxlen=REMEMBERED)
        self._start: LogPosition | None = None  #: behind which all is remembered
        self._end: LogPosition | None = None
        self._asked = 0.0

    def changes(self, question: Question, *, reads: bool) -> Changes | None:
        """What happened since a page asked last; None where that has to be read first and ``reads`` is not
        said, or somebody else is just reading it."""
        if not self._lock.acquire(blocking=reads):
            return None
        try:
            viewer = question.viewer
            if viewer is not None:
                self.presence.enter(viewer)
            is_new = viewer is not None and not self.presence.knows(viewer)
            if self._end is None or is_new or time.monotonic() - self._asked > OLDEST:
                if not reads:
                    return None
                self._read_on()
            found = self._compare(question)
            found.here = self.presence.others(viewer) if viewer is not None else None
            return found
        finally:
            self._lock.release()

    def _compare(self, question: Question) -> Changes:
        assert self._start is not None and self._end is not None
        since, shown = question.since, question.shown
        if since is None or since > self._end:
            return Changes(self._end, [])
        if since < self._start:
            return Changes(self._end, list(shown), missed=True)
        later = list(takewhile(lambda each: each.position > since, reversed(self._events)))
        touched = frozenset().union(*(each.about for each in later))
        others = any(
            each.target_type == question.noun and each.about.isdisjoint(shown) for each in later
        )
        return Changes(self._end, [id for id in shown if id in touched], others)

    def _read_on(self) -> None:
        with tenancy.active(self.tenant), actors.acting(actors.SYSTEM):
            self._read_log()
            if settings.READ_ONLY:
                self.presence.renew_alone()
            else:
                self.presence.renew(self.tenant.pk)
        self._asked = time.monotonic()

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
_tenants_lock = threading.Lock()


def events_of(pk: int, slug: str) -> RecentEvents:
    """What this process knows of a tenant."""
    with _tenants_lock:
        known = _tenants.pop(pk, None) or RecentEvents(Tenant(pk=pk, slug=slug))
        _tenants[pk] = known  # the last one asked for stands last
        if len(_tenants) > MOST_TENANTS:
            _tenants.pop(next(iter(_tenants)), None)
    return known
