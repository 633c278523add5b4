"""The background job of an import.

Rows are imported in chunks. A chunk is one transaction with its rows, their events, its refusals and the
number of finished rows. If a worker dies, the next one continues after that number.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import JobAborted

from headlessly.access import actors
from headlessly.access.models import User
from headlessly.background.garbage import collecting_later
from headlessly.background.jobs import job, one_of_many, stop_with_worker
from headlessly.context import clock, running, tracing
from headlessly.context.tenant_scope import every_tenant
from headlessly.declaration.registry import registry
from headlessly.declaration.values import as_storable
from headlessly.errors import HeadlesslyError, Unavailable, problem_of
from headlessly.execution import executor
from headlessly.execution.contention import retry_on_deadlock
from headlessly.log.events import append_event, dump_json
from headlessly.log.names import IMPORT_STARTED
from headlessly.notifications.telling import Notice, tell
from headlessly.transfer import storage
from headlessly.transfer import stored_file as content
from headlessly.transfer.bulk_create import Gathering
from headlessly.transfer.import_reading import FileReading
from headlessly.transfer.models import Import, ImportPart, RefusedRow, RowWarning
from headlessly.transfer.options import Options
from headlessly.transfer.outcomes import Outcome, explain_problem
from headlessly.transfer.row_readers import (
    MOST_NAMES,
)
from headlessly.transfer.rows import Row, Unreadable
from headlessly.transfer.stored_file import Gone

logger = logging.getLogger(__name__)

#: How many rows are one transaction, and how many if each needs its own savepoint and hooks.
CHUNK, SINGLY = 1_000, 50
#: How many rows that were imported without some cells are remembered, with the reasons.
MOST_WARNINGS = 10_000
#: How much of a refused row is kept, in bytes.
KEPT = 200_000
#: How long refused rows are kept, and after how long an unfinished import is given up.
REMEMBERED, PATIENCE = timedelta(days=30), timedelta(days=3)
#: How long the file of a dry run is kept, so that it can be imported without being sent again.
TRIED = timedelta(days=1)


class Stopped(Exception):
    """The import no longer belongs to this worker: it was cancelled, or another one has taken over."""


@job(
    "imports.run",
    retry=RetryStrategy(max_attempts=6, exponential_wait=4, retry_exceptions={OperationalError}),
)
def import_in_background(source: str) -> None:
    """Do an import, or go on with one."""
    if (found := Import.find_unfinished(source)) is not None:
        Run(found).go()


@import_in_background.on_failure
def give_up(source: str) -> None:
    """Say of an import that it brings its workers down."""
    if (found := Import.find_unfinished(source)) is not None:
        with translation.override(found.options.get("language", "en")):
            said = _(
                "It took more time or memory than there is, whenever it was tried. Send the file in parts."
            )
            Run(found)._fail(said)


class Run:
    """One worker's attempt at an import."""

    def __init__(self, source: Import) -> None:
        self.source = source
        self.refused_bytes = source.refused_bytes
        self.options = Options(**source.options)
        self.reading = FileReading(source)

    def go(self) -> None:
        """Run in the language and the time zone of the person who sent the file."""
        with (
            translation.override(self.options.language),
            timezone.override(ZoneInfo(self.options.zone)),
        ):
            self._go()

    def _go(self) -> None:
        try:
            self._begin()
            for chunk in _chunks(islice(self.reading.rows(), self.source.done, None), CHUNK):
                self._take(chunk)
                stop_with_worker()
            self._end(Import.Status.COMPLETED)
        except (Stopped, Gone):
            logger.info("import %s was stopped", self.source.pk)
        except (OperationalError, JobAborted):
            raise  # retried later, continuing from here
        except storage.TooManyRefusals:
            self._fail(
                _(
                    "Too many rows were refused to keep them all. Correct the file and send it again."
                )
            )
        except Unreadable as problem:
            self._fail(str(problem))
        except Exception as problem:
            if isinstance(problem_of(problem), Unavailable):
                raise
            if not isinstance(problem, HeadlesslyError):
                logger.exception("import %s failed", self.source.pk)
            self._fail(explain_problem(problem)[0]["message"])

    def _begin(self) -> None:
        """Read all rows once: to check that the file can be read to its end, and to find its notations."""
        source = self.source
        if source.total is None:
            self.reading.look_through()
        if source.dry_run and source.done:
            # A dry run was rolled back, and its findings are lost: start again.
            source.rows.all().delete()
            source.warnings.all().delete()
            source.done = source.created = source.updated = source.unchanged = source.refused = 0
            source.warned, source.already_here, source.made = 0, None, {}
        if source.noun.Surface.files.alike and not source.match:
            source.already_here = source.already_here or 0
        self.taker = self.reading.taker()
        if source.dry_run:
            self.reading.take_samples(self.taker)
        with transaction.atomic(), tracing.request_id_scope() as request_id:
            if not source.dry_run and source.event is None:
                source.event = self._append_event(request_id)
            self._change(
                status=Import.Status.RUNNING,
                started_at=source.started_at or clock.now(),
                **{name: getattr(source, name) for name in (
                    "total", "columns", "unknown", "seen", "below", "done", "created", "updated", "unchanged",
                    "refused", "warned", "already_here", "made", "event", "samples", "words")},
            )  # fmt: skip

    def _append_event(self, request_id: str) -> str:
        """Record in the log that it has started: this event is the cause of everything that it does."""
        source = self.source
        about = {"import": source.pk, "type": source.type, "file": source.filename}
        return append_event(IMPORT_STARTED, about | {"rows": source.total}, request_id).id

    def _change(self, **values: Any) -> None:
        """Save values of an import that still belongs to this worker. Raises Stopped."""
        mine = Import.objects.filter(
            pk=self.source.pk, revision=self.source.revision, status__in=Import.UNFINISHED
        )
        if not mine.update(**values):
            raise Stopped
        for name, value in values.items():
            setattr(self.source, name, value)

    def _end(self, status: str, message: str | None = None) -> None:
        with transaction.atomic():
            self._change(status=status, message=message, finished_at=clock.now())
            self._tell_whose_it_is()
            # The same file may be imported after a dry run: see imports.import_as_tried.
            if not (self.source.dry_run and status == Import.Status.COMPLETED):
                content.drop_file(self.source)

    def _tell_whose_it_is(self) -> None:
        """Notify the person who sent the file, so that they need not wait at its page."""
        source = self.source
        if source.dry_run or not source.created_by.startswith(f"{User.prefix}_"):
            return
        about = source.filename or registry[source.type].plural
        done = Notice("import_done", source.created_by, source.pk, actors.SYSTEM.id, excerpt=about)
        tell([done])

    def _fail(self, message: str) -> None:
        try:
            self._end(Import.Status.FAILED, message)
        except Stopped:
            pass

    # -- chunks -----------------------------------------------------------------------------------

    def _take(self, rows: Sequence[Row]) -> None:
        if self.taker.together:
            try:
                retry_on_deadlock(lambda: self._together(rows))
                return
            except (Stopped, Gone, OperationalError, storage.TooManyRefusals):
                raise
            except Exception:
                # One row is in the way of the others; only one by one can tell which.
                logger.info("rows %s.. of %s one by one", rows[0].number, self.source.pk)
        for some in _chunks(rows, SINGLY):
            retry_on_deadlock(partial(self._singly, some))

    def _together(self, rows: Sequence[Row]) -> None:
        gathering: list[Gathering] = []

        def make() -> Gathering:
            gathering.append(self.taker.gathering())
            return gathering[-1]

        with collecting_later(), executor.one_transaction(make=make):
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
        """Lock the import against other workers. Raises Stopped if another one has taken over."""
        held = Import.objects.select_for_update().filter(pk=self.source.pk)
        standing = held.values_list("status", "done", "revision").first()
        if standing != (Import.Status.RUNNING, self.source.done, self.source.revision):
            raise Stopped

    def _keep(self, outcome: Outcome, rows: Sequence[Row]) -> None:
        """Save the outcome of rows, in their transaction."""
        if self.source.dry_run:
            running.flush_events()  # the database may refuse them as well
            transaction.set_rollback(True)
        else:
            self._write(outcome, rows)

    def _kept(self, outcome: Outcome, rows: Sequence[Row]) -> None:
        if self.source.dry_run:
            with transaction.atomic():
                self._hold()
                self._write(outcome, rows)
        source = self.source
        source.done += len(rows)
        source.warned += len(outcome.warnings)
        source.refused_bytes = self.refused_bytes
        source.made = dict(Counter(source.made) + outcome.made)
        source.unknown = self._unknown_names() or source.unknown

    def _write(self, outcome: Outcome, rows: Sequence[Row]) -> None:
        kept = [
            RefusedRow(
                tenant_id=self.source.tenant_id,
                source=self.source,
                row=refusal.row.number,
                problems=dump_json(refusal.problems),
                cells=_as_sent(refusal.row.content),
            )
            for refusal in outcome.refusals
        ]
        size = sum(len(each.problems) + len(each.cells) for each in kept)
        if self.source.refused_bytes + size > storage.MOST_REFUSED:
            raise storage.TooManyRefusals
        RefusedRow.objects.bulk_create(kept)
        self.refused_bytes = self.source.refused_bytes + size
        room = max(0, MOST_WARNINGS - self.source.warned)
        RowWarning.objects.bulk_create(
            RowWarning(
                tenant_id=self.source.tenant_id,
                source=self.source,
                row=number,
                problems=dump_json(problems),
            )
            for number, problems in outcome.warnings[:room]
        )
        counts: dict[str, Any] = {name: F(name) + count for name, count in outcome.counts.items()}
        if outcome.already_here:
            counts["already_here"] = F("already_here") + outcome.already_here
        if outcome.made:
            counts["made"] = dict(Counter(self.source.made) + outcome.made)
        if unknown := self._unknown_names():
            counts["unknown"] = unknown
        Import.objects.filter(pk=self.source.pk).update(
            done=F("done") + len(rows),
            refused=F("refused") + len(outcome.refusals),
            warned=F("warned") + len(outcome.warnings),
            refused_bytes=self.refused_bytes,
            **counts,
        )

    def _unknown_names(self) -> list[str] | None:
        """Returns the names of entries that are no field, if a file of objects has further ones."""
        known = self.source.unknown
        found = getattr(self.taker.reader, "unknown", {})
        names = dict.fromkeys(as_storable(name)[:255] for name in found)
        new = [name for name in names if name not in known]
        return [*known, *new][:MOST_NAMES] if new else None


