"""`manage.py work`: runs background jobs. `serve` starts one of these besides itself."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app

from headlessly.background.clock_ticks import follow_the_clock
from headlessly.background.garbage import settle_garbage
from headlessly.background.jobs import job_places
from headlessly.background.putting_back import WorkersJobManager
from headlessly.background.worker import end_with_parent
from headlessly.database.pooler import pooler_problem
from headlessly.database.roles import connect_directly, name_connections
from headlessly.database.timeouts import bound_connections
from headlessly.log.offsets import restored_log_problem

#: Timeout for one statement of a job, in seconds: those of an import are long, but not endless.
STATEMENT_SECONDS = 600

#: How many seconds a job has to finish when the worker is stopped. A longer one is then asked to stop,
#: which must fit into what remains until the supervisor kills the worker.
GRACE = 5


class Command(BaseCommand):
    help = (
        "Run background jobs (imports, rules, letters, webhooks) until stopped; SIGTERM lets those at "
        "work finish."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="jobs at once (4)")
        parser.add_argument(
            "--until-idle", action="store_true", help="stop when nothing is left to do now"
        )
        parser.add_argument("--beside-server", action="store_true", help="end when `serve` does")

    def handle(self, *, concurrency: int, until_idle: bool, beside_server: bool, **_: Any) -> None:
        if beside_server:
            end_with_parent()
        connect_directly()
        name_connections("work")
        bound_connections(STATEMENT_SECONDS)
        job_places.size = concurrency
        if problem := restored_log_problem() or pooler_problem():
            raise CommandError(problem)
        parameters = connection.get_connection_params()
        connector = PsycopgConnector(
            kwargs={k: v for k, v in parameters.items() if k not in ("context", "cursor_factory")},
            min_size=1,
            max_size=concurrency + 2,
        )
        # Another app with the same tasks: jobs that they defer are still stored through Django's
        # connection, in the current transaction, which `replace_connector` would change.
        worker = app.with_connector(connector)
        worker.job_manager = WorkersJobManager(connector)

        async def work() -> None:
            async with worker.open_async():
                await worker.run_worker_async(
                    concurrency=concurrency,
                    wait=not until_idle,
                    listen_notify=not until_idle,
                    delete_jobs="successful",
                    shutdown_graceful_timeout=GRACE,
                )

        follow_the_clock()
        settle_garbage()
        asyncio.run(work())
