"""How jobs get back into the queue: after an error, for their tenant's share, or if their worker was lost."""

from __future__ import annotations

import logging
from typing import Any

from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

logger = logging.getLogger(__name__)


class WorkersJobManager(JobManager):
    """A job manager for jobs of which at most one waits (``once``).

    If another job with the same ``once`` was queued meanwhile, that one does the rest, and this one is
    deleted. Otherwise it would count as running for ever: never lost, because its worker lives, and blocking
    others by its ``lock``.
    """

    async def retry_job(self, job: Job, **options: Any) -> None:  # type: ignore[override]
        try:
            await super().retry_job(job, **options)
        except UniqueViolation:
            logger.info("Job %s (%s) waits in line already.", job.id, job.task_name)
            await self.finish_job(job, Status.FAILED, delete_job=True)
