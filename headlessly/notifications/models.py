"""What somebody is told, who follows what, and how far the log was read for it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.models import User
from headlessly.access.tenant_rows import TenantRow
from headlessly.declaration.fields import PublicId
from headlessly.log.readers import LogReader


class Notification(TenantRow):
    """One thing that one person is told. What it says is made when it is read: by then names may have
    changed, and what they may see."""

    prefix: ClassVar[str] = "notification"

    id = PublicId()
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=32, db_collation="C")
    #: What makes it one: of the same kind and occasion somebody is told once, and how often it happened.
    occasion = models.CharField(max_length=128, db_collation="C")
    count = models.PositiveIntegerField(default=1)
    #: The first of those with which it is shown as one; None where it is the first, or alone.
    part_of = models.CharField(max_length=32, null=True, db_collation="C")
    #: How many more are shown with this one, which is the first of them.
    parts = models.PositiveIntegerField(default=0, db_default=0)
    #: The record that it is about, of several the first; None of what is about none.
    record = models.CharField(max_length=32, null=True, db_collation="C")
    record_type = models.CharField(max_length=64, null=True, db_collation="C")
    actor = models.CharField(max_length=32, db_collation="C")
    #: What was written, shortened, or the name of what it is about where that is no record.
    excerpt = models.CharField(max_length=200, blank=True, default="")
    in_browser = models.BooleanField()
    by_mail = models.BooleanField()
    created_at = models.DateTimeField()
    #: When it was read: of the first of several, when all of them had been.
    read_at = models.DateTimeField(null=True)
    #: When the first of several was read itself.
    first_read_at = models.DateTimeField(null=True)
    #: The letter in which it is sent, from before it is: a letter that is sent again is the same one.
    letter = models.CharField(max_length=32, null=True, db_collation="C")
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user", "kind", "occasion"], name="notification_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "user", "-created_at", "-id"], name="notification_by_created",
                condition=models.Q(in_browser=True),
            ),
            models.Index(
                fields=["tenant", "user"], name="notification_unread",
                condition=models.Q(in_browser=True, read_at=None),
            ),
            models.Index(
                fields=["tenant", "user", "created_at"], name="notification_to_mail",
                condition=models.Q(by_mail=True, mailed_at=None),
            ),
            models.Index(fields=["tenant", "created_at"], name="notification_by_age"),
            models.Index(
                fields=["tenant", "part_of"], name="notification_parts",
                condition=models.Q(part_of__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id}"


class Follower(TenantRow):
    """Who wants to be told what becomes of a record."""

    pk = models.CompositePrimaryKey("tenant_id", "record", "user_id")
    record = models.CharField(max_length=32, db_collation="C")
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)

    def __str__(self) -> str:
        return f"{self.user_id} follows {self.record}"


class NotificationReader(LogReader):
    """How far a tenant's log and clock were read. Where there is none, nothing was: it begins at the start of
    the log, of which only what happened lately is told."""

    ticked_at = models.DateTimeField(null=True)
