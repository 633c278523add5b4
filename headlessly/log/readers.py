"""How far a tenant's log was read by something that has to look at each event once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.log.events import Event, LogPosition

#: How many events are looked at in one transaction.
PAGE = 500


class LogReader(TenantRow):
    """A tenant's place in its log. It moves in the transaction that writes what became of the events, and
    never skips one: each is looked at once, however often a job is killed."""

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
        """The next page of events, of each these columns, with ``xid`` and ``seq``."""
        found = Event.log.settled_after(self.position)
        return list(found.values_list("xid", "seq", *columns, named=True)[:PAGE])

    def move_past(self, page: Sequence[Any]) -> tuple[bool, bool]:
        """Have this page read. Returns whether there is more to look at, and whether there is more that
        cannot be looked at yet."""
        if page:
            self.xid, self.seq = int(page[-1].xid), page[-1].seq
            self.save(update_fields=["xid", "seq"])
        more = len(page) == PAGE
        return more, not more and Event.log.all_after(self.position).exists()
