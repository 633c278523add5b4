"""Attribution of 10,000 won deals with 100,000 touchpoints: a statement written by hand, and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .calls import by_key

if TYPE_CHECKING:
    from .paths import Bench, Work

DEALS, TOUCHES, CAMPAIGNS = 10_000, 100_000, 50
SLUG = "attribution"
QUERY = "model=Linear&by=campaign&from=2025-01-01&to=2025-12-31"

MADE = """
INSERT INTO marketing_campaign (id, tenant_id, version, created_at, created_by, updated_at, name, status,
                                currency)
SELECT 'campaign_a' || i, %(tenant)s, 1, '2025-01-01Z', 'system', '2025-01-01Z', 'Campaign ' || i, 'Launched',
       'USD' FROM generate_series(1, %(campaigns)s) i;
INSERT INTO crm_contact (id, tenant_id, version, created_at, created_by, updated_at, name, stage, status,
                         marketing_consent)
SELECT 'contact_a' || i, %(tenant)s, 1, '2025-01-01Z', 'system', '2025-01-01Z', 'Person ' || i, 'Customer',
       'Active', false FROM generate_series(1, %(deals)s) i;
INSERT INTO crm_deal (id, tenant_id, version, created_at, created_by, updated_at, name, value, currency,
                      stage, forecast_category, forecast_category_is_stated, contact_id, won_at,
                      actual_close_date)
SELECT 'deal_a' || i, %(tenant)s, 1, m, 'system', m, 'Deal ' || i,
       100 + i * 7 %% 9000 + 0.01 * (i %% 100), 'USD', 'Won', 'Commit', false, 'contact_a' || i,
       m + interval '40 days', (m + interval '40 days')::date
FROM (SELECT i, timestamptz '2025-01-10Z' + i %% 300 * interval '1 day' AS m
      FROM generate_series(1, %(deals)s) i) made;
INSERT INTO crm_lead (id, tenant_id, version, created_at, created_by, updated_at, name, status, source,
                      currency, contact_id, deal_id)
SELECT 'lead_a' || i, %(tenant)s, 1, m, 'system', m, 'Lead ' || i, 'Converted', 'event', 'USD',
       'contact_a' || i, 'deal_a' || i
FROM (SELECT i, timestamptz '2025-01-05Z' + i %% 300 * interval '1 day' AS m
      FROM generate_series(1, %(deals)s) i) made;
INSERT INTO marketing_touchpoint (id, tenant_id, version, created_at, created_by, updated_at, kind,
                                  occurred_at, contact_id, lead_id, campaign_id, source)
SELECT 'touch_a' || i, %(tenant)s, 1, m, 'system', m, 'Visit', m,
       CASE WHEN i %% 4 > 0 THEN 'contact_a' || deal END, CASE WHEN i %% 4 < 2 THEN 'lead_a' || deal END,
       CASE WHEN i %% 9 > 0 THEN 'campaign_a' || 1 + i * 31 %% %(campaigns)s END, 'news'
FROM (SELECT i, 1 + i %% %(deals)s AS deal, timestamptz '2024-12-20Z'
             + (1 + i %% %(deals)s) %% 300 * interval '1 day' + i * 37 %% 50 * interval '26 hours' AS m
      FROM generate_series(1, %(touches)s) i) made;
"""

BY_HAND = """
WITH won AS (
    SELECT id, (value * 100)::bigint AS cents, contact_id, won_at FROM crm_deal
    WHERE tenant_id = %(tenant)s AND deleted_at IS NULL AND stage = 'Won'
      AND won_at >= '2025-01-01Z' AND won_at < '2026-01-01Z'),
path AS (
    SELECT won.id AS deal, won.cents, t.id, t.occurred_at, t.campaign_id
    FROM won JOIN marketing_touchpoint t ON t.contact_id = won.contact_id AND t.occurred_at <= won.won_at
    WHERE t.tenant_id = %(tenant)s AND t.deleted_at IS NULL
    UNION ALL
    SELECT won.id, won.cents, t.id, t.occurred_at, t.campaign_id
    FROM won JOIN crm_lead l ON l.deal_id = won.id JOIN marketing_touchpoint t
      ON t.lead_id = l.id AND t.occurred_at <= won.won_at
    WHERE l.tenant_id = %(tenant)s AND l.deleted_at IS NULL AND t.tenant_id = %(tenant)s
      AND t.deleted_at IS NULL AND t.contact_id IS DISTINCT FROM won.contact_id),
shares AS (
    SELECT deal, campaign_id, cents, count(*) OVER (PARTITION BY deal) AS parts,
           row_number() OVER (PARTITION BY deal ORDER BY occurred_at, id) AS place FROM path)
SELECT campaign_id, sum(cents / parts + (place <= cents %% parts)::int), count(DISTINCT deal)
FROM shares GROUP BY 1
UNION ALL
SELECT NULL, sum(cents), count(*) FROM won WHERE NOT EXISTS (SELECT FROM path WHERE path.deal = won.id)
"""


def pair(bench: Bench) -> tuple[Work, Work]:
    tenant = _filled()
    given = {"tenant": tenant.pk}
    call = by_key(tenant)

    def limit() -> Any:
        with bench.raw.cursor() as cursor:
            return cursor.execute(BY_HAND, given).fetchall()

    return limit, lambda: call("GET", "/reports/attribution", QUERY)


def _filled() -> Any:
    """The tenant with these deals, made where it is not there yet."""
    from django.db import connection

    from headlessly.access.models import Tenant

    tenant, is_new = Tenant.objects.get_or_create(slug=SLUG, defaults={"name": "Attribution"})
    if is_new:
        given = {
            "tenant": tenant.pk, "campaigns": CAMPAIGNS, "deals": DEALS, "touches": TOUCHES
        }  # fmt: skip
        with connection.cursor() as cursor:
            for statement in MADE.split(";\n"):
                if statement.strip():
                    cursor.execute(statement, given)
            cursor.execute("VACUUM ANALYZE")
    return tenant
