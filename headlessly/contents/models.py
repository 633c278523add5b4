"""Where the content of files is kept: in the database, beside the records that have them.

So a backup, a restore and a move to another cell take the files along, and a file is kept or not with the
verb that brought it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow


class ContentPart(TenantRow):
    """A piece of a content, which is named by its SHA-256: the same file is kept once, however often it is
    sent."""

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
    """How much the files of a tenant take."""

    bytes = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant"], name="one_content_use")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.bytes}"
