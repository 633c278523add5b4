"""Fills a database of any size in minutes: PostgreSQL itself makes the rows, in the product's own tables.

The content of a row depends only on its number, so that every run measures the same data. All names contain
the word ``lead``, one in 20 ``platform``, one in 100 ``berlin``, and each a word of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

TENANTS = 20

#: Ids that look like the product's and never repeat.
ID = "'{prefix}_' || substr(md5({i}::text), 1, 6) || lpad(to_hex({i}), 6, '0')"
#: Half of all rows belong to the first tenant; the others share the rest.
TENANT = f"CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + (i / 2) % {TENANTS - 1} END"
#: Rows whose numbers differ by a multiple of this belong to the same tenant.
STEP = 2 * (TENANTS - 1)
COMMON = "id, tenant_id, version, created_at, created_by, updated_at"
CITIES = (
    "Berlin Paris London Madrid Rome Vienna Oslo Stockholm Helsinki Warsaw Prague Budapest Zurich Geneva "
    "Lisbon Porto Dublin Athens Milan Turin"
)
PRODUCTS = (
    "Platform Upgrade Migration Renewal Pilot Rollout Audit Training Support Licence Integration Analytics "
    "Hosting Security Backup Reporting Billing Routing Archive Consulting"
)
FIRST = "Ada Bob Cleo Dan Eve Finn Gia Hugo Ida Jon Kim Leo Mia Ned Ola Pia Quinn Rob Sue Tom"
LAST = (
    "Chen Stone Marsh Berg Field Novak Silva Costa Weber Meyer Larsen Dubois Rossi Kowal Nagy Horn Frey "
    "Lund Hall Cruz"
)


def id_of(prefix: str, i: str = "i") -> str:
    return ID.format(prefix=prefix, i=i)


def chance(seed: int, of: int) -> str:
    """Returns SQL for a pseudo-random number from 0 to below `of`, which is always the same for a row."""
    return f"(hashint8extended(i, {seed}) & 1073741823) % {of}"


def one_of(words: str | list[str], seed: int) -> str:
    words = words.split() if isinstance(words, str) else words
    quoted = ", ".join(f"'{word}'" for word in words)
    return f"(array[{quoted}])[1 + {chance(seed, len(words))}]"


def other(prefix: str, count: int) -> str:
    """A record of the same tenant."""
    return id_of(prefix, f"(i % {count // STEP * STEP or STEP})")


def meta(changed: str = "m") -> str:
    return f"{TENANT}, 1, m, 'system', {changed}"


def rows(count: int) -> str:
    """Row by row through 300 days, as records come."""
    at = f"timestamptz '2026-01-04' + i / {count}::float8 * interval '300 days' AS m"
    return f"FROM (SELECT i, {at} FROM generate_series(0::bigint, {count - 1}) i) made"


def fill(leads: int) -> None:
    """``leads`` leads over twenty tenants, a third as many contacts, twice as many events; half of the
    leads have changed once since they were made."""
    _tenants()
    with connection.cursor() as cursor:
        for table, statement in insert_statements(leads).items():
            started = time.monotonic()
            with _without_indexes(cursor, table):
                cursor.execute(statement)
                count = cursor.rowcount
            took = time.monotonic() - started
            print(f"  {table}: {count:,} rows, {took:.0f} s", file=sys.stderr)
        cursor.execute("SELECT setval(pg_get_serial_sequence('headlessly_tenant', 'id'), 100)")
        cursor.execute("VACUUM ANALYZE")


def insert_statements(leads: int) -> dict[str, str]:
    """Returns the statements by table, in the order of their references."""
    contacts, companies = max(leads // 3, 400), max(leads // 10, 400)
    deals, activities = max(leads // 10, 400), max(leads // 5, 400)
    owner = f"CASE WHEN {chance(2, 10)} > 0 THEN {id_of('contact', f'(i % {STEP * 5})')} END"
    city, product = one_of(CITIES, 3), one_of(PRODUCTS, 4)
    status = "(array['New', 'Contacted', 'Qualified', 'Converted', 'Lost'])[1 + width_bucket("
    status += f"{chance(5, 100)}, array[20, 40, 65, 75])]"
    return {
        "crm_organization": f"""
            INSERT INTO crm_organization ({COMMON}, name, type, status, industry)
            SELECT {id_of("org")}, {meta()}, 'Company ' || {city} || ' ' || md5(i::text), 'Prospect',
                   'Active', {one_of("Technology Retail Health Energy", 6)}
            {rows(companies)}""",
        "crm_contact": f"""
            INSERT INTO crm_contact ({COMMON}, name, email, stage, status, marketing_consent,
                                     organization_id)
            SELECT {id_of("contact")}, {meta()},
                   {one_of(FIRST, 7)} || ' ' || {one_of(LAST, 8)} || ' ' || substr(md5(i::text), 1, 8),
                   'person' || i || '@example.com', 'Lead', 'Active', false, {other("org", companies)}
            {rows(contacts)}""",
        "marketing_campaign": f"""
            INSERT INTO marketing_campaign ({COMMON}, name, status, currency)
            SELECT {id_of("campaign")}, {meta()}, 'Campaign ' || i, 'Launched', 'USD' {rows(400)}""",
        "crm_deal": f"""
            INSERT INTO crm_deal ({COMMON}, name, value, currency, stage, probability, contact_id,
                                  organization_id, owner_id, expected_close_date, last_activity_at,
                                  forecast_category, forecast_category_is_stated)
            SELECT {id_of("deal")}, {meta()}, 'Deal ' || {product} || ' ' || md5(i::text),
                   {chance(9, 1000)} * 100, 'USD',
                   {one_of("Prospecting Qualification Proposal Negotiation Won Lost", 10)},
                   50, {other("contact", contacts)}, {other("org", companies)}, {owner},
                   date '2026-11-01' + ({chance(11, 300)})::int, m,
                   {one_of("Pipeline Pipeline BestCase Commit Commit Omitted", 10)}, false
            {rows(deals)}""",
        "crm_lead": f"""
            INSERT INTO crm_lead ({COMMON}, name, status, source, score, budget, currency, contact_id,
                                  organization_id, owner_id, campaign_id, first_touch_at,
                                  last_activity_at, converted_at, lost_at, lost_reason, deal_id)
            SELECT {id_of("lead")}, tenant, 1 + changed::int, m, 'system', at, title, status, source,
                   score, budget, 'USD', contact, organization, owner, campaign, m, at,
                   CASE status WHEN 'Converted' THEN at END, CASE status WHEN 'Lost' THEN at END,
                   CASE status WHEN 'Lost' THEN {one_of(["Price", "Timing", "No budget"], 18)} END,
                   CASE status WHEN 'Converted' THEN deal END
            FROM (SELECT i, m, {TENANT} AS tenant, {chance(12, 2)} = 1 AS changed,
                   m + ({chance(12, 2)}) * interval '20 days' AS at,
                   'Lead ' || {product} || ' ' || {city} || ' ' || substr(md5(i::text), 1, 12) AS title,
                   {status} AS status,
                   {one_of(["website", "referral", "event", "ads", "partner"], 13)} AS source,
                   CASE WHEN {chance(14, 20)} > 0 THEN {chance(15, 101)} END AS score,
                   {chance(16, 1000)} * 100 AS budget, {other("contact", contacts)} AS contact,
                   {other("org", companies)} AS organization, {owner} AS owner,
                   CASE WHEN {chance(17, 3)} > 0 THEN {other("campaign", 380)} END AS campaign,
                   {other("deal", deals)} AS deal {rows(leads)}) made""",
        "crm_activity": f"""
            INSERT INTO crm_activity ({COMMON}, subject, type, status, lead_id, assignee_id, due_at,
                                      all_day, priority,
                                      completed_at)
            SELECT {id_of("activity")}, {meta()}, 'Call about ' || {product},
                   {one_of("Call Email Meeting Task", 19)}, status,
                   {other("lead", leads)}, {owner}, m + interval '40 days',
                   false, 'Medium',
                   CASE status WHEN 'Completed' THEN m END
            FROM (SELECT i, m, {one_of("Pending Completed", 20)} AS status {rows(activities)}) made""",
        "headlessly_event": f"""
            INSERT INTO headlessly_event (id, tenant_id, name, target, target_type, actor, timestamp,
                                          version, data, previous, request_id)
            SELECT {id_of("evt")}, {TENANT}, {one_of(["Lead.Created", "Lead.Updated"], 21)},
                   {id_of("lead", f"(i % {leads})")}, 'Lead', 'system', m, 1,
                   '{{"name": "a lead of the past"}}', '{{}}', 'req_bench'
            {rows(2 * leads)}""",
        # The versions of leads before they changed.
        "crm_lead_version": f"""
            INSERT INTO crm_lead_version ({COMMON}, name, status, source, score, budget, contact_id,
                                          organization_id, owner_id, first_touch_at, last_activity_at,
                                          valid_from, valid_to)
            SELECT id, tenant_id, 1, created_at, created_by, created_at, name, 'New', source, score,
                   budget, contact_id, organization_id, owner_id, first_touch_at, created_at,
                   created_at, updated_at
            FROM crm_lead WHERE version = 2""",
    }


def _tenants() -> None:
    from headlessly.access.models import Tenant

    for number in range(1, TENANTS + 1):
        Tenant.objects.create(pk=number, slug=f"tenant-{number}", name=f"Tenant {number}")


@contextmanager
def _without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Drop the indexes of a table inside the block, as building them afterwards costs a fraction of the
    time."""
    cursor.execute(
        """SELECT t.relname, i.relname, pg_get_indexdef(i.oid) FROM pg_index x
           JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
           WHERE t.relname IN (%s, %s) AND NOT EXISTS
               (SELECT FROM pg_constraint c WHERE c.conindid = i.oid)""",
        [table, f"{table}_version"],
    )
    found = cursor.fetchall()
    for _, name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, _, definition in found:
        cursor.execute(definition)
