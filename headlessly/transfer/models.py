"""What an import is: its file, how far it has come, and the rows it could not take."""

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

#: A class of its own name: in the tables below ``type`` is a column.
NounClass = type[Noun]


class Import(BackgroundRun):
    """A file on its way into one noun, and what became of its rows; its event is ``Import.Started``."""

    prefix = "import"

    type = models.CharField(max_length=64)  #: the name of the noun
    filename = models.CharField(max_length=255, null=True)
    format = models.CharField(max_length=16)
    layout = models.JSONField(default=dict)  #: how it is read (:class:`.rows.Layout`)
    columns = models.JSONField(default=list)  #: as the file names them
    unknown = models.JSONField(default=list)  #: those of them that are no field
    options = models.JSONField(default=dict)  #: what was asked for (:class:`.options.Options`)
    seen = models.JSONField(null=True)  #: how it writes numbers and days, None until it was counted
    below = models.JSONField(default=list)  #: the lines below its rows
    size = models.BigIntegerField()  #: of the file, in bytes
    match = models.CharField(max_length=255, null=True)  #: the field that finds records
    #: Counts the tries: a worker with another number reads the file by older options.
    revision = models.PositiveIntegerField(default=0)
    #: For a trial: the first rows as they will be, and the words of its columns (:mod:`.samples`).
    samples = models.JSONField(default=list)
    words = models.JSONField(default=dict)
    #: Its header in short, by which the mapping of a file with the same is found (:mod:`.kept_mappings`).
    header = models.CharField(max_length=32, default="", db_collation="C")
    total = models.PositiveIntegerField(null=True)  #: rows in the file; None until they are counted
    done = models.PositiveIntegerField(default=0)  #: how many of them are dealt with
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    refused_bytes = models.BigIntegerField(default=0)  #: the size of what is kept of them
    warned = models.PositiveIntegerField(default=0)  #: rows that are in without some of their cells
    #: Rows that are probably here already; None where the noun does not say how to tell.
    already_here = models.PositiveIntegerField(null=True)
    #: How many other records the rows made, by noun.
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
        """How the file was understood, in words that its options have."""
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
        """How each of the columns with numbers and days writes them: as was asked for, or as was found."""
        return decide_notations(
            self.seen or {},
            numbers=self.options.get("numbers"),
            days=self.options.get("days"),
            delimiter=self.layout.get("delimiter", "") if self.format == "csv" else "",
            language=self.options.get("language", ""),
        )


class ImportPart(TenantRow):
    """A piece of an import's file, there until the import is finished."""

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

    Kept as bytes: what makes a row bad may be what no text column can hold.
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
        """What is wrong: ``{row, field, message}``; the field is None where it is the whole row."""
        return [{"row": self.row, **problem} for problem in orjson.loads(self.problems)]

    def values(self) -> Any:
        """The row as it was sent: an object, or the text of a line that could not be read."""
        return orjson.loads(self.cells)


class RowWarning(TenantRow):
    """A row that was taken without some of its cells: which, and why."""

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
        """What was left out: ``{row, field, message}``."""
        return [{"row": self.row, **problem} for problem in orjson.loads(self.problems)]
