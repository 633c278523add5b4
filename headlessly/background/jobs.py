"""Background work, on procrastinate: what one tenant's actor leaves for later.

    @job("webhooks.deliver")
    def deliver(webhook: str) -> None: ...

    deliver.defer(webhook=webhook.pk)

A job is deferred in the transaction at hand: what is undone leaves no job, and no worker sees one before
the commit. It runs later in a worker (``manage.py work``) in the same tenant, by the same actor and under
the same request id. A worker that dies leaves its jobs to the next one, so that a job may run twice: it
must look first what is left to do.

What kills its worker is not done for ever: a job whose worker was lost ``MOST_LOSSES`` times fails, and
says why to whoever waits for it (:meth:`Job.on_failure`), as one does that was tried in vain. One tenant's
jobs take all places of a worker but one.

A job has a name of its own, which stands in the queue: where its function lives may change while it waits.
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

#: How long a worker may be silent before its jobs are another's, in seconds.
SILENCE = 60
#: How often a job may lose its worker before it fails.
MOST_LOSSES = 3
#: How long jobs that are over stay to be looked at, in hours.
KEPT_FOR = 7 * 24
#: How long a job waits at the most until it is tried again, for what is over by itself, in seconds.
LONGEST_PAUSE = 15 * 60
#: How long a job waits that finds no place in its tenant's share, in seconds.
SHARE_PAUSE = 1
#: The priority of such a job from then on, others having 0: some hundred of them, always due again and
#: always the oldest, would never let those of other tenants have the place that is left.
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
#: That it waited for its tenant's share, or for the next worker, is no attempt: those are for what fails.
NOT_TRIED = "UPDATE procrastinate_jobs SET attempts = attempts - 1 WHERE id = %s"

#: Every job by its name.
jobs_by_name: dict[str, Job] = {}


class ShareTaken(Exception):
    """The tenant of a job has all places that it may have, or is just moving to another database; or the job
    has lost a worker, and another such is at work."""


#: Whether the worker of the job at hand is being stopped.
_is_stopping: ContextVar[Callable[[], bool]] = ContextVar("is_stopping", default=lambda: False)


def stop_with_worker() -> None:
    """Between two parts of a long job: raise JobAborted where its worker is being stopped. The job is put
    back in line, and goes on in the next worker."""
    if _is_stopping.get()():
        raise JobAborted


def is_over(until: float) -> bool:
    """Whether a job that lines up again after a while has to do so now: that moment of ``time.monotonic`` is
    over, or its worker is being stopped."""
    return _is_stopping.get()() or time.monotonic() > until


class JobPlaces:
    """The places of a worker for jobs: one tenant has all but one, and so has what is nobody's, as letters
    to people are: each of them waits for a mail server that hangs. Of those that have lost a worker one is at
    work at a time: whichever of them brings workers down is found out, and the others do not fail with it.
    """

    def __init__(self) -> None:
        self.size = 4  #: as `manage.py work` says
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
    """A job's own strategy, and a moment later for one whose tenant has its share. A job that is tried again
    at all is so for as long as what stops it is no fault of its own: a disk may be full for a night."""

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
        self.retry = _Retry(retry)
        made = app.task(name=self.name, retry=self.retry, pass_context=True)
        self.task = made(self.perform)
        self.failure_hook: Callable[..., None] | None = None
        jobs_by_name[name] = self

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
        """Have it done after the commit, or at a moment; returns whether it was put in line.

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

    def hasten(self, once: str) -> None:
        """Have the one that waits as ``once`` until it is tried again begin now, and be tried as often as a
        new one: somebody asked for it. It is seen within some seconds of the commit."""
        prepared.execute_prepared(HASTEN, [once, self.name], rows=False)

    def of_request(self, request_id: str) -> list[dict[str, Any]]:
        """The arguments of those that a request of the active tenant has put in line and are not done."""
        asked = [self.name, tenancy.require().pk, request_id]
        found = prepared.execute_prepared(OF_REQUEST, asked)
        return [orjson.loads(args) if isinstance(args, str) else args for (args,) in found]

    def on_failure(self, hook: Callable[..., None]) -> Callable[..., None]:
        """Decorate what is called, with the job's arguments, when it is given up: it loses its
        workers, or was tried as often as it may be."""
        self.failure_hook = hook
        return hook

    def perform(
        self, context: Any = None, /, *, circumstances: dict[str, Any], **arguments: Any
    ) -> None:
        """Do it as the one who deferred it. ``context`` is the worker's, and knows its row. Raises
        ShareTaken where it has to wait, JobAborted where it goes on in the next worker."""
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
        """Whether it is not tried again after this."""
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
        """Tell whoever waits for it that it will not be done."""
        if self.failure_hook is None:
            return
        with _restored_circumstances(**circumstances):
            self.failure_hook(**arguments)


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


def is_running(lock: str) -> bool:
    """Whether a job with this ``lock`` is at work, or was and has lost its worker: it is put back in line."""
    return prepared.execute_prepared(RUNNING, [lock])[0][0]


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
    *, tenant: int | None, actor: dict[str, Any], request_id: str | None, losses: int = 0
) -> Iterator[None]:
    """Run the block in the tenant, as the actor and under the request id of who deferred the job."""
    found = Tenant.objects.get(pk=tenant) if tenant is not None else None
    if found is not None and found.is_closed:
        raise ShareTaken
    with tenancy.active(found), actors.acting(Actor(**actor)), tracing.request_id_scope(request_id):
        yield


@contextmanager
def one_of_many(tenant: Tenant) -> Iterator[None]:
    """A block for one tenant of many, by the system: what goes wrong there is logged, and keeps none of the
    others waiting."""
    try:
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            yield
    except Exception:
        logger.exception("%s: %s failed", tenant.slug, tracing.route())


@app.periodic(cron="* * * * *")
@app.task(name="jobs.rescue", queueing_lock="jobs.rescue", pass_context=True)
async def requeue_lost_jobs(context: Any, timestamp: int) -> None:
    """Put the jobs of workers that died back in line; once an hour, delete those that are long over."""
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
    """Put a job back in line; give it up where it has lost its worker too often."""
    given: Any = lost.task_kwargs
    if isinstance(given, str):  # Django has the driver leave JSON as text
        given = orjson.loads(given)
    circumstances = given.get("circumstances")
    if circumstances is None:
        await manager.retry_job(lost)  # one of the clock's: the next one does the same
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
        except Exception:  # it has failed all the same
            logger.exception("Nobody was told that job %s (%s) failed.", lost.id, lost.task_name)
