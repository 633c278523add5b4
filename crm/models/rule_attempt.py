"""Work that a rule still has to do for a record: it failed, or somebody asked for it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.database.tenant_joins import TenantForeignKey


class RuleAttempt(TenantRow):
    """A record for which a rule is tried again, as it failed, or is tried because somebody asked.

    The row is deleted when the rule succeeds. Attempts that are given up are kept for a while, to be looked
    at.
    """

    rule = TenantForeignKey("crm.Rule", models.CASCADE, related_name="+", db_index=False)
    rule_version = models.PositiveIntegerField()
    record = models.CharField(max_length=32, db_collation="C")
    record_type = models.CharField(max_length=64)
    #: The last failure; None if somebody asked for it and it has not been tried.
    because = models.TextField(null=True)
    failures = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    #: When it is tried next; None if it has been given up.
    next_at = models.DateTimeField(null=True)
    #: When somebody asked for the rule to be tried on this record; None if nobody did.
    asked_at = models.DateTimeField(null=True)
    #: The request that asked for it.
    request_id = models.CharField(max_length=64, null=True, db_collation="C")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "rule", "record"], name="one_attempt_a_record"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "next_at", "id"],
                condition=models.Q(next_at__isnull=False),
                name="rule_attempt_due",
            ),
            models.Index(
                fields=["tenant", "rule", "-last_at", "-id"],
                condition=models.Q(because__isnull=False),
                name="rule_attempt_newest",
            ),
            models.Index(fields=["tenant", "last_at"], name="rule_attempt_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} for {self.record}"

    @property
    def is_asked(self) -> bool:
        """Whether only this rule is tried because somebody asked, even if it had failed before."""
        return self.asked_at is not None or self.because is None

    def as_json(self) -> dict[str, Any]:
        """Returns the attempt in the form that JSON gives."""
        return {
            "rule": self.rule_id,
            "ruleVersion": self.rule_version,
            "record": self.record,
            "recordType": self.record_type,
            "because": self.because,
            "failures": self.failures,
            "firstAt": self.first_at,
            "lastAt": self.last_at,
            "nextAt": self.next_at,
            "askedAt": self.asked_at,
        }
