"""What the clock puts in line, each minute and each hour, also where it was wrong and is put right."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from asgiref.sync import sync_to_async
from procrastinate import periodic

from headlessly.database import prepared

logger = logging.getLogger(__name__)

#: By how much a clock may go back that is put right all the time, in seconds.
USUAL = 60
#: Each job looks what there is to do, and puts itself in line again where that is not due.
HASTEN_ALL = (
    "UPDATE procrastinate_jobs SET scheduled_at = NULL "
    "WHERE status = 'todo' AND scheduled_at > now()"
)


class Deferrer(periodic.PeriodicDeferrer):
    """A worker's. It goes on from the last minute that it has seen: where the clock was wrong and is put
    right, that lies ahead, by a day maybe. For so long nothing would be put in line, and what waits for a
    moment would wait longer. Where the clock has gone on by a year, a year of minutes is not made up for."""

    went_back: float = 0  #: by how many seconds, since it was looked last

    def get_previous_tasks(self, at: float) -> Iterable[periodic.TaskAtTime]:
        self.went_back = max((seen - at for seen in self.last_defers.values()), default=0)
        self.last_defers = {
            key: seen for key, seen in self.last_defers.items() if 0 <= at - seen <= self.max_delay
        }
        yield from super().get_previous_tasks(at)

    async def defer_jobs(self, jobs_to_defer: Iterable[periodic.TaskAtTime]) -> None:
        due = list(jobs_to_defer)
        if self.went_back > USUAL:
            logger.warning(
                "The clock went back by %.0f s: jobs that wait for a moment look now.",
                self.went_back,
            )
            await sync_to_async(prepared.execute_prepared)(HASTEN_ALL, [], rows=False)
        await super().defer_jobs(due)


def follow_the_clock() -> None:
    """Have the workers of this process use it: they offer no other way."""
    periodic.PeriodicDeferrer = Deferrer  # type: ignore[misc]
