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
from headlessly.access.actors import Actor
from headlessly.access.models import Tenant
from headlessly.admin.watching.presence import Presence, Viewer
from headlessly.declaration.registry import registry
from headlessly.ids import is_id
from headlessly.log import pages
from headlessly.log.events import Event, LogPosition
from headlessly.log.names import SECURITY

#: How old what is known may be, in seconds, and how many events of a tenant are remembered.
OLDEST, REMEMBERED = 0.7, 2_000
#: Ids are no longer: what is longer in an event is no reference.
LONGEST_ID = 32
#: For how many people it is remembered whether they see a record.
MOST_SIGHTS = 5_000


@dataclass(frozen=True)
class Happened:
    """One event, as far as watching goes: where it stands in the log and which records it is about."""

    position: LogPosition
    target_type: str
    target: str
    about: frozenset[str]  #: the record, and those that it refers to
    former_owner: str | None = None  #: whose the record was, where this took it from them


@dataclass(frozen=True)
class Question:
    """What a page asks, and for whom: what has changed of its noun and of the records that it shows, and who
    else has its record open."""

    actor: Actor
    since: LogPosition | None
    noun: str
    shown: Collection[str]
    viewer: Viewer | None = None


@dataclass
class Changes:
    """What one page is told: where it stands now, which of its records changed, how many others did."""

    at: LogPosition
    changed: list[str]
    others: int = 0  #: how many records of its noun changed beside those
    missed: bool = False  #: more happened than is remembered
    here: list[dict[str, Any]] | None = None  #: who else has its record open


@dataclass(frozen=True)
class Sight:
    """Whether somebody sees a record, as of a position in the log."""

    is_seen: bool
    at: LogPosition | None


class RecentEvents:
    """The last events of one tenant, and who is where in it."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.presence = Presence()
        self._sights: dict[tuple[str, str], Sight] = {}  #: of actors, and of records by id
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
            if viewer is not None and not self._knows_sight(question.actor, viewer.record):
                if not reads:
                    return None
                self._look(question.actor, viewer.record)
            if viewer is not None and not self._sights[question.actor.id, viewer.record].is_seen:
                viewer = None  # it is answered as of a record that is not there
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
        """Whether it is known if the actor sees the record. What a limited rep sees may be otherwise as soon
        as anything happened."""
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
        """Those about records that a limited rep sees, or saw until they happened: a page that shows such a
        record has to hear that it is somebody else's now."""
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
        """Remember what happened since the log was read last; for the first time, since the page that asks
        was made, where that is not long ago."""
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
            if event.target_type != SECURITY:  # which is for admins, and on no page that watches
                self._events.append(_happened(event))
        self._end = page.end


def _happened(event: Event) -> Happened:
    kind = event.target_type or ""
    about = frozenset({event.target or "", *_ids_in(event.data)})
    owner = registry[kind].schema.owner if kind in registry else None
    former = (event.previous or {}).get(owner.wire) if owner is not None else None
    return Happened(event.position, kind, event.target or "", about, former)


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
