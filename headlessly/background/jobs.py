"""Background jobs, based on procrastinate: work that one tenant's actor leaves for later.

    @job("webhooks.deliver")
    def deliver(webhook: str) -> None: ...

    deliver.defer(webhook=webhook.pk)

A job is deferred in the current transaction: a rollback leaves no job, and no worker sees one before the
commit. It runs later in a worker (``manage.py work``), in the same tenant, as the same actor and under the
same request id. When a worker dies, its jobs go to the next one, so that a job may run twice: it must first
check what is left to do.

A job that kills its worker does not run for ever. After its worker was lost ``MOST_LOSSES`` times it fails,
and tells whoever waits for it (:meth:`Job.on_failure`), like a job whose attempts have failed. One tenant's
jobs can take all places of a worker but one.

A job has a name of its own in the queue, because its function may move to another module while it waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import procrastinate.jobs
from asgiref.sync import sync_to_async
from django.db import transaction
from procrastinate import BaseRetryStrategy, RetryDecision, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued, JobAborted

from headlessly import errors
from headlessly.access import actors, tenancy
from headlessly.access.actors import Actor
from headlessly.access.models import Tenant
from headlessly.context import tracing
from headlessly.context.spans import span
from headlessly.database import prepared

logger = logging.getLogger(__name__)

#: After how many seconds of silence a worker's jobs are given to another one.
SILENCE = 60
#: How often a job may lose its worker before it fails.
MOST_LOSSES = 3
#: How long finished jobs are kept for inspection, in hours.
KEPT_FOR = 7 * 24
#: The longest pause before the next attempt if the problem is temporary, in seconds.
LONGEST_PAUSE = 15 * 60
#: How long a job waits if its tenant has no place left, in seconds.
SHARE_PAUSE = 1
#: The priority of such a job from then on; others have 0. Otherwise a hundred of them, always due and always
#: the oldest, would keep the last place from the jobs of other tenants.
BEHIND_OTHERS = -1

WAITING = (
    "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo')"
)
RUNNING = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE lock = %s AND status = 'doing')"
HASTEN = (
    "UPDATE procrastinate_jobs SET scheduled_at = NULL, attempts = 0 "
    "WHERE queueing_lock = %s AND task_name = %s AND status = 'todo'"
)
OF_REQUEST = (
    "SELECT args - 'circumstances' FROM procrastinate_jobs WHERE task_name = %s "
    "AND status IN ('todo', 'doing') AND args @> jsonb_build_object('circumstances', "
    "jsonb_build_object('tenant', %s::bigint, 'request_id', %s::text))"
)
COUNT_LOSS = (
    "UPDATE procrastinate_jobs SET args = jsonb_set(args, '{circumstances,losses}', %(losses)s::jsonb) "
    "WHERE id = %(job_id)s"
)
#: Waiting for the tenant's share, or for the next worker, does not count as an attempt.
NOT_TRIED = "UPDATE procrastinate_jobs SET attempts = attempts - 1 WHERE id = %s"

#: All jobs by name.
jobs_by_name: dict[str, Job] = {}


class ShareTaken(Exception):
    """The tenant of a job has all places that it may have, or is just moving to another database; or the job
    has lost a worker, and another such is at work."""


#: Whether the worker of the current job is being stopped.
_is_stopping: ContextVar[Callable[[], bool]] = ContextVar("is_stopping", default=lambda: False)


def stop_with_worker() -> None:
    """Raise JobAborted if the worker is being stopped; for calls between two parts of a long job. The job is
    put back into the queue and continues in the next worker."""
    if _is_stopping.get()():
        raise JobAborted


def is_over(until: float) -> bool:
    """Whether a job that defers its rest after a while has to do so now: the moment ``until`` of
    ``time.monotonic`` has passed, or its worker is being stopped."""
    return _is_stopping.get()() or time.monotonic() > until


class JobPlaces:
    """The places of a worker for jobs: one tenant has all but one, and so has what is nobody's, as letters
    to people are: each of them waits for a mail server that hangs. Of those that have lost a worker one is at
    work at a time: whichever of them brings workers down is found out, and the others do not fail with it.
    """

    def __init__(self) -> None:
        self.size = 4  #: set by `manage.py work`
        self.by_tenant: Counter[int | None] = Counter()
        self.has_suspect = False
        self._lock = threading.Lock()

    @contextmanager
    def reserve(self, tenant: int | None, *, is_suspect: bool = False) -> Iterator[None]:
        """Reserve a place inside the block. Raises ShareTaken."""
        with self._lock:
            if self.by_tenant[tenant] >= max(1, self.size - 1) or (is_suspect and self.has_suspect):
                raise ShareTaken
            self.by_tenant[tenant] += 1
            self.has_suspect |= is_suspect
        try:
            yield
        finally:
            with self._lock:
                self.has_suspect &= not is_suspect
                self.by_tenant[tenant] -= 1
                if not self.by_tenant[tenant]:
                    del self.by_tenant[tenant]


job_places = JobPlaces()


class _Retry(BaseRetryStrategy):
    """A job's own retry strategy, with a short pause if its tenant has used up its share. A job that is
    retried at all is retried as long as the problem is temporary and not its own: a disk may be full for a
    whole night."""

    def __init__(self, given: BaseRetryStrategy | int | bool) -> None:
        if isinstance(given, BaseRetryStrategy):
            self.given: BaseRetryStrategy | None = given
        else:
            most = None if given is True else int(given)
            self.given = RetryStrategy(max_attempts=most) if given else None

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> RetryDecision | None:
        if isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, ShareTaken):
            return RetryDecision(retry_in={"seconds": SHARE_PAUSE}, priority=BEHIND_OTHERS)
        if self.given is None:
            return None
        if isinstance(errors.problem_of(exception), errors.Unavailable):
            pause = min(4 ** (1 + min(job.attempts, 9)), LONGEST_PAUSE)
            return RetryDecision(retry_in={"seconds": pause})
        return self.given.get_retry_decision(exception=exception, job=job)


class Job:
    """A function that runs in the background, with the tenant and the actor of the deferring code."""

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
        self.retry = _Retry(retry)
        made = app.task(name=self.name, retry=self.retry, pass_context=True)
        self.task = made(self.perform)
        self.failure_hook: Callable[..., None] | None = None
        jobs_by_name[name] = self

    def __call__(self, **arguments: Any) -> None:
        """Run the function immediately."""
        self.function(**arguments)

    def defer(
        self,
        *,
        at: datetime | None = None,
        lock: str | None = None,
        once: str | None = None,
        **arguments: Any,
    ) -> bool:
        """Run it after the commit, or at a moment; returns whether it was put into the queue.

        Of the jobs with the same ``lock`` one runs at a time, in order. Of those with the same ``once`` at
        most one waits: a second one is not queued.
        """
        if once is not None and is_waiting(once):
            return False  # the usual case, without an error in the database
        task = self.task.configure(schedule_at=at, lock=lock, queueing_lock=once)
        try:
            with transaction.atomic(savepoint=once is not None):
                task.defer(circumstances=_circumstances(), **arguments)
        except AlreadyEnqueued:
            return False
        return True

    def hasten(self, once: str) -> None:
        """Start the job that waits as ``once`` for its next attempt now, with as many attempts as a new one,
        because somebody asked for it. Workers see it within seconds after the commit."""
        prepared.execute_prepared(HASTEN, [once, self.name], rows=False)

    def of_request(self, request_id: str) -> list[dict[str, Any]]:
        """Returns the arguments of the jobs that a request of the active tenant has deferred and that are not
        finished."""
        asked = [self.name, tenancy.require().pk, request_id]
        found = prepared.execute_prepared(OF_REQUEST, asked)
        return [orjson.loads(args) if isinstance(args, str) else args for (args,) in found]

    def on_failure(self, hook: Callable[..., None]) -> Callable[..., None]:
        """Decorate a function that is called, with the job's arguments, when the job is given up: after too
        many lost workers or failed attempts."""
        self.failure_hook = hook
        return hook

    def perform(
        self, context: Any = None, /, *, circumstances: dict[str, Any], **arguments: Any
    ) -> None:
        """Run the job as its deferring actor. ``context`` is that of the worker. Raises ShareTaken if it has
        to wait, JobAborted if it continues in the next worker."""
        stopping = _is_stopping.set(context.should_abort if context else lambda: False)
        try:
            self._perform(circumstances, arguments)
        except (ShareTaken, JobAborted):
            if context is not None:
                prepared.execute_prepared(NOT_TRIED, [context.job.id], rows=False)
            raise
        except Exception as problem:
            if context is not None and self._is_last(problem, context.job):
                self.give_up(circumstances=circumstances, **arguments)
            raise
        finally:
            _is_stopping.reset(stopping)

    def _is_last(self, problem: Exception, job: procrastinate.jobs.Job) -> bool:
        """Whether there is no further attempt after this exception."""
        return self.retry.get_retry_decision(exception=problem, job=job) is None

    def _perform(self, circumstances: dict[str, Any], arguments: dict[str, Any]) -> None:
        named = tracing.route_scope(lambda: f"job {self.name}")
        place = job_places.reserve(
            circumstances["tenant"], is_suspect=bool(circumstances.get("losses"))
        )
        restored = _restored_circumstances(**circumstances)
        with named, restored, span(f"job {self.name}", "CONSUMER"), place:
            try:
                self.function(**arguments)
            except JobAborted:
                raise
            except Exception:
                logger.exception("%s failed", self.name)
                raise

    def give_up(self, *, circumstances: dict[str, Any], **arguments: Any) -> None:
        """Call the failure hook."""
        if self.failure_hook is None:
            return
        with _restored_circumstances(**circumstances):
            self.failure_hook(**arguments)


def job(
    name: str, *, retry: BaseRetryStrategy | int | bool = False
) -> Callable[[Callable[..., None]], Job]:
    """Make a function a job: ``@job("webhooks.deliver", retry=3)``. Its arguments must be JSON.

    ``name`` is its name in the queue and never changes, so that no job is lost by an upgrade.
    """
    return lambda function: Job(name, function, retry=retry)


def is_waiting(once: str) -> bool:
    """Whether a job with this ``once`` is in the queue and has not started yet."""
    return prepared.execute_prepared(WAITING, [once])[0][0]


def is_running(lock: str) -> bool:
    """Whether a job with this ``lock`` is running, or has lost its worker and will be put back into the
    queue."""
    return prepared.execute_prepared(RUNNING, [lock])[0][0]


def _circumstances() -> dict[str, Any]:
    """Returns the current tenant, actor and request id, to be stored with a job as JSON."""
    tenant = tenancy.current()
    return {
        "tenant": tenant and tenant.pk,
        "actor": asdict(actors.current()),
        "request_id": tracing.request_id(),
    }


@contextmanager
def _restored_circumstances(
    *, tenant: int | None, actor: dict[str, Any], request_id: str | None, losses: int = 0
) -> Iterator[None]:
    """Run the block in the tenant, as the actor and under the request id of the deferring code."""
    found = Tenant.objects.get(pk=tenant) if tenant is not None else None
    if found is not None and found.is_closed:
        raise ShareTaken
    with tenancy.active(found), actors.acting(Actor(**actor)), tracing.request_id_scope(request_id):
        yield


@contextmanager
def one_of_many(tenant: Tenant) -> Iterator[None]:
    """A block for one of many tenants, run by the system. An exception is logged, and does not affect the
    other tenants."""
    try:
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            yield
    except Exception:
        logger.exception("%s: %s failed", tenant.slug, tracing.route())


@app.periodic(cron="* * * * *")
@app.task(name="jobs.rescue", queueing_lock="jobs.rescue", pass_context=True)
async def requeue_lost_jobs(context: Any, timestamp: int) -> None:
    """Put the jobs of dead workers back into the queue; once an hour, delete old finished jobs."""
    manager = context.app.job_manager
    for lost in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENCE):
        try:
            await _put_back(manager, lost)
        except Exception:  # the others are put back all the same
            logger.exception("Job %s (%s) could not be put back.", lost.id, lost.task_name)
            await manager.finish_job(lost, procrastinate.jobs.Status.FAILED, delete_job=False)
    if timestamp // 60 % 60 == 0:
        await manager.delete_old_jobs(
            KEPT_FOR, include_failed=True, include_cancelled=True, include_aborted=True
        )


async def _put_back(manager: Any, lost: procrastinate.jobs.Job) -> None:
    """Put a job back into the queue, or give it up if it has lost its worker too often."""
    given: Any = lost.task_kwargs
    if isinstance(given, str):  # Django makes the driver return JSON as text
        given = orjson.loads(given)
    circumstances = given.get("circumstances")
    if circumstances is None:
        await manager.retry_job(lost)  # a periodic job: the next one does the same
        return
    circumstances["losses"] = losses = circumstances.get("losses", 0) + 1
    if losses < MOST_LOSSES:
        logger.warning("Job %s (%s) was lost with its worker: again.", lost.id, lost.task_name)
        await manager.connector.execute_query_async(COUNT_LOSS, job_id=lost.id, losses=str(losses))
        await manager.retry_job(lost)
        return
    logger.error(
        "Job %s (%s) has lost its worker %s times: it fails.", lost.id, lost.task_name, losses
    )
    await manager.finish_job(lost, procrastinate.jobs.Status.FAILED, delete_job=False)
    if (known := jobs_by_name.get(lost.task_name)) is not None:
        try:
            await sync_to_async(known.give_up)(**given)
        except Exception:  # it has failed in any case
            logger.exception("Nobody was told that job %s (%s) failed.", lost.id, lost.task_name)
