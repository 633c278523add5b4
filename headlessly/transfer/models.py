"""What an import is: its file, how far it has come, and the rows it could not take."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
from django.db import models

from headlessly.declaration.fields import PublicId
from headlessly.declaration.registry import registry
from headlessly.nouns import Noun


class Import(models.Model):
    """A file on its way into one noun, and what became of its rows."""

    prefix: ClassVar[str] = "import"

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    UNFINISHED = (Status.QUEUED, Status.RUNNING)

    id = PublicId()
    tenant = models.ForeignKey(
        "headlessly.Tenant", models.CASCADE, related_name="+", db_index=False
    )
    type = models.CharField(max_length=64)  #: the name of the noun
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=32, db_collation="C")
    filename = models.CharField(max_length=255, null=True)
    format = models.CharField(max_length=16)
    delimiter = models.CharField(max_length=1, default=",")
    columns = models.JSONField(default=list)  #: as the file names them
    size = models.BigIntegerField()  #: of the file, in bytes
    match = models.CharField(max_length=64, null=True)  #: by what records are found, on the wire
    dry_run = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    message = models.TextField(null=True)  #: why it failed
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    total = models.PositiveIntegerField(null=True)  #: rows in the file; None until they are counted
    done = models.PositiveIntegerField(default=0)  #: how many of them are dealt with
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="import_by_created")
        ]

    def __str__(self) -> str:
        return self.filename or self.pk

    @property
    def noun(self) -> type[Noun]:
        return registry[self.type]

    @property
    def finished(self) -> bool:
        return self.status not in self.UNFINISHED


class ImportPart(models.Model):
    """A piece of an import's file, there until the import is finished."""

    source = models.ForeignKey(Import, models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "number"], name="one_part")
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.number}"


class RefusedRow(models.Model):
    """A row that was not imported, as it was sent, and why.

    Kept as bytes: what makes a row bad may be what no text column can hold.
    """

    source = models.ForeignKey(Import, models.CASCADE, related_name="rows", db_index=False)
    row = models.PositiveIntegerField()
    problems = models.BinaryField()
    cells = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "row"], name="one_refusal")
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.row}"

    def errors(self) -> list[dict[str, Any]]:
        """What is wrong: ``{row, field, message}``; the field is None where it is the whole row."""
        return [{"row": self.row, **problem} for problem in orjson.loads(self.problems)]

    def values(self) -> Any:
        """The row as it was sent: an object, or the text of a line that could not be read."""
        return orjson.loads(self.cells)
