"""What jobs that read a tenant's log have in common: when they are deferred, and when they stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, models, transaction
from django.utils import timezone

from headlessly.access import actors, tenancy
from headlessly.access.models import Tenant
from headlessly.background.jobs import Job, is_over
from headlessly.context import tracing

#: How long a job runs before it lets others have their turn, in seconds.
SLICE = 20
#: When to try again if an older transaction that is still running holds up the next event, in seconds.
LATER = 2

#: Selects tenants with events after their reader's position. It uses joins, because a position computed in
#: the comparison would be compared with every event instead of being looked up in the index.
BEHIND = """
SELECT t.id FROM headlessly_tenant AS t
CROSS JOIN LATERAL (
    SELECT coalesce(max(r.xid), 0)::text::xid8 AS xid, coalesce(max(r.seq), 0) AS seq
    FROM {readers} AS r WHERE r.tenant_id = t.id
) AS reached
CROSS JOIN LATERAL (
    SELECT FROM headlessly_event AS e
    WHERE e.tenant_id = t.id AND (e.xid, e.seq) > (reached.xid, reached.seq)
    ORDER BY e.xid, e.seq LIMIT 1
) AS next"""


def tenants_behind(reader: type[models.Model]) -> list[Tenant]:
    """Returns the open tenants with events after what ``reader``, a model with ``tenant``, ``xid`` and
    ``seq``, has read. A tenant without a reader has read nothing."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND.format(readers=connection.ops.quote_name(reader._meta.db_table)))
        ids = [each for (each,) in cursor.fetchall()]
    return list(Tenant.not_closed().filter(pk__in=ids))


def defer_reading(job: Job, name: str, tenant: Tenant, *, in_seconds: float = 0) -> None:
    """Defer reading a tenant's log, once however often it is called. Call it after the commit, or the job may
    look too early."""
    once, at = f"{name}:{tenant.pk}", None
    if in_seconds:
        at = timezone.now() + timedelta(seconds=in_seconds)
        once += ":later"  # other calls need not wait for this one
    with tenancy.active(tenant), actors.acting(actors.SYSTEM), tracing.request_id_scope():
        job.defer(at=at, once=once)


def read_pages(
    read_page: Callable[[Tenant], tuple[bool, bool]], defer: Callable[..., None]
) -> None:
    """Read page after page, each in a transaction, until there is no more or others should have their turn;
    then ``defer`` the rest. ``read_page`` returns whether there are more events, and whether there are more
    that cannot be read yet."""
    tenant, until = tenancy.require(), time.monotonic() + SLICE
    while True:
        with transaction.atomic():
            more, unsettled = read_page(tenant)
        if unsettled:
            return defer(tenant, in_seconds=LATER)
        if not more:
            return None
        if is_over(until):
            return defer(tenant)
