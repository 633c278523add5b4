"""References between tables of tenants: every join of Django's says the tenant of both sides."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import Exact

from headlessly.database.schema_editor import tenant_field


class TenantForeignKey(models.ForeignKey):
    """A reference from one table of a tenant's to another.

    To migrations it is Django's own; that the database refuses another tenant's record is
    :mod:`headlessly.database.schema_editor`'s.
    """

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs

    def get_extra_descriptor_filter(self, instance: Any) -> Any:
        """The condition beside the key when the record referred to is read."""
        if tenant_field(self.model) is None or tenant_field(self.remote_field.model) is None:
            return {}
        return {"tenant_id": instance.tenant_id}

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        """The condition beside the one on the reference's column: ``alias`` is the table referred to."""
        here, there = tenant_field(self.model), tenant_field(self.remote_field.model)
        if here is None or there is None or alias is None or related_alias is None:
            return None
        return Exact(Col(alias, there), Col(related_alias, here))
