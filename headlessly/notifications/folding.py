"""Many of one kind become one: what somebody is told within some minutes, and has not read, is shown as one
row that opens to its parts.

Each stays a notification of its own. The first of them is the row: it is unread as long as one of them is,
and the others say whose parts they are. Of records that are given to somebody in thousands, by a file, no
more than ``MOST`` of a row are kept singly: the others are counted at the row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import F

from headlessly.notifications.models import Notification

#: For how long after the first of them more are added to it.
WINDOW = timedelta(minutes=10)
#: At most this many are folded into one.
MOST = 50


class FoldKey(NamedTuple):
    """What notifications that are shown as one have in common."""

    user: str
    kind: str
    record_type: str | None
    about: str  #: what their words have in common beside the kind
    in_browser: bool


def fold_key(
    user: str, kind: str, record_type: str | None, occasion: str, actor: str, *, in_browser: bool
) -> FoldKey | None:
    """With which others one is shown; None where it stands alone, as its words are what it is there for."""
    match kind:
        case "mentioned" | "webhook" | "import_done" | "undo_done":
            return None
        case "view":  # of one view what entered, and what left
            about = ":".join(occasion.split(":")[:2])
        case "rule":
            about = actor
        case _:
            about = ""
    return FoldKey(user, kind, record_type, about, in_browser)


def key_of(each: Notification) -> FoldKey | None:
    """With which others this one is shown."""
    said = (each.user_id, each.kind, each.record_type, each.occasion, each.actor)
    return fold_key(*said, in_browser=each.in_browser)


@dataclass
class Row:
    """The first of several, as it is added to."""

    id: str
    parts: int
    new: int = 0  #: parts that were added
    more: int = 0  #: those that are counted alone


class Rows:
    """The rows to which something may be added, from when they are read to the end of the transaction.

    One that somebody is just reading, or that is just mailed, is not waited for: the next begins another row.
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
        """The row to which one with this key is added, unless it is full."""
        found = self._rows.get(key) if key is not None else None
        return found if found is not None and found.parts + found.new + 1 < MOST else None

    def count(self, key: FoldKey | None, times: int) -> bool:
        """Count what has no place of its own any more; returns whether there is a full row for it."""
        found = self._rows.get(key) if key is not None else None
        if found is None or self.find(key) is not None:
            return False
        found.more += times
        return True

    def begin(self, key: FoldKey | None, id: str) -> None:
        """From now on this one is the row."""
        if key is not None:
            self._rows[key] = Row(id, 0)

    def save(self) -> None:
        """Note what was added."""
        for row in self._rows.values():
            if row.new or row.more:
                Notification.objects.filter(pk=row.id).update(
                    parts=F("parts") + row.new, count=F("count") + row.more
                )


def parts_of(rows: Iterable[Notification]) -> dict[str, list[Notification]]:
    """What is shown with each of these, the oldest first, by the id of the row."""
    several = [each.pk for each in rows if each.parts]
    found: dict[str, list[Notification]] = defaultdict(list)
    if several:
        below = Notification.objects.filter(part_of__in=several)
        for each in below.order_by("created_at", "id"):
            found[each.part_of or ""].append(each)
    return found
