"""Defers periodic jobs, also after the system clock was ahead and is corrected."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from asgiref.sync import sync_to_async
from procrastinate import periodic

from headlessly.database import prepared

logger = logging.getLogger(__name__)

#: How far a clock goes back in its regular corrections, in seconds.
USUAL = 60
#: Makes all waiting jobs due. Each checks what there is to do, and defers itself again if that is not due.
HASTEN_ALL = (
    "UPDATE procrastinate_jobs SET scheduled_at = NULL "
    "WHERE status = 'todo' AND scheduled_at > now()"
)


class Deferrer(periodic.PeriodicDeferrer):
    """A periodic deferrer for clocks that jump.

    procrastinate's own continues after the last minute that it has seen. If the clock was ahead, perhaps by
    a day, that minute lies in the future: no periodic job would be deferred until then, and jobs that wait
    for a moment would wait as much longer. If the clock has jumped ahead by a year, the jobs of that year are
    not made up for.
    """

    went_back: float = 0  #: in seconds, since the last check

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
    """Make the workers of this process use this deferrer. procrastinate has no setting for it."""
    periodic.PeriodicDeferrer = Deferrer  # type: ignore[misc]
