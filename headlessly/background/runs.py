"""What somebody asked for and the background does, part by part: how far it has come, and how it ended."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext as _

from headlessly.access import visibility
from headlessly.access.tenant_rows import TenantRow
from headlessly.context import clock
from headlessly.declaration.fields import PublicId
from headlessly.errors import Conflict


class BackgroundRun(TenantRow):
    """Who asked for it and when, how far it has come, and how it ended."""

    prefix: ClassVar[str]

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    UNFINISHED = (Status.QUEUED, Status.RUNNING)

    id = PublicId()
    dry_run = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=32, db_collation="C")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    message = models.TextField(null=True)  #: why it failed, or why there was nothing to do
    #: Its own event in the log, the cause of all that it does; None for a dry run and until it begins.
    event = models.CharField(max_length=32, null=True, db_collation="C")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def finished(self) -> bool:
        return self.status not in self.UNFINISHED

    @classmethod
    def visible(cls) -> models.QuerySet[Self]:
        """Those that the actor may see, newest first: a manager's are all, others' are their own."""
        return visibility.made_by_actor(cls.objects.order_by("-created_at", "-id"))

    @classmethod
    def find_unfinished(cls, id: str) -> Self | None:
        """One of the tenant that is still to be done, for the worker that does it."""
        return cls.objects.filter(pk=id, status__in=cls.UNFINISHED).first()

    @classmethod
    def find_visible(cls, id: str) -> Self | None:
        """One of those, whatever was sent as its id; None where there is none."""
        return cls.visible().filter(pk=id).first()

    @classmethod
    def lock_unfinished(cls, id: str, type: str) -> Self:
        """The one with this id, locked until the commit; Conflict, about a ``type``, where it is over."""
        found = cls.objects.select_for_update().get(pk=id)
        if found.finished:
            said = _("This is over: it cannot be stopped.")
            raise Conflict(said, type=type, id=id, status=found.status)
        return found

    def end(self, status: Status, message: str | None = None) -> None:
        """How it ended, and that it did now; not yet written."""
        self.status, self.message, self.finished_at = status, message, clock.now()
