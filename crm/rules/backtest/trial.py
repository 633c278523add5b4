"""Tries a rule on the past: what it would have done over real events, beside what really happened.

Nothing is written: all statements run in read-only transactions. The log is read from the oldest event of the
period on, in pages, and only sums and the first few cases are kept. Each kind of rule registers its function
with :func:`backtests`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from crm.models import Rule
from crm.working_time import NoWorkingTime
from headlessly.access import actors
from headlessly.declaration.paths import WON
from headlessly.declaration.record import Record
from headlessly.errors import BadRequest, Conflict
from headlessly.log import kept
from headlessly.log.events import Event, view_of_event

#: How many events are read at a time, and how many cases are listed one by one.
PAGE, MOST_TOLD = 2_000, 50
#: The most seconds that a trial takes. The rest of the period is left out, and the result says so.
SECONDS = 50
USUAL, LONGEST = timedelta(days=90), timedelta(days=366)


class Happened(NamedTuple):
    """An event, with what trials need of it."""

    timestamp: datetime
    xid: Any
    seq: int
    id: str
    target: str
    target_type: str
    name: str
    view: str | None  #: the view that the record entered or left


@dataclass
class Period:
    """The period whose events are read. `reached` is how far it has been read."""

    begins: datetime
    ends: datetime
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    events: int = 0
    reached: datetime | None = None

    @property
    def is_complete(self) -> bool:
        return self.reached is None


@dataclass
class Tally:
    """A number of records, and how many of them have been won since."""

    count: int = 0
    won: int = 0

    def add(self, won: bool) -> None:
        self.count += 1
        self.won += won

    def as_json(self) -> dict[str, Any]:
        rate = round(self.won / self.count * 100, 1) if self.count else None
        return {"count": self.count, "converted": self.won, "rate": rate}


Trial = Callable[[Rule, Period], dict[str, Any]]
#: The functions that try rules, by kind.
trials: dict[str, Trial] = {}


def backtests(kind: str) -> Callable[[Trial], Trial]:
    """Register the function that tries rules of a kind."""

    def register(trial: Trial) -> Trial:
        trials[kind] = trial
        return trial

    return register


def read_period(begins: datetime | None, ends: datetime | None, now: datetime) -> Period:
    """Returns the requested period, by default the last 90 days. Raises BadRequest or InvalidFilter."""
    ends = min(ends or now, now)
    begins = begins or ends - USUAL
    if begins >= ends:
        raise BadRequest(_("from: send a moment before the end of the period."), field="from")
    if ends - begins > LONGEST:
        raise BadRequest(_("from: a period has %d days at the most.") % LONGEST.days, field="from")
    kept.refuse_before_kept(begins, "from")
    return Period(begins, ends)


def try_on_the_past(rule: Rule, period: Period) -> dict[str, Any]:
    """Returns what a rule would have done in a period. Raises Conflict for a rule that cannot be tried."""
    if rule.kind not in trials or rule.error:
        said = rule.error or _("There is nothing that tries rules of this kind.")
        raise Conflict(said, type="Rule", id=rule.pk)
    try:
        with actors.acting(actors.SYSTEM):
            found = trials[rule.kind](rule, period)
    except NoWorkingTime:
        said = _("As the calendar says nobody works for years.")
        raise Conflict(said, type="Rule", id=rule.pk) from None
    return {
        "rule": rule.pk,
        "version": rule.version,
        "kind": rule.kind,
        "from": period.begins,
        "to": period.ends,
        "complete": period.is_complete,
        "reached": period.reached or period.ends,
        "events": period.events,
    } | found


def read_events(names: Collection[str], period: Period) -> Iterator[list[Happened]]:
    """Yields pages of the events with these names in a period, the oldest first, as long as there is time."""
    after = (period.begins, "0", 0)
    while True:
        with only_reading():
            behind = RawSQL(
                "(headlessly_event.timestamp, headlessly_event.xid, headlessly_event.seq)"
                " > (%s, %s::text::xid8, %s)",
                after,
                models.BooleanField(),
            )
            found = Event.log.filter(behind, name__in=names, target__isnull=False)
            found = found.filter(timestamp__gte=after[0], timestamp__lt=period.ends)
            found = found.annotate(view=view_of_event())
            rows = found.order_by("timestamp", "xid", "seq").values_list(*Happened._fields)
            page = [Happened(*row) for row in rows[:PAGE]]
        period.events += len(page)
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1]
        after = (last.timestamp, str(last.xid), last.seq)
        if time.monotonic() > period.deadline:
            period.reached = last.timestamp
            return


@contextmanager
def only_reading() -> Iterator[None]:
    """A block in which the database refuses to write."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL transaction_read_only = on")
        yield


def won_ids(noun: type[Record], ids: Collection[str]) -> set[str]:
    """Returns which of the records have been won since: deals that are won, leads that are converted."""
    machine = noun.schema.machine
    if machine is None:
        return set()
    states = machine.of_kind(WON) if machine.paths else machine.path[-1:]
    there = noun.with_deleted.filter(pk__in=ids, **{f"{machine.name}__in": states})
    return set(there.order_by().values_list("pk", flat=True))
