"""Changes of a tenant's shape: by an admin, one at a time; or by every verb of a noun that is part of it."""

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
    """One change of the active tenant's shape at a time, by an admin; what is made of it is new afterwards.

    Yields the tenant as it is stored now. Raises Forbidden with ``refusal`` to anybody else.
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
        tenant.shape, tenant.choices = stamp, choices  # nothing of it is there
        shapes.enter_shape(shape)
        raise


def renew_shape_after(noun: type[Record]) -> None:
    """Have the shape made anew after each verb of ``noun``: its records are part of it, see
    :mod:`headlessly.declaration.shapes`."""
    after_every_verb(noun)(_renew_shape)


def _renew_shape(record: Record, ctx: Any) -> None:
    """From the next verb on what the tenant says in such records is as it is now."""
    tenancy.renew_shape()
