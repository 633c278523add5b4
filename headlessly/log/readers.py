"""The positions up to which the log of a tenant was read by jobs that handle each event once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.log.events import Event, LogPosition

#: How many events are handled in one transaction.
PAGE = 500


class LogReader(TenantRow):
    """The position of a reader in a tenant's log. It moves in the transaction that writes the results, and
    never skips an event: each is handled once, however often a job is killed."""

    class Meta:
        abstract = True

    tenant = models.OneToOneField(
        "headlessly.Tenant", models.CASCADE, related_name="+", primary_key=True
    )
    xid = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.position} of {self.tenant_id}"

    @property
    def position(self) -> LogPosition:
        return LogPosition(self.xid, self.seq)

    def next_events(self, columns: Iterable[str]) -> list[Any]:
        """Returns the next page of events with these columns, ``xid`` and ``seq``."""
        found = Event.log.settled_after(self.position)
        return list(found.values_list("xid", "seq", *columns, named=True)[:PAGE])

    def move_past(self, page: Sequence[Any]) -> tuple[bool, bool]:
        """Mark this page as read. Returns whether there are more events, and whether there are more that
        cannot be read yet."""
        if page:
            self.xid, self.seq = int(page[-1].xid), page[-1].seq
            self.save(update_fields=["xid", "seq"])
        more = len(page) == PAGE
        return more, not more and Event.log.all_after(self.position).exists()
