"""The background job that undoes a large request.

First it checks every record and notes what cannot be taken back, by the same rules as an immediate undo,
without changing anything. Then it takes the rest back in parts, the last ones first. A part is one
transaction with its verbs, their events and their outcome. If a worker dies, the next one continues after the
last part, and nothing is done twice. Records that others change meanwhile stay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

from django.db import OperationalError, transaction
from django.db.models import Count, Q
from django.utils import translation
from django.utils.translation import gettext as _
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import JobAborted

from headlessly.access import actors
from headlessly.access.models import User
from headlessly.background.jobs import job, stop_with_worker
from headlessly.context import clock, tracing
from headlessly.context.tenant_scope import every_tenant
from headlessly.errors import HeadlesslyError, Unavailable, problem_of
from headlessly.execution.contention import retry_on_deadlock
from headlessly.log.events import append_event
from headlessly.log.names import REQUEST_UNDONE
from headlessly.notifications.telling import Notice, forget, tell
from headlessly.undo import records
from headlessly.undo.models import Undo, UndoRecord
from headlessly.undo.part import Part, take_back_part

logger = logging.getLogger(__name__)

State = UndoRecord.State

#: How many records are checked, and how many are taken back, in one transaction.
LOOKED_AT, TAKEN = 1_000, 250
#: How long the outcome is kept.
REMEMBERED = timedelta(days=30)


class Stopped(Exception):
    """Another worker has taken over."""


@job(
    "undo.run",
    retry=RetryStrategy(max_attempts=6, exponential_wait=4, retry_exceptions={OperationalError}),
)
def take_back_in_background(undo: str) -> None:
    """Take back a large request, or go on with it."""
    found = Undo.objects.filter(pk=undo).first()
    if found is None:
        return
    if not found.finished:
        Run(found).go()
    elif found.status == Undo.Status.CANCELLED:
        forget_records(found)


@take_back_in_background.on_failure
def give_up(undo: str) -> None:
    """Say of an undo that it brings its workers down."""
    if (found := Undo.find_unfinished(undo)) is not None:
        with translation.override(found.language):
            said = _(
                "It took more time or memory than there is, whenever it was tried. Ask for it again."
            )
            Run(found).fail(said)


class Run:
    """One worker's attempt at an undo."""

    def __init__(self, undo: Undo) -> None:
        self.undo = undo

    def go(self) -> None:
        """Run in the language of the person who asked, so that the saved reasons are in it."""
        with (
            translation.override(self.undo.language),
            tracing.request_id_scope(self.undo.request_id),
        ):
            try:
                self._go()
            except Stopped:
                logger.info("undo %s was gone on with by another", self.undo.pk)
            except (OperationalError, JobAborted):
                raise  # retried later, continuing from here
            except Exception as problem:
                if isinstance(problem_of(problem), Unavailable):
                    raise
                known = isinstance(problem, HeadlesslyError)
                if not known:
                    logger.exception("undo %s failed", self.undo.pk)
                said = problem.message if isinstance(problem, HeadlesslyError) else None
                self.fail(said or _("Something went wrong. Ask for it again."))

    def _go(self) -> None:
        undo = self.undo
        if undo.total is None:
            with self._step():
                records.collect_records(undo)
                undo.status, undo.started_at = Undo.Status.RUNNING, clock.now()
        if not undo.total:
            raise HeadlesslyError(
                _("It only tracked events, and these stay in the log: nothing to take back.")
            )
        while self._look():
            pass
        if undo.event is None:
            with self._step():
                records.keep_what_depends_on_staying(undo)
                self._count()
            if undo.dry_run or not self._count_possible():
                self._end(tried=undo.dry_run)
                return
            with self._step():
                undo.event = self._append_event()
        self._take_all()
        self._end()

    # -- one transaction ------------------------------------------------------------------------

    @contextmanager
    def _step(self) -> Iterator[None]:
        """A transaction in which no other worker can take part; changes of the undo are saved at its end."""
        with transaction.atomic():
            self._hold()
            yield
            self._note()

    def _hold(self) -> None:
        """Lock the undo against other workers. Raises Stopped if another one has taken over."""
        held = Undo.objects.select_for_update().filter(pk=self.undo.pk)
        standing = held.values_list("status", "steps").first()
        if standing is None or standing[0] not in Undo.UNFINISHED or standing[1] != self.undo.steps:
            raise Stopped

    def _note(self) -> None:
        self.undo.steps += 1
        self.undo.save()

    def _append_event(self) -> str:
        """Record in the log that it begins: this event is the cause of everything that it does."""
        undo = self.undo
        return append_event(REQUEST_UNDONE, {"request": undo.request}, undo.request_id).id

    # -- looking and taking back ----------------------------------------------------------------

    def _look(self) -> bool:
        with self._step():
            found = records.judge_records(self.undo, LOOKED_AT)
            self.undo.looked_at += found
        return bool(found)

    def _take_all(self) -> None:
        """Go over the rest round after round, until nothing is left or a round makes no progress.

        A record that goes waits for those that refer to it. From the second round on, both are in one part,
        so that records that refer to each other can go too.
        """
        widely = False
        while True:
            progressed = False
            below: int | None = None
            while (part := self._part(below, widely)) is not None:
                below = part.lowest
                progressed |= self._take(part)
                stop_with_worker()
            if not self._count_possible():
                return
            if not progressed and widely:
                break
            widely = True
        self._keep_the_rest()

    def _part(self, below: int | None, widely: bool) -> Part | None:
        rows = UndoRecord.objects.filter(undo_id=self.undo.pk, state=State.POSSIBLE)
        if below is not None:
            rows = rows.filter(last__lt=below)
        chosen = list(rows.order_by("-last")[:TAKEN])
        return Part.around(self.undo, chosen, widely=widely) if chosen else None

    def _take(self, part: Part) -> bool:
        """Take back what can be of a part; returns whether there was progress."""

        def once() -> bool:
            steps, undone, by_type = self.undo.steps, self.undo.undone, self.undo.by_type
            try:
                return take_back_part(self.undo, part, hold=self._hold, note=self._note_part)
            except Exception:
                self.undo.steps, self.undo.undone, self.undo.by_type = steps, undone, by_type
                raise

        return retry_on_deadlock(cast(Callable[[], bool], once))

    def _note_part(self, undone: dict[str, int], stays: bool) -> None:
        undo = self.undo
        undo.by_type = {name: dict(counts) for name, counts in undo.by_type.items()}
        for name, count in undone.items():
            counts = undo.by_type.setdefault(name, {"undone": 0, "stays": 0})
            counts["undone"] += count
            undo.undone += count
        if stays:
            records.keep_what_depends_on_staying(undo)
            self._count()
        self._note()

    def _keep_the_rest(self) -> None:
        """Keep the records that cannot be taken back in any order, and those that depend on them."""
        left = UndoRecord.objects.filter(undo_id=self.undo.pk, state=State.POSSIBLE)
        with self._step():
            left.exclude(code="").update(state=State.STAYS)
            records.keep_what_depends_on_staying(self.undo)
            said = _("What refers to it could not be taken back.")
            left.update(state=State.STAYS, code="referred", message=said)
            self._count()

    # -- counting -------------------------------------------------------------------------------

    def _count_possible(self) -> int:
        return UndoRecord.objects.filter(undo_id=self.undo.pk, state=State.POSSIBLE).count()

    def _count(self) -> None:
        """Count by noun the records that stay and those that are as they were."""
        undo = self.undo
        counts = {name: {"undone": c["undone"], "stays": 0} for name, c in undo.by_type.items()}
        undo.stays = undo.as_it_was = 0
        stays, same = Q(state=State.STAYS, told=True), Q(state=State.SAME)
        rows = UndoRecord.objects.filter(undo_id=undo.pk, state__in=(State.STAYS, State.SAME))
        found = rows.values("type").annotate(
            stay=Count("pk", filter=stays), same=Count("pk", filter=same)
        )
        for each in found.order_by("type"):
            undo.stays += each["stay"]
            undo.as_it_was += each["same"]
            if each["stay"]:
                counts.setdefault(each["type"], {"undone": 0, "stays": 0})["stays"] = each["stay"]
        undo.by_type = counts

    # -- the end --------------------------------------------------------------------------------

    def _end(self, *, tried: bool = False) -> None:
        """Save the result, and delete the notes about all records except those that stay."""
        undo = self.undo
        with self._step():
            if tried:
                self._count_what_would_be()
            else:
                self._count()
            undo.end(Undo.Status.COMPLETED, None if undo.undone else _nothing(undo))
            forget_records(undo)
            tell_whose_it_is(undo)

    def _count_what_would_be(self) -> None:
        undo = self.undo
        rows = UndoRecord.objects.filter(undo_id=undo.pk, state=State.POSSIBLE, told=True)
        for name, count in rows.values_list("type").annotate(Count("pk")).order_by("type"):
            undo.by_type.setdefault(name, {"undone": 0, "stays": 0})["undone"] = count
            undo.undone += count

    def fail(self, message: str) -> None:
        """End it with an error; what has been taken back so far remains so."""
        try:
            with self._step():
                self.undo.end(Undo.Status.FAILED, message)
                forget_records(self.undo)
                tell_whose_it_is(self.undo)
        except Stopped:
            pass


