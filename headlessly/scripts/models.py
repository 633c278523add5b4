"""Proposals: scripts with the events that they would record, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models

from headlessly.access import tenancy
from headlessly.access.tenant_rows import TenantRow
from headlessly.database.instances import new_instance
from headlessly.declaration.fields import PublicId
from headlessly.log.events import Event, EventJson
from headlessly.scripts.script_run import events_json

#: The fields that are kept of a foreseen event.
KEPT_FIELDS = (
    "id",
    "name",
    "target",
    "target_type",
    "actor",
    "timestamp",
    "version",
    "data",
    "previous",
    "cause",
)


class Proposal(TenantRow):
    """A script that waits for approval, with the events that it would record.

    Its events are those of the last trial. ``version`` counts trials, so that nobody approves events that
    they have not seen.
    """

    prefix: ClassVar[str] = "proposal"

    PENDING, STALE, APPROVED, REFUSED = "Pending", "Stale", "Approved", "Refused"
    STATUSES: ClassVar = (PENDING, STALE, APPROVED, REFUSED)
    #: Stale proposals wait as well: they no longer work, but may do so again.
    OPEN: ClassVar = (PENDING, STALE)

    id = PublicId()
    tenant = models.ForeignKey(
        "headlessly.Tenant", models.CASCADE, related_name="proposals", db_index=False
    )
    code = models.TextField()
    note = models.CharField(max_length=500, default="", blank=True)
    status = models.CharField(max_length=16, choices=[(s, s) for s in STATUSES], default=PENDING)
    proposed_by = models.CharField(max_length=32, db_collation="C")
    proposed_at = models.DateTimeField()
    #: The script's clock: the same in every run, so that it has the same result.
    moment = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)
    tried_at = models.DateTimeField()
    foreseen = EventJson(default=list)  #: the events
    value = EventJson(null=True)
    output = models.TextField(default="", blank=True)
    differences = EventJson(null=True)  #: from the trial before, if the data had changed
    problem = EventJson(null=True)  #: why it no longer works
    decided_by = models.CharField(max_length=32, null=True, db_collation="C")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(default="", blank=True)
    event = models.CharField(max_length=32, null=True, db_collation="C")  #: of the script that ran

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "status", "-proposed_at"], name="proposal_by_status"),
            models.Index(fields=["tenant", "-proposed_at"], name="proposal_by_time"),
        ]

    def __str__(self) -> str:
        return self.note or next((line for line in self.code.splitlines() if line.strip()), self.pk)

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def events(self) -> list[Event]:
        """The events that it would record, or did, without a place in the log."""
        unlogged = {"tenant_id": self.tenant_id, "request_id": "", "seq": None}
        return [
            new_instance(
                Event,
                **kept | unlogged | {"timestamp": datetime.fromisoformat(kept["timestamp"])},
            )
            for kept in self.foreseen
        ]

    def as_json(self, *, whole: bool = True) -> dict[str, Any]:
        """Returns the proposal for JSON; without ``whole``, as for a list, without its events."""
        data = {
            "$id": self.pk,
            "$type": "Proposal",
            "$context": tenancy.context_url(),
            "$version": self.version,
            "$createdAt": self.proposed_at,
            "$createdBy": self.proposed_by,
            "note": self.note or None,
            "code": self.code,
            "status": self.status,
            "eventCount": len(self.foreseen),
            "problem": self.problem,
            "differences": self.differences,
            "decidedAt": self.decided_at,
            "decidedBy": self.decided_by,
            "reason": self.reason or None,
            "event": self.event,
        }
        if not whole:
            return data
        return data | {"value": self.value, "output": self.output, **events_json(self.events)}
