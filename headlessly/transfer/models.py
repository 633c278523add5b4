"""Imports: their file, their progress, and the rows that were refused."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.background.runs import BackgroundRun
from headlessly.database.tenant_joins import TenantForeignKey
from headlessly.declaration.registry import registry
from headlessly.nouns import Noun
from headlessly.transfer.encodings import NAMES
from headlessly.transfer.notations import Notation, decide_notations
from headlessly.transfer.rows import Layout

#: An alias, because ``type`` is a column in the models below.
NounClass = type[Noun]


class Import(BackgroundRun):
    """A file being imported into one noun, and the outcome of its rows; its event is ``Import.Started``."""

    prefix = "import"

    type = models.CharField(max_length=64)  #: the name of the noun
    filename = models.CharField(max_length=255, null=True)
    format = models.CharField(max_length=16)
    layout = models.JSONField(default=dict)  #: how to read it (:class:`.rows.Layout`)
    columns = models.JSONField(default=list)  #: as the file names them
    unknown = models.JSONField(default=list)  #: the columns that are no field
    options = models.JSONField(default=dict)  #: as requested (:class:`.options.Options`)
    #: Its notations of numbers and days; None until they are determined.
    seen = models.JSONField(null=True)
    below = models.JSONField(default=list)  #: the lines below its rows
    size = models.BigIntegerField()  #: of the file, in bytes
    match = models.CharField(max_length=255, null=True)  #: the fields that find records
    #: Counts the trials: a worker with another number uses older options.
    revision = models.PositiveIntegerField(default=0)
    #: For a dry run: the first rows as they will be, and the words of its columns (:mod:`.samples`).
    samples = models.JSONField(default=list)
    words = models.JSONField(default=dict)
    #: A hash of its header, which finds the mapping for a file with the same one (:mod:`.kept_mappings`).
    header = models.CharField(max_length=32, default="", db_collation="C")
    total = models.PositiveIntegerField(null=True)  #: rows in the file; None until they are counted
    done = models.PositiveIntegerField(default=0)  #: how many of them are finished
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    refused_bytes = models.BigIntegerField(default=0)  #: the size of the stored refused rows
    warned = models.PositiveIntegerField(default=0)  #: rows imported without some of their cells
    #: Rows that probably exist already; None if the noun does not say how to tell.
    already_here = models.PositiveIntegerField(null=True)
    #: How many other records the rows created, by noun.
    made = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="import_by_created"),
            models.Index(
                fields=["tenant", "type", "header", "-created_at"],
                name="import_by_header",
                condition=models.Q(dry_run=False) & ~models.Q(header=""),
            ),
        ]

    def __str__(self) -> str:
        return self.filename or self.pk

    @property
    def noun(self) -> NounClass:
        return registry[self.type]

    def reading(self) -> dict[str, Any]:
        """How the file was understood, with the values that options have."""
        layout, text = Layout(**self.layout), self.format != "xlsx"
        notations = self.notations()
        return {
            "encoding": NAMES.get(layout.encoding, layout.encoding) if text else None,
            "delimiter": layout.delimiter if self.format == "csv" else None,
            "linesAbove": layout.above,
            "linesBelow": self.below,
            "numbers": {field: notations[field].decimal for field in self.seen_fields("numbers")},
            "days": {field: notations[field].days for field in self.seen_fields("days")},
            **{name: self.options.get(name) for name in ("zone", "language")},
        }

    def seen_fields(self, kind: str) -> list[str]:
        return list((self.seen or {}).get(kind, {}))

    def notations(self) -> dict[str, Notation]:
        """Returns the notation of each column with numbers or days: as requested, or as determined."""
        return decide_notations(
            self.seen or {},
            numbers=self.options.get("numbers"),
            days=self.options.get("days"),
            delimiter=self.layout.get("delimiter", "") if self.format == "csv" else "",
            language=self.options.get("language", ""),
        )


class ImportPart(TenantRow):
    """A piece of an import's file, which exists until the import is finished."""

    source = TenantForeignKey(Import, models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "source", "number"], name="one_part")
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.number}"


class RefusedRow(TenantRow):
    """A row that was not imported, as it was sent, and why.

    Stored as bytes, because what is wrong with it may be text that no column can hold.
    """

    source = TenantForeignKey(Import, models.CASCADE, related_name="rows", db_index=False)
    row = models.PositiveIntegerField()
    problems = models.BinaryField()
    cells = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "source", "row"], name="one_refusal")
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.row}"

    def errors(self) -> list[dict[str, Any]]:
        """Returns the problems: ``{row, field, message}``; the field is None for the whole row."""
        return [{"row": self.row, **problem} for problem in orjson.loads(self.problems)]

    def values(self) -> Any:
        """Returns the row as it was sent: an object, or the text of a line that could not be read."""
        return orjson.loads(self.cells)


class RowWarning(TenantRow):
    """A row that was imported without some of its cells: which, and why."""

    source = TenantForeignKey(Import, models.CASCADE, related_name="warnings", db_index=False)
    row = models.PositiveIntegerField()
    problems = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "source", "row"], name="one_warning")
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.row}"

    def errors(self) -> list[dict[str, Any]]:
        """Returns what was left out: ``{row, field, message}``."""
        return [{"row": self.row, **problem} for problem in orjson.loads(self.problems)]
