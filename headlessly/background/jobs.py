"""Background work, on procrastinate: what one tenant's actor leaves for later.

    @job("webhooks.deliver")
    def deliver(webhook: str) -> None: ...

    deliver.defer(webhook=webhook.pk)

A job is deferred in the transaction at hand: what is undone leaves no job, and no worker sees one before
the commit. It runs later in a worker (``manage.py work``) in the same tenant, by the same actor and under
the same request id. A worker that dies leaves its jobs to the next one, so that a job may run twice: it
must look first what is left to do.

A job has a name of its own, which stands in the queue: where its function lives may change while it waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from procrastinate import BaseRetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.access.models import Tenant
from headlessly.context import tracing
from headlessly.database import prepared

logger = logging.getLogger(__name__)

#: How long a worker may be silent before its jobs are another's, in seconds.
SILENCE = 60

WAITING = (
    "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo')"
)


class Job:
    """A function that runs in the background, with the tenant and the actor of who deferred it."""

    def __init__(
        self,
        name: str,
        function: Callable[..., None],
        *,
        retry: BaseRetryStrategy | int | bool = False,
    ) -> None:
        self.name = name
        self.function = function
        self.__doc__ = function.__doc__
        self.task = app.task(name=self.name, retry=retry)(self.perform)

    def __call__(self, **arguments: Any) -> None:
        """Do it here and now."""
        self.function(**arguments)

    def defer(
        self,
        *,
        at: datetime | None = None,
        lock: str | None = None,
        once: str | None = None,
        **arguments: Any,
    ) -> bool:
        """Have it done after the commit, or at a moment; answers whether it was put in line.

        Of the jobs with the same ``lock`` one runs at a time, in order. Of those with the same ``once``
        one at the most is waiting: a second is not put in line.
        """
        if once is not None and is_waiting(once):
            return False  # the usual case, without an error of the database
        task = self.task.configure(schedule_at=at, lock=lock, queueing_lock=once)
        try:
            with transaction.atomic(savepoint=once is not None):
                task.defer(circumstances=_circumstances(), **arguments)
        except AlreadyEnqueued:
            return False
        return True

    def perform(self, *, circumstances: dict[str, Any], **arguments: Any) -> None:
        named = tracing.route_scope(lambda: f"job {self.name}")
        with named, _restored_circumstances(**circumstances):
            try:
                self.function(**arguments)
            except Exception:
                logger.exception("%s failed", self.name)
                raise


def job(
    name: str, *, retry: BaseRetryStrategy | int | bool = False
) -> Callable[[Callable[..., None]], Job]:
    """Make a function a job: ``@job("webhooks.deliver", retry=3)``. Its arguments are JSON.

    ``name`` is what waits in the queue. It never changes, so that no job is lost by an upgrade.
    """
    return lambda function: Job(name, function, retry=retry)


def is_waiting(once: str) -> bool:
    """Whether a job with this ``once`` is in line, and so has not begun to look around."""
    return prepared.execute_prepared(WAITING, [once])[0][0]


def _circumstances() -> dict[str, Any]:
    """Tenant, actor and request id of the moment, as JSON stores them with a job."""
    tenant = tenancy.current()
    return {
        "tenant": tenant and tenant.pk,
        "actor": asdict(actors.current()),
        "request_id": tracing.request_id(),
    }


@contextmanager
def _restored_circumstances(
    *, tenant: int | None, actor: dict[str, Any], request_id: str | None
) -> Iterator[None]:
    """Run the block in the tenant, as the actor and under the request id of who deferred the job."""
    found = Tenant.objects.get(pk=tenant) if tenant is not None else None
    with tenancy.active(found), actors.acting(Actor(**actor)), tracing.request_id_scope(request_id):
        yield


@app.periodic(cron="* * * * *")
@app.task(name="jobs.rescue", queueing_lock="jobs.rescue", pass_context=True)
async def requeue_lost_jobs(context: Any, timestamp: int) -> None:
    """Put the jobs of workers that died back in line."""
    manager = context.app.job_manager
    for lost in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENCE):
        logger.warning("Job %s (%s) was lost with its worker: again.", lost.id, lost.task_name)
        await manager.retry_job(lost)
