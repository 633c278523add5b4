"""Models of notifications, followers, and the position in the log."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.models import User
from headlessly.access.tenant_rows import TenantRow
from headlessly.declaration.fields import PublicId
from headlessly.log.readers import LogReader


class Notification(TenantRow):
    """A notification for one person. Its text is made when it is read, because names, and what they may
    see, can have changed by then."""

    prefix: ClassVar[str] = "notification"

    id = PublicId()
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=32, db_collation="C")
    #: Identifies it together with the kind: the same occasion is told once, and counted.
    occasion = models.CharField(max_length=128, db_collation="C")
    count = models.PositiveIntegerField(default=1)
    #: The row that it is a part of; None for a row, or a single one.
    part_of = models.CharField(max_length=32, null=True, db_collation="C")
    #: How many parts this row has.
    parts = models.PositiveIntegerField(default=0, db_default=0)
    #: The record that it is about, the first of several; None if it is about none.
    record = models.CharField(max_length=32, null=True, db_collation="C")
    record_type = models.CharField(max_length=64, null=True, db_collation="C")
    actor = models.CharField(max_length=32, db_collation="C")
    #: The shortened text, or the name of its subject if that is no record.
    excerpt = models.CharField(max_length=200, blank=True, default="")
    in_browser = models.BooleanField()
    by_mail = models.BooleanField()
    created_at = models.DateTimeField()
    #: When it was read; a row, when all of it was.
    read_at = models.DateTimeField(null=True)
    #: When the row's own notification was read.
    first_read_at = models.DateTimeField(null=True)
    #: The email in which it is sent, set before that: an email that is sent again has the same content.
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
    """A user who follows a record."""

    pk = models.CompositePrimaryKey("tenant_id", "record", "user_id")
    record = models.CharField(max_length=32, db_collation="C")
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)

    def __str__(self) -> str:
        return f"{self.user_id} follows {self.record}"


class NotificationReader(LogReader):
    """How far a tenant's log and clock have been read. Without a row, nothing was: reading starts at the
    beginning of the log, and only recent events are told."""

    ticked_at = models.DateTimeField(null=True)