def _as_sent(content: Any) -> bytes:
    """Returns a row as it was sent, as JSON, as far as possible."""
    try:
        found = orjson.dumps(content, default=str)
        if len(found) <= KEPT:
            return found
    except (TypeError, ValueError, RecursionError):
        pass  # half a surrogate pair, or nested too deeply
    try:
        text = content if isinstance(content, str) else str(content)
    except RecursionError:
        text = "(nested too deeply)"
    return orjson.dumps(text[: KEPT // 4].encode("utf-8", "replace").decode())


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield chunk


@app.periodic(cron="17 3 * * *")
@app.task(name="imports.clear", queueing_lock="imports.clear")
@every_tenant()
def clear_old_imports(timestamp: int = 0) -> None:
    """Delete the refused rows of old imports, and give up those that nobody will finish."""
    now = clock.now()
    RefusedRow.objects.filter(source__created_at__lt=now - REMEMBERED).delete()
    over = Import.objects.filter(created_at__lt=now - REMEMBERED, refused_bytes__gt=0)
    over.update(refused_bytes=0)
    ImportPart.objects.filter(
        source__status=Import.Status.COMPLETED, source__created_at__lt=now - TRIED
    ).delete()
    RowWarning.objects.filter(source__created_at__lt=now - REMEMBERED).delete()
    lost = Import.objects.filter(status__in=Import.UNFINISHED, created_at__lt=now - PATIENCE)
    for source in lost.select_related("tenant"):
        with one_of_many(source.tenant), translation.override(source.options.get("language", "en")):
            Run(source)._fail(_("It was not done in three days, and was given up."))
