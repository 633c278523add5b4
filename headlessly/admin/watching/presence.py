"""Who is looking at which record at the moment.

Processes tell each other by a table, each for all of its open pages at once; :mod:`.recent` says when. A
read-only server cannot write to it, so there each process knows only its own pages.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from headlessly.context.tenant_scope import every_tenant
from headlessly.database.prepared import execute_prepared

#: After how many seconds without a sign somebody counts as gone.
GONE_AFTER = 8
#: How many pages a process reports at once, and how many people it shows on each, at most.
MOST, MOST_OF_RECORD = 1_000, 8
# The rows are sorted by the caller, so that two processes that write the same rows cannot deadlock.
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
#: The share of writes that also delete old rows.
CLEARED = 1 / 500
CLEAR = "DELETE FROM headlessly_presence WHERE seen_at < now() - interval '1 hour'"


@dataclass(frozen=True)
class Viewer:
    """Somebody who has the page of a record open."""

    record: str
    actor: str
    name: str
    writes: bool


class Presence:
    """The viewers of one tenant's records, as far as this process knows."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], Viewer] = {}  #: viewers since the last write
        #: Records that are open here, and when a page last asked about each.
        self._watched: dict[str, float] = {}
        self._there: dict[str, list[Viewer]] = {}
        #: Viewers and when they last asked, on a server that cannot write.
        self._here: dict[tuple[str, str], tuple[float, Viewer]] = {}

    def enter(self, viewer: Viewer) -> None:
        """Notes a viewer. Others are told at the next :meth:`renew`."""
        if len(self._heard) < MOST:
            self._heard[viewer.record, viewer.actor] = viewer
            self._watched[viewer.record] = time.monotonic()

    def knows(self, viewer: Viewer) -> bool:
        """Whether the last :meth:`renew` already included this viewer, so that both sides know of each
        other."""
        return viewer in self._there.get(viewer.record, ())

    def others(self, viewer: Viewer) -> list[dict[str, Any]]:
        """Returns who else is there, and whether they are writing."""
        there = self._there.get(viewer.record, ())
        found = [{"name": o.name, "writes": o.writes} for o in there if o.actor != viewer.actor]
        return found[:MOST_OF_RECORD]

    def renew_alone(self) -> None:
        """Updates who is there from what this process was told itself."""
        now = time.monotonic()
        self._here |= {key: (now, viewer) for key, viewer in self._heard.items()}
        self._here = {key: it for key, it in self._here.items() if now - it[0] < GONE_AFTER}
        self._heard = {}
        self._there = self._by_record(
            sorted((v for _at, v in self._here.values()), key=lambda v: v.name)
        )

    def renew(self, tenant: int) -> None:
        """Writes the viewers of this process to the table, and reads who is there."""
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
