"""Which lists are watched, and what was in them when they were looked at last."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.log.readers import LogReader
from headlessly.query.saved_views import View


class WatchedList(TenantRow):
    """The list that a saved view is: for everybody, or, of one that says "me", for one person."""

    view = TenantForeignKey(View, models.CASCADE, related_name="+", db_index=False)
    #: The contact whose list it is; empty for one that is the same for all.
    person = models.CharField(max_length=32, blank=True, default="", db_collation="C")
    #: The query of which the members are; where the view has another now, they are taken anew.
    query = models.TextField(blank=True)
    #: Why it is not looked at, in English; empty where it is.
    problem = models.TextField(blank=True, default="")
    #: When all of it is compared next.
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
    """How far a tenant's log was read for its watched lists. Who changes what is in one holds this row: of
    two at once the second sees what the first wrote."""
