"""Who looks at which record just now.

Each process tells the others by a table, of all of its open pages at once: see :mod:`.recent` for when. A
server that only reads cannot write into it: there each process knows of its own pages alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from headlessly.context.tenant_scope import every_tenant
from headlessly.database.prepared import execute_prepared

#: Whoever was not heard of for so long is gone, in seconds.
GONE_AFTER = 8
#: A process reports at most this many pages at once, and this many people on each.
MOST, MOST_OF_RECORD = 1_000, 8
# In one order, so that two processes that tell of the same wait for each other and never both.
ENTER = """
INSERT INTO headlessly_presence AS p (tenant_id, record, actor, name, writes, seen_at)
SELECT %s, record, actor, name, writes, now()
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bool[]) AS heard (record, actor, name, writes)
ON CONFLICT (tenant_id, record, actor) DO UPDATE SET
    name = excluded.name, writes = excluded.writes, seen_at = excluded.seen_at
WHERE p.seen_at < now() - interval '3 seconds' OR p.writes <> excluded.writes
"""
OTHERS = f"""
SELECT record, actor, name, writes FROM headlessly_presence
WHERE tenant_id = %s AND record = ANY(%s)
  AND seen_at > now() - interval '{GONE_AFTER} seconds' ORDER BY name
"""
#: How often those who have been gone for long are forgotten, of times that somebody is written down.
CLEARED = 1 / 500
CLEAR = "DELETE FROM headlessly_presence WHERE seen_at < now() - interval '1 hour'"


@dataclass(frozen=True)
class Viewer:
    """Somebody at the page of a record."""

    record: str
    actor: str
    name: str
    writes: bool


class Presence:
    """Who is at the records of one tenant, as far as this process knows."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], Viewer] = {}  #: since they were last written down
        #: Records that are open here, and since when nobody asked.
        self._watched: dict[str, float] = {}
        self._there: dict[str, list[Viewer]] = {}
        #: Who was heard of and when, where nothing can be written down.
        self._here: dict[tuple[str, str], tuple[float, Viewer]] = {}

    def enter(self, viewer: Viewer) -> None:
        """Somebody looks at a record: the others are told at the next :meth:`renew`."""
        if len(self._heard) < MOST:
            self._heard[viewer.record, viewer.actor] = viewer
            self._watched[viewer.record] = time.monotonic()

    def knows(self, viewer: Viewer) -> bool:
        """Whether it is known who else is there, and to the others that the viewer is."""
        return viewer in self._there.get(viewer.record, ())

    def others(self, viewer: Viewer) -> list[dict[str, Any]]:
        """Who else is there, and whether they are writing."""
        there = self._there.get(viewer.record, ())
        found = [{"name": o.name, "writes": o.writes} for o in there if o.actor != viewer.actor]
        return found[:MOST_OF_RECORD]

    def renew_alone(self) -> None:
        """Who is there as far as this process was told itself."""
        now = time.monotonic()
        self._here |= {key: (now, viewer) for key, viewer in self._heard.items()}
        self._here = {key: it for key, it in self._here.items() if now - it[0] < GONE_AFTER}
        self._heard = {}
        self._there = self._by_record(
            sorted((v for _at, v in self._here.values()), key=lambda v: v.name)
        )

    def renew(self, tenant: int) -> None:
        """Write down who was heard of, and read who is there."""
        now = time.monotonic()
        self._watched = {r: at for r, at in self._watched.items() if now - at < GONE_AFTER}
        if heard := [self._heard[key] for key in sorted(self._heard)]:
            columns = [
                [getattr(v, c) for v in heard] for c in ("record", "actor", "name", "writes")
            ]
            execute_prepared(ENTER, [tenant, *columns], rows=False)
            self._heard = {}
            if random.random() < CLEARED:
                with every_tenant():
                    execute_prepared(CLEAR, [], rows=False)
        asked = [tenant, list(self._watched)]
        rows = execute_prepared(OTHERS, asked) if self._watched else []
        self._there = self._by_record(Viewer(*row) for row in rows)

    @staticmethod
    def _by_record(viewers: Iterable[Viewer]) -> dict[str, list[Viewer]]:
        found: dict[str, list[Viewer]] = {}
        for viewer in viewers:
            found.setdefault(viewer.record, []).append(viewer)
        return found
