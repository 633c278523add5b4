"""The limit: psycopg 3, prepared statements, the best index, orjson; no framework, nothing to check.

On tables of its own with the product's columns, without its triggers and its indexes for other paths.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
from psycopg.types.json import Jsonb

from headlessly.ids import public_id

NOUNS = ("lead", "contact", "organization", "deal")
INDEXES = """
CREATE INDEX ON limit_lead (tenant_id, status, score DESC NULLS LAST, id DESC);
CREATE INDEX ON limit_event (target, seq);
"""


class Limit:
    """What the database and the driver can do at the best, on one connection."""

    def __init__(self, connection: psycopg.Connection, tenant: int) -> None:
        self.connection, self.tenant = connection, tenant
        connection.autocommit = True
        connection.prepare_threshold = 0
        for noun in NOUNS:
            self.run(f"CREATE TABLE limit_{noun} AS TABLE crm_{noun}")
            self.run(f"ALTER TABLE limit_{noun} ADD PRIMARY KEY (id)")
        self.run("CREATE TABLE limit_campaign AS TABLE marketing_campaign")
        self.run("ALTER TABLE limit_campaign ADD PRIMARY KEY (id)")
        self.run("CREATE TABLE limit_event (LIKE headlessly_event INCLUDING DEFAULTS)")
        self.run("ALTER TABLE limit_event ADD PRIMARY KEY (id)")
        self.run("ALTER TABLE limit_event ALTER seq ADD GENERATED ALWAYS AS IDENTITY")
        for statement in filter(str.strip, INDEXES.split(";")):
            self.run(statement)
        self.run("VACUUM ANALYZE")
        self.columns = {
            noun: [row[0] for row in self.rows(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "ORDER BY attnum", [f"limit_{noun}"])]
            for noun in (*NOUNS, "campaign")
        }  # fmt: skip

    def run(self, sql: str, parameters: Any = None) -> None:
        self.connection.execute(sql, parameters)

    def rows(self, sql: str, parameters: Any = None) -> list[tuple]:
        return self.connection.execute(sql, parameters).fetchall()

    def list(self) -> Callable[[], bytes]:
        """25 qualified leads by score, with contact, organization and campaign, and a capped count."""
        parts = [(a, n) for a, n in (("l", "lead"), ("c", "contact"), ("o", "organization"),
                                     ("k", "campaign"))]  # fmt: skip
        select = ", ".join(f'{a}."{c}"' for a, n in parts for c in self.columns[n])
        page = (
            f"SELECT {select} FROM limit_lead l "
            "LEFT JOIN limit_contact c ON c.id = l.contact_id "
            "LEFT JOIN limit_organization o ON o.id = l.organization_id "
            "LEFT JOIN limit_campaign k ON k.id = l.campaign_id "
            "WHERE l.tenant_id = %s AND l.status = %s AND l.deleted_at IS NULL "
            "ORDER BY l.score DESC NULLS LAST, l.id DESC LIMIT 25"
        )
        count = (
            "SELECT count(*) FROM (SELECT 1 FROM limit_lead WHERE tenant_id = %s AND status = %s "
            "AND deleted_at IS NULL LIMIT 10001) c"
        )
        sizes = [len(self.columns[n]) for _, n in parts]

        def once() -> bytes:
            found = []
            for row in self.rows(page, [self.tenant, "Qualified"]):
                record = dict(zip(self.columns["lead"], row[: sizes[0]], strict=True))
                start = sizes[0]
                for (_, noun), size in zip(parts[1:], sizes[1:], strict=True):
                    record[noun] = dict(
                        zip(self.columns[noun], row[start : start + size], strict=True)
                    )
                    start += size
                found.append(record)
            total = self.rows(count, [self.tenant, "Qualified"])[0][0]
            return orjson.dumps({"results": found, "total": total}, default=float)

        return once

    def get(self, ids: Any) -> Callable[[], bytes]:
        names = self.columns["lead"]
        sql = "SELECT * FROM limit_lead WHERE id = %s AND tenant_id = %s AND deleted_at IS NULL"

        def once() -> bytes:
            row = self.rows(sql, [next(ids), self.tenant])[0]
            return orjson.dumps(dict(zip(names, row, strict=True)), default=float)

        return once

    def create(self, contact: str, company: str) -> Callable[[], None]:
        def once() -> None:
            with self.connection.transaction():
                id = public_id("lead")
                self._insert("lead", self._lead(id, contact, company))
                self._event("Lead.Created", id, {"name": "A new lead"})

        return once

    def convert(self, contact: str, company: str) -> Callable[[], None]:
        """Lock, deal, lead, contact and five events. The leads to convert are made beforehand."""
        ids = []
        for _ in range(600):
            ids.append(public_id("lead"))
            self._insert("lead", self._lead(ids[-1], contact, company) | {"status": "Qualified"})
        given = iter(ids)

        def once() -> None:
            id, deal, now = next(given), public_id("deal"), datetime.now(UTC)
            with self.connection.transaction():
                self.rows("SELECT * FROM limit_lead WHERE id = %s FOR NO KEY UPDATE", [id])
                self._insert("deal", self._meta(deal) | {
                    "name": "A new lead", "value": 500, "stage": "Prospecting", "currency": "USD",
                    "contact_id": contact, "organization_id": company})  # fmt: skip
                self.run(
                    "UPDATE limit_lead SET status = 'Converted', converted_at = %s, deal_id = %s, "
                    "version = version + 2 WHERE id = %s", [now, deal, id],
                )  # fmt: skip
                self.rows("SELECT * FROM limit_contact WHERE id = %s FOR NO KEY UPDATE", [contact])
                self.run("UPDATE limit_contact SET stage = 'Qualified' WHERE id = %s", [contact])
                for name in ("Lead.Converted", "Deal.Created", "Lead.Updated", "Contact.Qualified",
                             "lead_converted"):  # fmt: skip
                    self._event(name, id, {"name": "A new lead"})

        return once

    def _meta(self, id: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {"id": id, "tenant_id": self.tenant, "version": 1, "created_at": now,
                "created_by": "system", "updated_at": now}  # fmt: skip

    def _lead(self, id: str, contact: str, company: str) -> dict[str, Any]:
        return self._meta(id) | {"name": "A new lead", "source": "website", "status": "New",
                                 "score": 50.0, "budget": 500, "contact_id": contact,
                                 "organization_id": company}  # fmt: skip

    def _insert(self, noun: str, values: dict[str, Any]) -> None:
        marks = ", ".join(["%s"] * len(values))
        sql = f"INSERT INTO limit_{noun} ({', '.join(values)}) VALUES ({marks})"
        self.run(sql, list(values.values()))

    def _event(self, name: str, target: str, data: dict[str, Any]) -> None:
        values = {"id": public_id("evt"), "tenant_id": self.tenant, "name": name, "target": target,
                  "target_type": "Lead", "actor": "system", "timestamp": datetime.now(UTC),
                  "version": 1, "data": Jsonb(data, orjson.dumps), "request_id": "req_bench"}  # fmt: skip
        self._insert("event", values)
