"""The latest events of each tenant in the memory of a process, to answer pages that watch.

However many pages are open, a process reads the log of a tenant about once a second at most.
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
from headlessly.access.actors import Actor
from headlessly.access.models import Tenant
from headlessly.admin.watching.presence import Presence, Viewer
from headlessly.declaration.registry import registry
from headlessly.ids import is_id
from headlessly.log import pages
from headlessly.log.events import Event, LogPosition
from headlessly.log.names import SECURITY

#: How many seconds old the memory may be, and how many events of a tenant it holds.
OLDEST, REMEMBERED = 0.7, 2_000
#: Maximum length of an id: a longer text in an event is no reference.
LONGEST_ID = 32
#: How many pairs of actor and record are remembered with whether the actor sees the record.
MOST_SIGHTS = 5_000


@dataclass(frozen=True)
class Happened:
    """An event, reduced to its position in the log and the records that it is about."""

    position: LogPosition
    target_type: str
    target: str
    about: frozenset[str]  #: the record, and those that it refers to
    former_owner: str | None = None  #: the owner from whom this event took the record


@dataclass(frozen=True)
class Question:
    """A page's question: what changed of its noun and of the records that it shows, and who else has its
    record open."""

    actor: Actor
    since: LogPosition | None
    noun: str
    shown: Collection[str]
    viewer: Viewer | None = None


@dataclass
class Changes:
    """The answer for one page: its new position, which of its records changed, and how many others did."""

    at: LogPosition
    changed: list[str]
    others: int = 0  #: how many other records of its noun changed
    missed: bool = False  #: more happened than the memory holds
    here: list[dict[str, Any]] | None = None  #: who else has its record open


@dataclass(frozen=True)
class Sight:
    """Whether an actor sees a record, as of a position in the log."""

    is_seen: bool
    at: LogPosition | None


class RecentEvents:
    """The latest events of one tenant, and who is where in it."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.presence = Presence()
        self._sights: dict[tuple[str, str], Sight] = {}  #: by actor's id and record's id
        self._lock = threading.Lock()
        self._events: deque[Happened] = deque(maxlen=REMEMBERED)
        self._start: LogPosition | None = None  #: all events after this are in memory
        self._end: LogPosition | None = None
        self._asked = 0.0

    def changes(self, question: Question, *, reads: bool) -> Changes | None:
        """Returns what happened since a page last asked; None if that has to be read first and ``reads``
        is false, or if another thread is just reading it."""
        if not self._lock.acquire(blocking=reads):
            return None
        try:
            viewer = question.viewer
            if viewer is not None and not self._knows_sight(question.actor, viewer.record):
                if not reads:
                    return None
                self._look(question.actor, viewer.record)
            if viewer is not None and not self._sights[question.actor.id, viewer.record].is_seen:
                viewer = None  # the answer is that of a record that does not exist
            if viewer is not None:
                self.presence.enter(viewer)
            is_new = viewer is not None and not self.presence.knows(viewer)
            if self._end is None or is_new or time.monotonic() - self._asked > OLDEST:
                if not reads:
                    return None
                self._read_on(question.since)
            if (found := self._compare(question, reads=reads)) is None:
                return None
            if question.viewer is not None:
                found.here = self.presence.others(viewer) if viewer is not None else []
            return found
        finally:
            self._lock.release()

    def _knows_sight(self, actor: Actor, record: str) -> bool:
        """Whether memory has the answer to whether the actor sees the record. For a limited rep any event
        may change that."""
        sight = self._sights.get((actor.id, record))
        return sight is not None and (not actor.limited or sight.at == self._end)

    def _look(self, actor: Actor, record: str) -> None:
        if len(self._sights) >= MOST_SIGHTS:
            self._sights.clear()
        noun = next((each for each in registry.values() if is_id(record, (each.prefix,))), None)
        with tenancy.active(self.tenant), actors.acting(actor):
            is_seen = noun is not None and noun.objects.filter(pk=record).exists()
        self._sights[actor.id, record] = Sight(is_seen, self._end)

    def _compare(self, question: Question, *, reads: bool) -> Changes | None:
        assert self._start is not None and self._end is not None
        since, shown = question.since, question.shown
        if since is None or since > self._end:
            return Changes(self._end, [])
        if since < self._start:
            return Changes(self._end, list(shown), missed=True)
        later = [
            each
            for each in takewhile(lambda each: each.position > since, reversed(self._events))
            if each.target_type == question.noun or not each.about.isdisjoint(shown)
        ]
        if later and question.actor.limited:
            if not reads:
                return None
            later = self._seen_by(question.actor, later)
        touched = frozenset().union(*(each.about for each in later))
        others = {
            each.target
            for each in later
            if each.target_type == question.noun and each.about.isdisjoint(shown)
        }
        return Changes(self._end, [id for id in shown if id in touched], len(others))

    def _seen_by(self, actor: Actor, events: list[Happened]) -> list[Happened]:
        """Returns the events about records that a limited rep sees, or saw until then: a page that shows
        such a record has to be told that it now belongs to somebody else."""
        with tenancy.active(self.tenant), actors.acting(actor):
            seen = set(pages.visible_numbers(each.position.seq for each in events))
        own = actor.contact_id
        return [e for e in events if e.position.seq in seen or (own and e.former_owner == own)]

    def _read_on(self, since: LogPosition | None) -> None:
        with tenancy.active(self.tenant), actors.acting(actors.SYSTEM):
            self._read_log(since)
            if settings.READ_ONLY:
                self.presence.renew_alone()
            else:
                self.presence.renew(self.tenant.pk)
        self._asked = time.monotonic()

    def _read_log(self, since: LogPosition | None) -> None:
        """Reads the events since the last time into memory. The first time, reads those since the asking
        page was made, if they fit."""
        if self._end is None:
            self._start = self._end = pages.end_of_log()
            if since is None or since >= self._end:
                return
            page = pages.LogQuestion().read_page(since, REMEMBERED)
            if page.has_more:
                return
            self._start = since
        else:
            page = pages.LogQuestion().read_page(self._end, REMEMBERED)
        for event in page.events:
            if len(self._events) == REMEMBERED:
                self._start = self._events[0].position
            if event.target_type != SECURITY:  # those are on no page that watches
                self._events.append(_happened(event))
        self._end = page.end


def _happened(event: Event) -> Happened:
    kind = event.target_type or ""
    about = frozenset({event.target or "", *_ids_in(event.data)})
    owner = registry[kind].schema.owner if kind in registry else None
    former = (event.previous or {}).get(owner.wire) if owner is not None else None
    return Happened(event.position, kind, event.target or "", about, former)


def _ids_in(data: Any) -> list[str]:
    """Returns the values of an event that may be ids of records."""
    found = data.values() if isinstance(data, dict) else ()
    return [v for v in found if isinstance(v, str) and "_" in v and len(v) <= LONGEST_ID]


#: How many tenants a process keeps in memory.
MOST_TENANTS = 200
_tenants: dict[int, RecentEvents] = {}
_tenants_lock = threading.Lock()


def events_of(pk: int, slug: str) -> RecentEvents:
    """Returns the memory of a tenant."""
    with _tenants_lock:
        known = _tenants.pop(pk, None) or RecentEvents(Tenant(pk=pk, slug=slug))
        _tenants[pk] = known  # the most recently used one is last
        if len(_tenants) > MOST_TENANTS:
            _tenants.pop(next(iter(_tenants)), None)
    return known
