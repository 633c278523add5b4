"""The undo of a large request: its progress, and the outcome for each record."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext as _

from headlessly.access.tenant_rows import TenantRow
from headlessly.background.runs import BackgroundRun
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration import labels
from headlessly.declaration.registry import registry
from headlessly.language.wording import SUBJECT


class Undo(BackgroundRun):
    """The undo of one large request, in the background; its event is ``Request.Undone``."""

    prefix = "undo"

    request = models.CharField(max_length=64, db_collation="C")  #: the request that is taken back
    #: The request id of the undo itself: undoing that restores everything.
    request_id = models.CharField(max_length=64, db_collation="C")
    language = models.CharField(max_length=16)
    #: Counts its transactions: a worker that returns late has another number, and stops.
    steps = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)  #: records; None until they are counted
    looked_at = models.PositiveIntegerField(default=0)  #: how many of them were checked
    undone = models.PositiveIntegerField(default=0)
    stays = models.PositiveIntegerField(default=0)
    as_it_was = models.PositiveIntegerField(default=0)  #: records with nothing left to take back
    by_type = models.JSONField(default=dict)  #: ``{"Lead": {"undone": 3, "stays": 1}}``
    tracked = models.PositiveIntegerField(default=0)  #: tracked events, which stay in the log

    class Meta:
        constraints: ClassVar = [
            # Asked twice it is one.
            models.UniqueConstraint(
                fields=["tenant", "request", "dry_run"],
                condition=models.Q(status__in=["queued", "running"]),
                name="one_undo_at_work",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="undo_by_created"),
            models.Index(fields=["tenant", "request", "-created_at"], name="undo_by_request"),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def done(self) -> int:
        """How many records are finished."""
        return self.undone + self.stays + self.as_it_was

    def as_json(self) -> dict[str, Any]:
        """Returns what programs see of it."""
        return {
            "$type": "LargeUndo",
            "$id": self.pk,
            "$createdAt": self.created_at,
            "$createdBy": self.created_by,
            "request": self.request,
            "requestId": self.request_id,
            "event": self.event,
            "dryRun": self.dry_run,
            "status": str(self.status),
            "message": self.message,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "total": self.total,
            "lookedAt": self.looked_at,
            "undone": self.undone,
            "stays": self.stays,
            "asItWas": self.as_it_was,
            "byType": self.by_type,
            "trackedEvents": self.tracked,
        }


class UndoRecord(TenantRow):
    """A record that the request changed, until it is taken back; or one that stays, with the reason."""

    class State(models.TextChoices):
        NEW = "new"  #: not checked yet
        POSSIBLE = "possible"  #: it can be taken back
        SAME = "same"  #: nothing to take back, but it may refer to a record that goes
        STAYS = "stays"

    undo = TenantForeignKey(Undo, models.CASCADE, related_name="records", db_index=False)
    record = models.CharField(max_length=32, db_collation="C")
    type = models.CharField(max_length=64)  #: the name of its noun
    first = models.BigIntegerField()  #: the numbers of its first and last event in the request
    last = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEW)
    goes = models.BooleanField(default=False)  #: whether the undo deletes it
    #: The records that it refers to now, those whose events caused its own, and those that it will no longer
    #: refer to.
    refers = ArrayField(models.CharField(max_length=32), default=list)
    causes = ArrayField(models.CharField(max_length=32), default=list)
    leaves = ArrayField(models.CharField(max_length=32), default=list)
    name = models.TextField(default="")
    code = models.CharField(max_length=16, default="")  #: why it stays
    message = models.TextField(default="")
    fields = models.JSONField(default=list)
    since = models.JSONField(null=True)  #: the later event that is in the way
    #: For a record that depends on another one that stays: how, and the other's noun.
    tie = models.CharField(max_length=8, default="")
    other = models.CharField(max_length=64, default="")
    told = models.BooleanField(default=True)  #: whether the person who asked may see it

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "undo", "record"], name="undone_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "undo", "state", "-last"], name="undo_next_records"),
            # Finds the records that refer to any of a part's, which may have up to 2,000.
            GinIndex(fields=["tenant", "refers"], name="undo_records_by_refers"),
        ]

    def __str__(self) -> str:
        return self.name or self.record

    @property
    def reason(self) -> str:
        """Why it stays, in a sentence."""
        if self.message or self.other not in registry:
            return self.message
        said = {
            "leaves": _("It led to %(what)s, which stays."),
            "cause": _("It came of what was done to %(what)s, which stays."),
            "refers": _("What refers to it stays: %(what)s."),
        }[self.tie]
        return said % {"what": labels.the_noun(registry[self.other], SUBJECT)}

    def as_json(self) -> dict[str, Any]:
        """Returns it as an immediate undo returns a record that stays."""
        return {
            "type": self.type,
            "id": self.record,
            "name": self.name,
            "reason": self.code,
            "message": self.reason,
            "fields": self.fields,
            "since": self.since,
        }
