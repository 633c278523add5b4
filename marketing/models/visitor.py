"""The contacts behind a website's visitors."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from headlessly.access.tenant_rows import TenantRow
from headlessly.database.tenant_joins import TenantForeignKey


class Visitor(TenantRow):
    """A visitor of a website, and the contact that a form, a capture or an identification named last."""

    anonymous_id = models.CharField(max_length=255)
    contact = TenantForeignKey("crm.Contact", models.CASCADE, related_name="+", db_index=False)
    identified_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "anonymous_id"], name="one_contact_a_visitor")
        ]

    def __str__(self) -> str:
        return f"{self.anonymous_id}: {self.contact_id}"
