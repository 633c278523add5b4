"""Models of watched lists and their members."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.log.readers import LogReader
from headlessly.query.saved_views import View


class WatchedList(TenantRow):
    """The list of a saved view: for everybody, or, if the view says "me", for one person."""

    view = TenantForeignKey(View, models.CASCADE, related_name="+", db_index=False)
    #: The contact whose list it is; empty for everybody's.
    person = models.CharField(max_length=32, blank=True, default="", db_collation="C")
    #: The query that the members were read by. If the view has another one, they are read again.
    query = models.TextField(blank=True)
    #: Why it is not watched, in English; empty if it is.
    problem = models.TextField(blank=True, default="")
    #: When the whole list is compared next.
    due_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "view", "person"], name="watched_once")
        ]

    def __str__(self) -> str:
        return f"{self.view_id} for {self.person or 'everybody'}"


class ListMember(TenantRow):
    """A record that is in a watched list."""

    list = TenantForeignKey(WatchedList, models.CASCADE, related_name="+", db_index=False)
    record = models.CharField(max_length=32, db_collation="C")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "list", "record"], name="member_once")
        ]

    def __str__(self) -> str:
        return f"{self.record} in {self.list_id}"


class ListReader(LogReader):
    """How far a tenant's log has been read for its watched lists. Whoever changes their members locks this
    row, so that the second of two sees what the first wrote."""
