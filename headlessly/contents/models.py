"""The tables that hold the content of files.

Files are kept in the database, so that backups, restores and moves to another cell include them, and a file
is written in the same transaction as the record that refers to it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow


class ContentPart(TenantRow):
    """A part of a file's content. Contents are identified by their SHA-256, so the same file is stored once
    per tenant."""

    sha256 = models.CharField(max_length=64, db_collation="C")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "sha256", "number"], name="one_content")
        ]

    def __str__(self) -> str:
        return f"{self.sha256} {self.number}"


class ContentUse(TenantRow):
    """How many bytes the files of a tenant take."""

    bytes = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant"], name="one_content_use")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.bytes}"
