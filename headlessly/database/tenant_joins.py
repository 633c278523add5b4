"""References between tenants' tables, for which every join of Django compares the tenants of both sides."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import Exact

from headlessly.database.schema_editor import tenant_field


class TenantForeignKey(models.ForeignKey):
    """A reference from one tenant's table to another.

    Migrations see Django's own; :mod:`headlessly.database.schema_editor` makes the database refuse another
    tenant's record.
    """

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs

    def get_extra_descriptor_filter(self, instance: Any) -> Any:
        """Returns the condition in addition to the key when the referenced record is read."""
        if tenant_field(self.model) is None or tenant_field(self.remote_field.model) is None:
            return {}
        return {"tenant_id": instance.tenant_id}

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        """Returns the condition in addition to the column; ``alias`` is the table referred to."""
        here, there = tenant_field(self.model), tenant_field(self.remote_field.model)
        if here is None or there is None or alias is None or related_alias is None:
            return None
        return Exact(Col(alias, there), Col(related_alias, here))
