"""How records are read through Django: of the active tenant, what the actor sees, and never written
behind a verb."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

from django.db import models

from headlessly.access import tenancy, visibility
from headlessly.database import timeouts


class BoundedQuerySet(models.QuerySet):
    """A queryset whose time is bounded when a pattern in its filter could take any."""

    bounded = False

    def _clone(self) -> Self:
        clone = super()._clone()
        clone.bounded = self.bounded
        return clone

    def _bounds(self) -> AbstractContextManager[None]:

        return timeouts.statement_timeout() if self.bounded else nullcontext()

    def _fetch_all(self) -> None:
        with self._bounds() if self._result_cache is None else nullcontext():
            super()._fetch_all()

    def count(self) -> int:
        with self._bounds():
            return super().count()

    def exists(self) -> bool:
        with self._bounds():
            return super().exists()


class NounQuerySet(BoundedQuerySet):
    """Reads like any queryset; what would write without a verb refuses."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        name = self.model.__name__
        raise TypeError(
            f"Saving is a verb: use {name}.create, {name}.update or {name}.delete, "
            "so that hooks run and the change is in the log."
        )

    update = delete = bulk_create = bulk_update = _refuse
    aupdate = adelete = abulk_create = abulk_update = _refuse
    for _refused in (update, delete, bulk_create, bulk_update):
        _refused.alters_data = True  # type: ignore[attr-defined]


class NounManager(models.Manager.from_queryset(NounQuerySet)):
    """The active tenant's records that the actor sees. Raises NoTenant when no tenant is active."""

    def get_queryset(self) -> NounQuerySet:
        found = super().get_queryset()
        return visibility.visible_records(
            found.filter(tenant_id=tenancy.require().pk, deleted_at=None)
        )


class WithDeletedManager(models.Manager.from_queryset(NounQuerySet)):
    """The same with the deleted ones, for references that were followed long ago."""

    def get_queryset(self) -> NounQuerySet:
        return visibility.visible_records(
            super().get_queryset().filter(tenant_id=tenancy.require().pk)
        )
