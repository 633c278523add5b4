"""What waits for somebody: leads and deals without activity, and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from crm.models import Activity, Deal, Lead
from crm.reports.deals import open_stages
from headlessly.access import actors
from headlessly.declaration import days
from headlessly.query.reports import Records, Slice, moment_text

OPEN_LEADS = ",".join(Lead.OPEN)


@dataclass(frozen=True)
class Waiting:
    """The number of records that wait in one state, or are due in one stretch of time."""

    name: str
    count: int
    who: Records


def stale_leads(slice: Slice) -> Records:
    """Returns the open leads without activity (lastActivityAt) for longer than leads may rest.

    They are those of now, whatever the period.
    """
    return _stale_records(slice, Lead, status__in=OPEN_LEADS)


def stale_deals(slice: Slice) -> Records:
    """Returns the open deals without activity for longer than deals may rest."""
    return _stale_records(slice, Deal, stage__in=open_stages())


def _stale_records(slice: Slice, noun: Any, **standing: str) -> Records:
    return slice.records(noun, **standing, **{"is": "stale"})


def stale_by_state(slice: Slice) -> dict[str, list[Waiting]]:
    """Returns how many leads and deals are stale, by state. One pass over the open ones of each noun."""
    found = {}
    for records, state, states in (
        (stale_leads(slice), "status", Lead.OPEN),
        (stale_deals(slice), "stage", Deal.OPEN),
    ):
        counts = dict(records.count_groups(state))
        found[records.noun.__name__] = [
            Waiting(name, counts.get(name, 0), records.where(**{f"{state}__in": name}))
            for name in map(str, states)
        ]
    return found


OVERDUE_TASKS, TODAY, THIS_WEEK, AFTERWARDS, SOME_DAY = DUE = (
    "overdue", "today", "this week", "afterwards", "undated"
)  # fmt: skip


def open_tasks(slice: Slice) -> list[Waiting] | None:
    """Returns the open activities of the slice's owner, else of the actor, by when they are due.

    Returns None if neither is a contact.
    """
    person = slice.narrowed.get("owner") or actors.current().contact_id
    if person is None:
        return None
    said = {"assignee__exact": person, "status__in": ",".join(Activity.OPEN)}
    mine = Records(Activity, said, slice.as_of)
    now = "now" if slice.as_of is None else moment_text(slice.as_of)
    midnight = days.start_of_day(slice.today + timedelta(days=1))
    tomorrow, week = moment_text(midnight), moment_text(midnight + timedelta(days=7))
    parts = {
        OVERDUE_TASKS: mine.where(dueAt__lt=now),
        TODAY: mine.where(dueAt__gte=now, dueAt__lt=tomorrow),
        THIS_WEEK: mine.where(dueAt__gte=tomorrow, dueAt__lt=week),
        AFTERWARDS: mine.where(dueAt__gte=week),
        SOME_DAY: mine.where(dueAt__isnull="true"),
    }
    counts = mine.count_parts(parts.values())
    return [Waiting(name, n, who) for (name, who), n in zip(parts.items(), counts, strict=True)]
