"""How jobs get back in line: after an error, for their tenant's share, when their worker was lost; and where
a worker of another version has them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

logger = logging.getLogger(__name__)

#: How often a job of which a worker has no code is put back in line: the last time it waits for an hour.
MOST_VERSIONS = 4


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

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End it; or put it back in line where this worker has no code for it: it is of a later version, that
        is just being installed and has workers of its own in a while."""
        is_of_others = job.task_name not in app.tasks and status == Status.FAILED
        if is_of_others and job.attempts < MOST_VERSIONS:
            await self.retry_job(job, retry_at=timezone.now() + timedelta(minutes=4**job.attempts))
        else:
            await super().finish_job(job, status, delete_job)
