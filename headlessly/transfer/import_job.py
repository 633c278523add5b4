"""An import at work, in the background.

Rows are taken in chunks. A chunk is one transaction with its rows, their events, its refusals and the
number of rows that are dealt with; whoever takes over from a worker that died goes on after that number.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import orjson
from django.db import OperationalError, transaction
from django.db.models import F
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from headlessly.access import tenancy
from headlessly.background.jobs import job
from headlessly.context import running
from headlessly.declaration.values import UNSTORABLE
from headlessly.errors import HeadlesslyError
from headlessly.execution import executor
from headlessly.log.events import dump_json
from headlessly.transfer import formats
from headlessly.transfer import stored_file as content
from headlessly.transfer.bulk_create import Gathering
from headlessly.transfer.formats import Row, Unreadable
from headlessly.transfer.import_rows import Outcome, Taker, told
from headlessly.transfer.models import Import, ImportPart, RefusedRow
from headlessly.transfer.stored_file import Gone

logger = logging.getLogger(__name__)

#: How many rows are one transaction, and how many where each has a savepoint and hooks of its own.
CHUNK, SINGLY = 1_000, 50
#: How many names of entries are remembered of a file of objects: the columns of its refused rows.
MOST_NAMES = 500
#: How much of a row that was refused is kept, in bytes.
KEPT = 200_000
#: How long refused rows are kept, and how long an import may take before it is given up.
REMEMBERED, PATIENCE = timedelta(days=30), timedelta(days=3)
#: How long the file of a dry run is kept, to be imported without being sent again.
TRIED = timedelta(days=1)


class Stopped(Exception):
    """The import is not this worker's any more: it was cancelled, or another one has gone on with it."""


@job(
    "imports.run",
    retry=RetryStrategy(max_attempts=6, exponential_wait=4, retry_exceptions={OperationalError}),
)
def run(source: str) -> None:
    """Do an import, or go on with one."""
    found = Import.objects.filter(pk=source, tenant_id=tenancy.require().pk).first()
    if found is not None and not found.finished:
        Run(found).go()


