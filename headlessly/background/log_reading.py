"""What jobs that read a tenant's log have in common: when they are put in line, and when they stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.background.jobs import Job
from headlessly.context import tracing

#: How long a job goes on before others have their turn, in seconds.
SLICE = 20
#: When it is tried again to read an event before which an older transaction is still running, in seconds.
LATER = 2


def defer_reading(job: Job, name: str, tenant: Tenant, *, in_seconds: float = 0) -> None:
    """Have a tenant's log looked at, once however often it is asked. Call it after the commit, or the job may
    look too early."""
    once, at = f"{name}:{tenant.pk}", None
    if in_seconds:
        at = timezone.now() + timedelta(seconds=in_seconds)
        once += ":later"
    with tenancy.active(tenant), actors.acting(actors.SYSTEM), tracing.request_id_scope():
        job.defer(at=at, once=once)


def read_pages(
    read_page: Callable[[Tenant], tuple[bool, bool]], defer: Callable[..., None]
) -> None:
    """Read page after page, each in a transaction, until there is no more or others have their turn: then
    ``defer`` puts the rest in line. ``read_page`` answers whether there is more to look at, and whether there
    is more that cannot be looked at yet."""
    tenant, until = tenancy.require(), time.monotonic() + SLICE
    while True:
        with transaction.atomic():
            more, unsettled = read_page(tenant)
        if unsettled:
            return defer(tenant, in_seconds=LATER)
        if not more:
            return None
        if time.monotonic() > until:
            return defer(tenant)
