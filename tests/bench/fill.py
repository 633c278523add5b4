"""A database of any size in seconds: rows made by PostgreSQL itself, in the product's own tables."""

from __future__ import annotations

from django.db import connection

TENANTS = 20

#: Ids that look like ours and never repeat.
ID = "'{prefix}_' || substr(md5({i}::text), 1, 6) || lpad(to_hex({i}), 6, '0')"
META = "{tenant}, 1, {moment}, 'system', {moment}"
#: Half of all rows belong to the first tenant, the others share the rest.
TENANT = f"CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + (i / 2) % {TENANTS - 1} END"
MOMENT = (
    "timestamptz '2026-01-01' + (i % 300) * interval '1 day' + (i % 86400) * interval '1 second'"
)


def id_of(prefix: str, i: str = "i") -> str:
    return ID.format(prefix=prefix, i=i)


def fill(leads: int) -> None:
    """``leads`` leads over twenty tenants, a third as many contacts, twice as many events."""
    meta = META.format(tenant=TENANT, moment=MOMENT)
    common = "id, tenant_id, version, created_at, created_by, updated_at"
    contacts, companies = max(leads // 3, 40), max(leads // 10, 40)

    def other(prefix: str, count: int) -> str:
        """A record of the same tenant: numbers that differ by a multiple of 2 * 19 share theirs."""
        step = 2 * (TENANTS - 1)
        return id_of(prefix, f"(i % {count // step * step or step})")

    statements = [
        f"""INSERT INTO headlessly_tenant (id, slug, name, created_at)
            SELECT i, 'tenant-' || i, 'Tenant ' || i, now() FROM generate_series(1, {TENANTS}) i""",
        f"""INSERT INTO crm_organization ({common}, name, type, status, industry)
            SELECT {id_of("org")}, {meta}, 'Company ' || md5(i::text), 'Prospect', 'Active',
                   (array['Technology', 'Retail', 'Health', 'Energy'])[1 + i % 4]
            FROM generate_series(0, {companies - 1}) i""",
        f"""INSERT INTO crm_contact ({common}, name, email, stage, status, marketing_consent,
                                     organization_id)
            SELECT {id_of("contact")}, {meta}, 'Person ' || md5(i::text),
                   'person' || i || '@example.com', 'Lead', 'Active', false,
                   {other("org", companies)}
            FROM generate_series(0, {contacts - 1}) i""",
        f"""INSERT INTO marketing_campaign ({common}, name, status, currency)
            SELECT {id_of("campaign")}, {meta}, 'Campaign ' || i, 'Launched', 'USD'
            FROM generate_series(0, 399) i""",
        f"""INSERT INTO crm_lead ({common}, name, status, source, score, budget, contact_id,
                                  organization_id, owner_id, campaign_id, first_touch_at,
                                  last_activity_at)
            SELECT {id_of("lead")}, {meta}, 'Lead ' || md5(i::text),
                   (array['New', 'Contacted', 'Qualified', 'Lost'])[1 + (i / 2) % 4],
                   (array['website', 'referral', 'event', 'ads', 'partner'])[1 + (i / 8) % 5],
                   (i / 4) % 101, (i % 1000) * 100, {other("contact", contacts)},
                   {other("org", companies)}, {id_of("contact", "(i % 38)")},
                   {other("campaign", 380)}, {MOMENT}, {MOMENT}
            FROM generate_series(0, {leads - 1}) i""",
        f"""INSERT INTO headlessly_event (id, tenant_id, name, target, target_type, actor, timestamp,
                                          version, data, previous, request_id)
            SELECT {id_of("evt")}, {TENANT}, 'Lead.Updated', {id_of("lead", f"(i % {leads})")}, 'Lead',
                   'system', {MOMENT}, 1, '{{"name": "a lead of the past"}}', '{{}}', 'req_bench'
            FROM generate_series(0, {2 * leads - 1}) i""",
        "SELECT setval(pg_get_serial_sequence('headlessly_tenant', 'id'), 100)",
    ]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("VACUUM ANALYZE")
