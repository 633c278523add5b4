"""One change of what a tenant adds to the nouns, whatever it is: fields, or lists of values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.declaration import shapes
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
