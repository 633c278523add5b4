"""One log on several clusters, one after the other: what is added to the transactions of each.

Places in the log are made of transactions (:class:`.events.LogPosition`), and a cluster counts its own. After
a restore, a promotion or a move to another cluster the log of a tenant is written on by a counter that knows
nothing of it: it may begin below the places that followers have read, who would never see what comes next. So
each tenant has an offset that is added to the transaction of each event, and to the horizon up to which the
log is settled; and the cluster for which the offset holds. Where that is another than the one at hand, the
log is *resumed*: the offset grows until the next event lies behind all that anybody can have read.

Whoever appends sees to that by themselves (:func:`.events.append_events`). `manage.py log resume` does it
before anybody writes; a server of a restored database waits for it.
"""

from __future__ import annotations

from django.db import transaction

from headlessly.access.models import Tenant
from headlessly.database.cluster import CLOSED, CLUSTER
from headlessly.database.prepared import execute_prepared

#: In a statement: evaluated once, whatever is joined.
CURRENT_CLUSTER = f"(SELECT {CLUSTER})"
#: How many transactions may be lost with the end of a log, while a follower has read them: more than a
#: cluster runs before it has to be vacuumed, and little of the 63 bits that there are.
GAP = 2**32
RESUME = f"""
UPDATE headlessly_tenant AS t SET log_cluster = {CURRENT_CLUSTER}, log_offset = {GAP} + greatest(
    log_offset,
    coalesce((SELECT e.xid::text::bigint FROM headlessly_event AS e WHERE e.tenant_id = t.id
        ORDER BY e.xid DESC, e.seq DESC LIMIT 1), 0)
    - pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
WHERE t.id = %s AND (%s OR t.log_cluster NOT IN ('{CLOSED}', {CURRENT_CLUSTER}))
RETURNING log_offset"""
#: Timelines do not count: the next event after a promotion resumes its log, and nobody need wait for that.
IS_HOME = f"split_part(log_cluster, '/', 1) = split_part({CURRENT_CLUSTER}, '/', 1)"
ELSEWHERE = f"""
SELECT slug FROM headlessly_tenant WHERE NOT ({IS_HOME}) AND log_cluster <> '{CLOSED}' ORDER BY slug"""
SOME_HOME = f"SELECT EXISTS (SELECT FROM headlessly_tenant WHERE {IS_HOME})"


def resume_log(tenant: Tenant, *, force: bool = False) -> bool:
    """Let the log of ``tenant`` go on behind all its places; returns whether there was a need to.

    With ``force`` also on the cluster that it was written on: after its disk was put back to an earlier
    moment, which PostgreSQL does not notice; and where a move that broke off has left it closed. Then all who
    are writing events are waited for.
    """
    with transaction.atomic():
        if force:
            execute_prepared("LOCK TABLE headlessly_event IN EXCLUSIVE MODE", (), rows=False)
        return bool(execute_prepared(RESUME, (tenant.pk, force)))


def slugs_to_resume() -> list[str]:
    """The tenants whose log comes from another cluster, by restore or move, and was not resumed; on a standby
    none, for nobody writes there."""
    if execute_prepared("SELECT pg_is_in_recovery()", ())[0][0]:
        return []
    return [slug for (slug,) in execute_prepared(ELSEWHERE, ())]


def restored_log_problem() -> str | None:
    """What is wrong, and what to run, where the whole database comes from another cluster; else None.

    A tenant that is only just moving here is no reason to turn away all others.
    """
    if not (slugs := slugs_to_resume()) or execute_prepared(SOME_HOME, ())[0][0]:
        return None
    named = ", ".join(slugs[:3]) + (" and others" if len(slugs) > 3 else "")
    return (
        f"The log of {named} was written in another cluster, which had counted further: followers and "
        "webhooks would miss what happens next. Run: manage.py log resume"
    )