def forget_records(undo: Undo) -> None:
    """Delete the notes about the records of a finished undo, except for those that stay."""
    UndoRecord.objects.filter(undo_id=undo.pk).exclude(state=State.STAYS).delete()


def tell_whose_it_is(undo: Undo, by: str = actors.SYSTEM.id) -> None:
    """Notify the person who asked, so that they need not wait at its page; not if they stopped it
    themselves."""
    if undo.dry_run or not undo.created_by.startswith(f"{User.prefix}_"):
        return
    occasion = f"{undo.pk}:{undo.status}"
    tell([Notice("undo_done", undo.created_by, occasion, by, excerpt=str(undo.undone))])


def _nothing(undo: Undo) -> str:
    if undo.stays:
        first = UndoRecord.objects.filter(undo_id=undo.pk, state=State.STAYS, told=True).first()
        why = first.reason if first is not None else ""
        return _("Nothing of this can be taken back: %s") % why
    return _("This has been taken back already, or it is as it was before.")


@app.periodic(cron="37 3 * * *")
@app.task(name="undo.clear", queueing_lock="undo.clear")
@every_tenant()
def clear_old_undos(timestamp: int = 0) -> None:
    """Delete old undos and their results."""
    old = Undo.objects.filter(created_at__lt=clock.now() - REMEMBERED)
    UndoRecord.objects.filter(undo__in=old).delete()
    for tenant, id in old.values_list("tenant", "pk"):
        forget(tenant, "undo_done", id)
    old.delete()
