"""The runs of automations: which steps were done after an event, and which come next."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration.fields import PublicId


class RuleRun(TenantRow):
    """One run of an automation: of a rule in one version, after an event of a record.

    It is created in the transaction of the event. It has no steps until the rule's condition has been
    checked.
    """

    RUNNING, WAITING, RETRYING = "Running", "Waiting", "Retrying"
    DONE, FAILED, STOPPED = "Done", "Failed", "Stopped"
    OPEN = (RUNNING, WAITING, RETRYING)
    STATES = (*OPEN, DONE, FAILED, STOPPED)
    prefix: ClassVar[str] = "run"

    id = PublicId()
    rule = TenantForeignKey("crm.Rule", models.CASCADE, related_name="+", db_index=False)
    rule_version = models.PositiveIntegerField()
    #: The event that caused the run; None if somebody asked for it.
    event = models.CharField(max_length=32, null=True, db_collation="C")
    event_name = models.CharField(max_length=255, null=True)
    #: The request that the run's actions belong to: that of the event, or of the person who asked. After each
    #: wait it is a new one.
    request_id = models.CharField(max_length=64, null=True, db_collation="C")
    record = models.CharField(max_length=32, db_collation="C")
    record_type = models.CharField(max_length=64)
    #: When the event happened, or when somebody asked: waits are counted from here.
    moment = models.DateTimeField()
    state = models.CharField(max_length=16, default=RUNNING)
    #: The steps as they were written, each with its state, and when and what was done.
    steps = models.JSONField(null=True)
    position = models.PositiveSmallIntegerField(default=0)
    #: When the next step is due; None if the run is over.
    next_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Why it failed, is tried again, or was stopped.
    because = models.TextField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "event", "rule"], name="one_run_an_event")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "next_at", "id"], name="rule_run_due",
                condition=models.Q(next_at__isnull=False),
            ),
            models.Index(fields=["tenant", "rule", "-moment", "-id"], name="rule_run_newest"),
            models.Index(
                fields=["tenant", "rule", "state", "-moment", "-id"], name="rule_run_by_state"
            ),
            models.Index(
                fields=["tenant", "record"], name="rule_run_open",
                condition=models.Q(next_at__isnull=False),
            ),
            models.Index(
                fields=["tenant", "ended_at"], name="rule_run_by_end",
                condition=models.Q(ended_at__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.rule_id} for {self.record}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    def as_json(self) -> dict[str, Any]:
        """Returns the run in the form that JSON gives."""
        return {
            "id": self.pk,
            "rule": self.rule_id,
            "ruleVersion": self.rule_version,
            "record": self.record,
            "recordType": self.record_type,
            "event": self.event,
            "eventName": self.event_name,
            "moment": self.moment,
            "state": self.state,
            "because": self.because,
            "nextAt": self.next_at,
            "endedAt": self.ended_at,
            "steps": self.steps or [],
        }
