"""Folds similar notifications: those that somebody gets within some minutes and has not read are shown as
one row that opens to its parts.

Each stays a notification of its own. The first one is the row: it is unread as long as one of them is, and
the others refer to it. If somebody is given thousands of records, by an import, no more than ``MOST``
notifications are stored for a row, and the others are only counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F

from headlessly.notifications.models import Notification

#: How long after the first one others are added to it.
WINDOW = timedelta(minutes=10)
#: How many are folded into one at most.
MOST = 50


class FoldKey(NamedTuple):
    """What notifications of the same row have in common."""

    user: str
    kind: str
    record_type: str | None
    about: str  #: what their texts have in common beside the kind
    in_browser: bool


def fold_key(
    user: str, kind: str, record_type: str | None, occasion: str, actor: str, *, in_browser: bool
) -> FoldKey | None:
    """Returns the key of the row that a notification belongs to; None if it is always shown by itself,
    because its text matters."""
    match kind:
        case "mentioned" | "webhook" | "import_done" | "undo_done":
            return None
        case "view":  # one row for what entered a view, and one for what left it
            about = ":".join(occasion.split(":")[:2])
        case "rule":
            about = actor
        case _:
            about = ""
    return FoldKey(user, kind, record_type, about, in_browser)


def key_of(each: Notification) -> FoldKey | None:
    """Returns the key of the row that this notification belongs to."""
    said = (each.user_id, each.kind, each.record_type, each.occasion, each.actor)
    return fold_key(*said, in_browser=each.in_browser)


@dataclass
class Row:
    """A row and what is being added to it."""

    id: str
    parts: int
    new: int = 0  #: parts that were added
    more: int = 0  #: those that are only counted


class Rows:
    """The rows that can be added to, locked until the end of the transaction.

    A row that is just being read or emailed is not waited for: another one is started.
    """

    def __init__(self, users: Iterable[str], now: datetime) -> None:
        self._rows: dict[FoldKey, Row] = {}
        found = Notification.objects.filter(
            user__in=sorted(users),
            part_of=None,
            read_at=None,
            created_at__gt=now - WINDOW,
            created_at__lte=now + WINDOW,
        ).order_by("created_at", "id")
        for each in found.select_for_update(no_key=True, skip_locked=True):
            if (key := key_of(each)) is not None:
                self._rows[key] = Row(each.pk, each.parts)

    def find(self, key: FoldKey | None) -> Row | None:
        """Returns the row for this key, unless it is full."""
        found = self._rows.get(key) if key is not None else None
        return found if found is not None and found.parts + found.new + 1 < MOST else None

    def count(self, key: FoldKey | None, times: int) -> bool:
        """Counts notifications at a full row. Returns whether there is one."""
        found = self._rows.get(key) if key is not None else None
        if found is None or self.find(key) is not None:
            return False
        found.more += times
        return True

    def begin(self, key: FoldKey | None, id: str) -> None:
        """Makes this notification the row of its key."""
        if key is not None:
            self._rows[key] = Row(id, 0)

    def save(self) -> None:
        """Saves what was added."""
        for row in self._rows.values():
            if row.new or row.more:
                Notification.objects.filter(pk=row.id).update(
                    parts=F("parts") + row.new, count=F("count") + row.more
                )


def parts_of(rows: Iterable[Notification]) -> dict[str, list[Notification]]:
    """Returns the parts of each row, the oldest first, by the id of the row."""
    several = [each.pk for each in rows if each.parts]
    found: dict[str, list[Notification]] = defaultdict(list)
    if several:
        below = Notification.objects.filter(part_of__in=several)
        for each in below.order_by("created_at", "id"):
            found[each.part_of or ""].append(each)
    return found
