"""The state of counting scores: which leads are counted next, and how far a recount has come."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.database.tenant_joins import TenantForeignKey


class ScoreDue(TenantRow):
    """When the score of a lead changes next merely because time passes. Other leads have no row."""

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
    """The last recount of all leads of a tenant, with its place, so that it can go on if a worker dies.

    There are two rows: one run goes from the oldest lead on, the other from the newest back, until they meet.
    So two workers can count at once without waiting for each other.
    """

    descends = models.BooleanField(default=False)
    #: The event of the change of a rule that caused the recount.
    cause = models.CharField(max_length=32, db_collation="C")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    #: The last lead that was counted; empty before the first.
    place = models.CharField(max_length=32, default="", db_collation="C")
    counted = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    #: The rules, each in its version, by which the leads are counted; None before the run began.
    counted_by = models.TextField(null=True)
    #: How many attempts in a row have failed, and why the last one did.
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    because = models.TextField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "descends"], name="one_score_run_a_way")
        ]

    def __str__(self) -> str:
        return str(self.started_at)
