"""Background runs that somebody has requested, with their progress and result."""

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
    """Who requested it and when, its progress, and how it ended."""

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
    #: The id of its own event in the log, which causes all others; None for a dry run, and before it begins.
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
        """Returns the runs that the actor may see, newest first: managers see all, others their own."""
        return visibility.made_by_actor(cls.objects.order_by("-created_at", "-id"))

    @classmethod
    def find_unfinished(cls, id: str) -> Self | None:
        """Returns an unfinished run of the tenant, for its worker, or None."""
        return cls.objects.filter(pk=id, status__in=cls.UNFINISHED).first()

    @classmethod
    def find_visible(cls, id: str) -> Self | None:
        """Returns a visible run with this id, which may be any text, or None."""
        return cls.visible().filter(pk=id).first()

    @classmethod
    def lock_unfinished(cls, id: str, type: str) -> Self:
        """Returns the run with this id, locked until the commit. Raises Conflict, about a ``type``, if it is
        over."""
        found = cls.objects.select_for_update().get(pk=id)
        if found.finished:
            said = _("This is over: it cannot be stopped.")
            raise Conflict(said, type=type, id=id, status=found.status)
        return found

    def end(self, status: Status, message: str | None = None) -> None:
        """Set the final status and the time, without saving."""
        self.status, self.message, self.finished_at = status, message, clock.now()
