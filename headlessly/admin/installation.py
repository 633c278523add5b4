"""The operator's overview of the installation: tenants by size, waiting work, slow routes, versions.

Every number stays cheap in a large installation: sizes come from PostgreSQL's statistics (as of the last
ANALYZE), and counts stop at a limit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _

from headlessly.access.models import Tenant
from headlessly.admin import display as words
from headlessly.admin.sites import Site
from headlessly.context.tenant_scope import every_tenant
from headlessly.database import prepared
from headlessly.environment import product_version
from headlessly.log import offsets
from headlessly.web import metrics

#: How many tenants are shown, and up to how many events of a day are counted.
SHOWN, COUNTED = 50, 10_000
#: The size of each tenant: its share of each table including indexes, as far as the statistics know it.
SIZES = """
SELECT tenant, sum(part * pg_total_relation_size(relation))::bigint
FROM (
    SELECT unnest(s.most_common_vals::text::bigint[]) AS tenant, unnest(s.most_common_freqs) AS part,
        format('%%I.%%I', s.schemaname, s.tablename)::regclass AS relation
    FROM pg_stats AS s WHERE s.schemaname = 'public' AND s.attname = 'tenant_id'
) AS parts GROUP BY tenant ORDER BY 2 DESC LIMIT %s"""
#: For each tenant: members, events of the last day, last event, webhooks given up or disabled.
USE = """
SELECT t.id, t.slug, t.name, t.log_cluster,
    (SELECT count(*) FROM headlessly_membership AS m WHERE m.tenant_id = t.id),
    (SELECT count(*) FROM (SELECT FROM headlessly_event AS e WHERE e.tenant_id = t.id
        AND e.timestamp > now() - interval '1 day' LIMIT %s) AS day),
    (SELECT e.timestamp FROM headlessly_event AS e WHERE e.tenant_id = t.id
        ORDER BY e.timestamp DESC, e.xid DESC, e.seq DESC LIMIT 1),
    (SELECT count(*) FROM headlessly_webhook AS w WHERE w.tenant_id = t.id AND (w.disabled_at IS NOT NULL
        OR EXISTS (SELECT FROM headlessly_delivery AS d
            WHERE d.tenant_id = t.id AND d.webhook_id = w.id AND d.status = 'failing')))
FROM headlessly_tenant AS t WHERE t.id = ANY(%s)"""
VERSIONS = "SELECT current_setting('server_version'), pg_database_size(current_database())"


class TenantUse(NamedTuple):
    """A tenant, its size and its use."""

    name: str
    slug: str
    link: str
    size: str
    members: str
    events: str
    last: str
    problem: str


def tenant_uses() -> list[TenantUse]:
    """Returns the largest tenants first. Tenants without statistics come last."""
    sizes = dict(prepared.execute_prepared(SIZES, (SHOWN,)))
    if (room := SHOWN - len(sizes)) > 0:
        others = Tenant.objects.exclude(pk__in=sizes).order_by("pk")[:room]
        sizes |= dict.fromkeys(others.values_list("pk", flat=True), 0)
    found = prepared.execute_prepared(USE, (COUNTED, list(sizes)))
    return [_tenant_use(row, sizes[row[0]]) for row in sorted(found, key=lambda r: -sizes[r[0]])]


def _tenant_use(row: tuple[Any, ...], size: int) -> TenantUse:
    number, slug, name, cluster, members, events, last, webhooks = row
    problem = ""
    if cluster == offsets.CLOSED:
        problem = _("closed: it moves, or has moved")
    elif webhooks:
        problem = _("webhooks fail: %(count)s") % {"count": words.number(webhooks)}
    counted = words.number(events)
    return TenantUse(
        name,
        slug,
        reverse("admin:headlessly_tenant_change", args=[number]),
        filesizeformat(size) if size else "–",
        words.number(members),
        _("more than %(count)s") % {"count": counted} if events == COUNTED else counted,
        words.moment_text(last) if last else "–",
        problem,
    )


@every_tenant()
def waiting_numbers() -> list[tuple[str, str]]:
    """Returns the gauges of waiting work in /metrics, each with its value."""
    labels = {
        "headlessly_jobs_waiting": _("Jobs in line"),
        "headlessly_oldest_job_seconds": _("The oldest waits"),
        "headlessly_jobs_failed": _("Jobs that failed"),
        "headlessly_log_lag_seconds": _("Longest transaction that writes"),
        "headlessly_deliveries_due": _("Deliveries due"),
        "headlessly_oldest_delivery_seconds": _("The oldest is due for"),
    }
    found = []
    for name, _what, sql in metrics.IN_DATABASE:
        value = float(prepared.execute_prepared(sql, ())[0][0] or 0)
        seconds = name.endswith("_seconds")
        found.append(
            (labels[name], words.number_with_unit(value, "s") if seconds else words.number(value))
        )
    return found


def installation_view(request: HttpRequest, *, site: Site) -> HttpResponse:
    version, size = prepared.execute_prepared(VERSIONS, ())[0]
    problem = offsets.restored_log_problem()
    facts = [
        (_("Product"), product_version()),
        (_("PostgreSQL"), version),
        (_("Database"), f"{connection.settings_dict['NAME']}, {filesizeformat(size)}"),
        (_("Tenants"), words.number(Tenant.objects.count())),
    ]
    if settings.READ_ONLY:
        facts.append((_("Writing"), _("not here: this server only reads")))
    return site.respond(
        request,
        "operator/installation",
        _("Installation"),
        styles=["reports"],
        facts=facts,
        problem=problem,
        waiting=waiting_numbers(),
        tenants=tenant_uses(),
        routes=[
            (
                route,
                words.number(count),
                words.number(round(mean * 1000)),
                words.number(round(slow * 1000)),
            )
            for route, count, mean, slow in metrics.slow_routes()
        ],
    )
