"""Import and export compared with a plain COPY of the same rows.

The limit of an import is COPY of its finished rows and events into the product's own tables, with their
indexes and triggers; that of an export is COPY of the table to nowhere. Both run in turns on a database of
their own, which the run empties.
"""

from __future__ import annotations

import csv
import io
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from headlessly.context import tenant_scope

from . import databases
from .measuring import Measured

GOALS = {"import": 4.0, "export csv": 1.3, "export ndjson": 3.2}
ROWS, ROUNDS = 100_000, 3


def measured(wanted: Sequence[str], leads: int, *, drop: bool) -> dict[str, Measured]:
    """Returns the best times of some rounds in seconds, taken in turns."""
    from headlessly.access import actors, tenancy
    from headlessly.access.models import Tenant

    found: dict[str, Measured] = {}
    with databases.opened("headlessly_bench_transfer", lambda: None, drop=drop):
        tenant = Tenant.objects.filter(slug="bench").first() or Tenant.objects.create(slug="bench")
        with tenancy.active(tenant), actors.acting(actors.SYSTEM):
            _empty()
            if "import" in wanted:
                limit, product = [], []
                for _ in range(ROUNDS):
                    product.append(timed(lambda: importing(ROWS)))
                    limit.append(copying())
                    _empty()
                label = f"import of {ROWS:,} leads with events"
                found["import"] = Measured(label, min(limit), min(product), 4, "s")
            formats = [name.split()[1] for name in wanted if name.startswith("export")]
            if formats:
                fill(tenant.pk, leads)
                _settle()
            for format in formats:
                both = [
                    (timed(to_nowhere), timed(lambda f=format: exporting(f))) for _ in range(ROUNDS)
                ]
                label, name = f"export of {leads:,} leads as {format.upper()}", f"export {format}"
                limit_s, product_s = (min(times) for times in zip(*both, strict=True))
                found[name] = Measured(label, limit_s, product_s, GOALS[name], "s")
            _empty()
    return found


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# -- import -------------------------------------------------------------------------------------------


def leads(count: int) -> io.BytesIO:
    """Returns a typical file: some columns, one of them a reference by email."""
    chance = random.Random(1)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        [
            "Name",
            "Source",
            "Source detail",
            "Contact",
            "Score",
            "Budget",
            "Timeline",
            "First touch at",
        ]
    )
    for number in range(count):
        writer.writerow([
            f"Lead {number} {chance.randrange(10**9)}", chance.choice(["website", "event", "ads"]),
            f"/page/{number % 97}", f"person{number % 500}@example.com", chance.randrange(101),
            chance.randrange(10**5), "this quarter", f"2026-{1 + number % 9:02}-1{number % 10}T09:00:00Z",
        ])  # fmt: skip
    return io.BytesIO(text.getvalue().encode())


def importing(count: int) -> None:
    from crm import Contact, Lead
    from headlessly.transfer import imports
    from headlessly.transfer.import_job import Run

    if not Contact.objects.exists():
        for number in range(500):
            Contact.create(name=f"Person {number}", email=f"person{number}@example.com")
    file = leads(count)
    source = imports.begin_import(Lead, file, "csv", size=len(file.getvalue()))
    Run(source).go()
    source.refresh_from_db()
    if source.created != count:
        raise RuntimeError(f"{source.status}: {source.message}, {source.created} of {count}")


def copying() -> float:
    """Returns the seconds to COPY the same leads and events into their tables, after taking them out."""
    from django.db import connection

    tables = {"crm_lead": [], "headlessly_event": []}
    with connection.cursor() as cursor:
        for table, kept in tables.items():
            columns = [c for c in _columns(table) if c not in ("seq", "xid")]
            where = "WHERE name = 'Lead.Created'" if table == "headlessly_event" else ""
            sql = f"COPY (SELECT {', '.join(columns)} FROM {table} {where}) TO STDOUT"
            with cursor.copy(sql) as copy:
                kept.append(
                    (f"COPY {table} ({', '.join(columns)}) FROM STDIN", [bytes(b) for b in copy])
                )
    _empty()
    started = time.perf_counter()
    with connection.cursor() as cursor:
        for ((sql, lines),) in tables.values():
            with cursor.copy(sql) as copy:
                for line in lines:
                    copy.write(line)
    return time.perf_counter() - started


def _columns(table: str) -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        return [each.name for each in connection.introspection.get_table_description(cursor, table)]


@tenant_scope.every_tenant()
def _empty() -> None:
    """Delete all leads and events."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER IF EXISTS headlessly_append_only_truncate ON headlessly_event")
        cursor.execute("TRUNCATE crm_lead, crm_lead_version, headlessly_event CASCADE")
        cursor.execute("DELETE FROM procrastinate_jobs")
    _settle()


@tenant_scope.every_tenant()
def _settle() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


# -- export -------------------------------------------------------------------------------------------


def fill(tenant: int, count: int) -> None:
    """Let PostgreSQL create leads."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_lead (id, tenant_id, version, created_at, created_by, updated_at, name,
                 status, source, source_detail, score, budget, currency, need, first_touch_at,
                 last_activity_at)
               SELECT 'lead_' || lpad(to_hex(i), 12, '0'), %s, 1, m, 'system', m,
                 'Lead ' || md5(i::text), 'New', 'website', '/page/' || mod(i, 97), mod(i, 101),
                 mod(i, 100000), 'USD',
                 'They need more of it', m, m
               FROM (SELECT i, timestamptz '2026-01-01 09:00:00.123456' + i * interval '7 seconds' AS m
                     FROM generate_series(1, %s) i) made""",
            [tenant, count],
        )


def exporting(format: str) -> int:
    from crm import Lead
    from headlessly.transfer.exporting import Question, stream

    return sum(len(block) for block in stream(Question(Lead), format))


def to_nowhere() -> int:
    from django.db import connection

    def blocks() -> Iterator[bytes]:
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY crm_lead TO STDOUT (FORMAT csv)") as copy,
        ):
            yield from copy

    return sum(len(block) for block in blocks())