class Run:
    """One worker's attempt at an import."""

    def __init__(self, source: Import) -> None:
        self.source = source

    def go(self) -> None:
        try:
            self._begin()
            self.taker = Taker(self.source)
            for chunk in _chunks(islice(self._rows(), self.source.done, None), CHUNK):
                self._take(chunk)
            self._end(Import.Status.COMPLETED)
        except (Stopped, Gone):
            logger.info("import %s was stopped", self.source.pk)
        except OperationalError:
            raise  # again later, from where it was
        except Unreadable as problem:
            self._fail(str(problem))
        except Exception as problem:
            if not isinstance(problem, HeadlesslyError):
                logger.exception("import %s failed", self.source.pk)
            self._fail(told(problem)[0]["message"])

    def _rows(self) -> Iterator[Row]:
        with content.opened(self.source) as file:
            yield from formats.rows(file, self.source.format, self.source.delimiter)

    def _begin(self) -> None:
        """Count the rows, which also tells whether the file can be read to its end."""
        source = self.source
        if source.total is None:
            names: dict[str, None] = {}
            total = 0
            for row in self._rows():
                total += 1
                if isinstance(row.content, dict) and len(names) < MOST_NAMES:
                    names.update(dict.fromkeys(islice(row.content, MOST_NAMES)))
            source.total = total
            source.columns = source.columns or [UNSTORABLE.sub("\ufffd", n) for n in names]
        if source.dry_run and source.done:
            # It was rolled back, and what it had seen is forgotten: from the start.
            source.rows.all().delete()
            source.done = source.created = source.updated = source.unchanged = source.refused = 0
        self._change(
            status=Import.Status.RUNNING,
            started_at=source.started_at or _now(),
            **{name: getattr(source, name) for name in (
                "total", "columns", "done", "created", "updated", "unchanged", "refused")},
        )  # fmt: skip

    def _change(self, **values: Any) -> None:
        """Write to an import that is still this worker's. Raises Stopped."""
        mine = Import.objects.filter(pk=self.source.pk, status__in=Import.UNFINISHED)
        if not mine.update(**values):
            raise Stopped
        for name, value in values.items():
            setattr(self.source, name, value)

    def _end(self, status: str, message: str | None = None) -> None:
        with transaction.atomic():
            self._change(status=status, message=message, finished_at=_now())
            # What was tried may be done next, with the same file: see imports.go.
            if not (self.source.dry_run and status == Import.Status.COMPLETED):
                content.drop(self.source)

    def _fail(self, message: str) -> None:
        try:
            self._end(Import.Status.FAILED, message)
        except Stopped:
            pass

    # -- chunks -----------------------------------------------------------------------------------

    def _take(self, rows: Sequence[Row]) -> None:
        if self.taker.together:
            try:
                executor.retry_on_deadlock(lambda: self._together(rows))
                return
            except (Stopped, Gone, OperationalError):
                raise
            except Exception:
                # One row is in the way of the others: which, only one by one will tell.
                logger.info("rows %s.. of %s one by one", rows[0].number, self.source.pk)
        for some in _chunks(rows, SINGLY):
            executor.retry_on_deadlock(lambda some=some: self._singly(some))

    def _together(self, rows: Sequence[Row]) -> None:
        gathering: list[Gathering] = []

        def make() -> Gathering:
            gathering.append(self.taker.gathering())
            return gathering[-1]

        with executor.one_transaction(make=make):
            self._hold()
            outcome = self.taker.take_together(rows, gathering[0])
            self._keep(outcome, rows)
        self._kept(outcome, rows)

    def _singly(self, rows: Sequence[Row]) -> None:
        with transaction.atomic():
            self._hold()
            outcome = self.taker.take_singly(rows)
            self._keep(outcome, rows)
        self._kept(outcome, rows)

    def _hold(self) -> None:
        """Let nobody else go on with the import meanwhile. Raises Stopped when somebody has."""
        held = Import.objects.select_for_update().filter(pk=self.source.pk)
        standing = held.values_list("status", "done").first()
        if standing != (Import.Status.RUNNING, self.source.done):
            raise Stopped

    def _keep(self, outcome: Outcome, rows: Sequence[Row]) -> None:
        """What became of the rows, in the transaction of what became of them."""
        if self.source.dry_run:
            running.flush_events()  # the database may have a word to say, too
            transaction.set_rollback(True)
        else:
            self._write(outcome, rows)

    def _kept(self, outcome: Outcome, rows: Sequence[Row]) -> None:
        if self.source.dry_run:
            with transaction.atomic():
                self._hold()
                self._write(outcome, rows)
        self.source.done += len(rows)

    def _write(self, outcome: Outcome, rows: Sequence[Row]) -> None:
        RefusedRow.objects.bulk_create(
            RefusedRow(
                source=self.source,
                row=refusal.row.number,
                problems=dump_json(refusal.problems),
                cells=_said(refusal.row.content),
            )
            for refusal in outcome.refusals
        )
        counts = {name: F(name) + count for name, count in outcome.counts.items()}
        Import.objects.filter(pk=self.source.pk).update(
            done=F("done") + len(rows), refused=F("refused") + len(outcome.refusals), **counts
        )


def _said(content: Any) -> bytes:
    """A row as it was sent, as JSON, as far as that can be said."""
    try:
        found = orjson.dumps(content, default=str)
        if len(found) <= KEPT:
            return found
    except (TypeError, ValueError, RecursionError):
        pass  # half a character, or deeper than JSON is written
    try:
        text = content if isinstance(content, str) else str(content)
    except RecursionError:
        text = "(nested too deeply)"
    return orjson.dumps(text[: KEPT // 4].encode("utf-8", "replace").decode())


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield chunk


def _now() -> datetime:
    from headlessly.context import clock

    return clock.now()


@app.periodic(cron="17 3 * * *")
@app.task(name="imports.clear", queueing_lock="imports.clear")
def clear(timestamp: int = 0) -> None:
    """Forget the refused rows of old imports, and give up those that nobody will finish."""
    now = _now()
    RefusedRow.objects.filter(source__created_at__lt=now - REMEMBERED).delete()
    ImportPart.objects.filter(
        source__status=Import.Status.COMPLETED, source__created_at__lt=now - TRIED
    ).delete()
    lost = Import.objects.filter(status__in=Import.UNFINISHED, created_at__lt=now - PATIENCE)
    for source in lost.filter(created_at__lt=now - PATIENCE):
        Run(source)._fail("It was not done in three days, and was given up.")
