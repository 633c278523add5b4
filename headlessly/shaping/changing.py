"""Changes a tenant's shape: by an admin, one at a time, or by any verb of a noun that is part of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.declaration import shapes
from headlessly.declaration.hooks import after_every_verb
from headlessly.declaration.record import Record
from headlessly.errors import Forbidden


@contextmanager
def changing_shape(refusal: str) -> Iterator[Tenant]:
    """Runs the block as the only change of the active tenant's shape, by an admin. Afterwards everything
    derived from the shape is new.

    Yields the tenant as it is stored now. Raises Forbidden with ``refusal`` for anybody else.
    """
    actor = actors.current()
    if actor.role != actors.ADMIN and actor != actors.SYSTEM:
        raise Forbidden(refusal)
    tenant, shape = tenancy.require(), shapes.current_shape()
    stamp, choices = tenant.shape, tenant.choices
    try:
        with transaction.atomic():
            stored = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
            tenant.choices = stored.choices
            yield stored
            tenancy.renew_shape()
    except BaseException:
        tenant.shape, tenant.choices = stamp, choices  # it was rolled back
        shapes.enter_shape(shape)
        raise


def renew_shape_after(noun: type[Record]) -> None:
    """Renews the shape after each verb of ``noun``, whose records are part of it: see
    :mod:`headlessly.declaration.shapes`."""
    after_every_verb(noun)(_renew_shape)


def _renew_shape(record: Record, ctx: Any) -> None:
    """Makes the change effective from the next verb on."""
    tenancy.renew_shape()
