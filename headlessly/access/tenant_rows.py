"""Base classes of platform tables whose rows belong to a tenant: every query of Django names the tenant."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models

from headlessly.access import tenancy
from headlessly.context import tenant_scope

M = TypeVar("M", bound=models.Model, covariant=True)


class TenantRowManager(models.Manager[M]):
    """The rows of the active tenant. Without one, whatever the database shows: nothing, except inside
    :func:`~headlessly.context.tenant_scope.every_tenant`, for the operator and clean-up jobs."""

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        tenant = tenancy.current()
        return found if tenant is None else found.filter(tenant_id=tenant.pk)


class TenantRow(models.Model):
    """A row of a tenant, which is only read and written as its tenant's."""

    class Meta:
        abstract = True

    tenant = models.ForeignKey(
        "headlessly.Tenant", models.CASCADE, related_name="+", db_index=False
    )

    objects = TenantRowManager()

    def _do_update(self, base_qs: Any, *more: Any) -> Any:
        tenant: Any = self.tenant_id
        with tenant_scope.scoped_to(tenant):
            return super()._do_update(base_qs.filter(tenant_id=tenant), *more)  # type: ignore[misc]

    def _do_insert(self, *given: Any) -> Any:
        with tenant_scope.scoped_to(self.tenant_id):
            return super()._do_insert(*given)  # type: ignore[misc]

    def refresh_from_db(
        self, using: Any = None, fields: Any = None, from_queryset: Any = None
    ) -> None:
        if from_queryset is None and "tenant_id" not in self.get_deferred_fields():
            from_queryset = type(self)._base_manager.filter(tenant_id=self.tenant_id)  # type: ignore[attr-defined,misc]
        super().refresh_from_db(using, fields, from_queryset)
