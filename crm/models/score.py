"""What the counting of scores keeps for itself: which leads are counted next, and how far a recount is."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.database.tenant_joins import TenantForeignKey


class ScoreDue(TenantRow):
    """When the score of a lead is next another one by time alone: only of those whose score will be."""

    lead = TenantForeignKey("crm.Lead", models.CASCADE, related_name="+", db_index=False)
    due_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "lead"], name="one_due_a_lead")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "due_at"], name="score_due_by_moment")]

    def __str__(self) -> str:
        return str(self.lead_id)


class ScoreRun(TenantRow):
    """The last recount of all leads of a tenant: where it is, so that it goes on after a worker died.

    There are two of them, one from the oldest lead on and one from the newest back, until they meet: two
    workers count at once, and neither waits for the other.
    """

    descends = models.BooleanField(default=False)
    #: The event that asked for it: that of the change of a rule.
    cause = models.CharField(max_length=32, db_collation="C")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    #: The last lead that was counted; empty before the first.
    place = models.CharField(max_length=32, default="", db_collation="C")
    counted = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    #: By which rules, each in its version, all are counted; None before it began.
    counted_by = models.TextField(null=True)
    #: How often in a row it failed, and why the last time.
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    because = models.TextField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "descends"], name="one_score_run_a_way")
        ]

    def __str__(self) -> str:
        return str(self.started_at)
