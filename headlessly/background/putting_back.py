"""How jobs get back in line: after an error, for their tenant's share, when their worker was lost."""

from __future__ import annotations

import logging
from typing import Any

from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

logger = logging.getLogger(__name__)


class WorkersJobManager(JobManager):
    """A worker's, for jobs of which one at the most waits (``once``).

    Where the same was put in line meanwhile, that one does what is left to do, and this one goes. Else it
    would be at work for ever: never lost, as its worker lives, and with its ``lock`` in everybody's way.
    """

    async def retry_job(self, job: Job, **options: Any) -> None:  # type: ignore[override]
        try:
            await super().retry_job(job, **options)
        except UniqueViolation:
            logger.info("Job %s (%s) waits in line already.", job.id, job.task_name)
            await self.finish_job(job, Status.FAILED, delete_job=True)
