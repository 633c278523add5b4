"""Offsets that let the log of a tenant continue on another cluster.

Positions in the log are made of transaction numbers (:class:`.events.LogPosition`), and each cluster counts
its own. After a restore, a promotion or a move, the log is continued by a counter that knows nothing of it.
It may start below positions that followers have already read, so that they would never see the next events.
Therefore each tenant has an offset, which is added to the transaction of each event and to the horizon up to
which the log is settled, and the cluster for which the offset holds. If the current cluster is another one,
the log is *resumed*: the offset grows until the next event lies after everything that anybody can have read.

Appending does so by itself (:func:`.events.append_events`). `manage.py log resume` does it before anybody
writes; a server with a restored database waits for it.
"""

from __future__ import annotations

from django.db import transaction

from headlessly.access.models import Tenant
from headlessly.database.cluster import CLOSED, CLUSTER
from headlessly.database.prepared import execute_prepared

#: A subquery, so that it is evaluated once, whatever is joined.
CURRENT_CLUSTER = f"(SELECT {CLUSTER})"
#: How many transactions may be lost at the end of a log although a follower has read them: more than a
#: cluster runs before it has to be vacuumed, and little of the available 63 bits.
GAP = 2**32
RESUME = f"""
UPDATE headlessly_tenant AS t SET log_cluster = {CURRENT_CLUSTER}, log_offset = {GAP} + greatest(
    log_offset,
    coalesce((SELECT e.xid::text::bigint FROM headlessly_event AS e WHERE e.tenant_id = t.id
        ORDER BY e.xid DESC, e.seq DESC LIMIT 1), 0)
    - pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
WHERE t.id = %s AND (%s OR t.log_cluster NOT IN ('{CLOSED}', {CURRENT_CLUSTER}))
RETURNING log_offset"""
#: Timelines do not count: the next event after a promotion resumes its log, and nobody has to wait for that.
IS_HOME = f"split_part(log_cluster, '/', 1) = split_part({CURRENT_CLUSTER}, '/', 1)"
ELSEWHERE = f"""
SELECT slug FROM headlessly_tenant WHERE NOT ({IS_HOME}) AND log_cluster <> '{CLOSED}' ORDER BY slug"""
SOME_HOME = f"SELECT EXISTS (SELECT FROM headlessly_tenant WHERE {IS_HOME})"


def resume_log(tenant: Tenant, *, force: bool = False) -> bool:
    """Let the log of ``tenant`` continue after all its positions; returns whether that was necessary.

    With ``force`` also on the cluster on which it was written: for a disk that was restored to an earlier
    moment, which PostgreSQL does not notice, and for a log that an aborted move has left closed. This waits
    for all current writers of events.
    """
    with transaction.atomic():
        if force:
            execute_prepared("LOCK TABLE headlessly_event IN EXCLUSIVE MODE", (), rows=False)
        return bool(execute_prepared(RESUME, (tenant.pk, force)))


def slugs_to_resume() -> list[str]:
    """Returns the tenants whose log comes from another cluster, by restore or move, and was not resumed; none
    on a standby, where nobody writes."""
    if execute_prepared("SELECT pg_is_in_recovery()", ())[0][0]:
        return []
    return [slug for (slug,) in execute_prepared(ELSEWHERE, ())]


def restored_log_problem() -> str | None:
    """Returns what is wrong, and what to run, if the whole database comes from another cluster; else None.

    One tenant that is just moving here is no reason to turn away all others.
    """
    if not (slugs := slugs_to_resume()) or execute_prepared(SOME_HOME, ())[0][0]:
        return None
    named = ", ".join(slugs[:3]) + (" and others" if len(slugs) > 3 else "")
    return (
        f"The log of {named} was written in another cluster, which had counted further: followers and "
        "webhooks would miss what happens next. Run: manage.py log resume"
    )
