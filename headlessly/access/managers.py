"""Managers that read the records of the active tenant that the actor sees, and refuse to write without a
verb."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models.sql import Query

from headlessly.access import tenancy, visibility
from headlessly.database import timeouts

M = TypeVar("M", bound=models.Model, covariant=True)


class BoundedQuerySet(models.QuerySet[M]):
    """A queryset with a time limit if its filter has a pattern, which could take any time."""

    bounded = False

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]  # the stubs do not know of it
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


class NounQuerySet(BoundedQuerySet[M]):
    """Reads like any queryset; methods that would write without a verb refuse."""

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


@lru_cache(maxsize=2_048)
def _query_of_tenant(model: type[models.Model], tenant: int, **narrowed: Any) -> Query:
    """Returns the query that every read of a noun begins with. Cached, because resolving two conditions costs
    fifty times as much as copying their query, and a page begins dozens of them."""
    return models.QuerySet(model).filter(tenant_id=tenancy.typed_id(tenant), **narrowed).query


_Manager = models.Manager.from_queryset(NounQuerySet)


class NounManager(_Manager[M]):
    """The active tenant's records that the actor sees.

    Raises NoTenant without an active tenant, and PermissionError without an actor.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        found = super().get_queryset()
        found.query = _query_of_tenant(self.model, tenancy.require().pk, deleted_at=None).chain()
        return visibility.visible_records(found)


class WithDeletedManager(_Manager[M]):
    """Includes deleted records, for references to records that were deleted since."""

    def get_queryset(self) -> models.QuerySet[M]:
        found = super().get_queryset()
        found.query = _query_of_tenant(self.model, tenancy.require().pk).chain()
        return visibility.visible_records(found)
