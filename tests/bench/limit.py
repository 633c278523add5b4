"""The limit: psycopg 3, prepared statements, the best index, orjson; no framework and no checks.

Writes go to tables of its own with the product's columns, but without its triggers and without indexes for
other queries. Searches and reads of the past use the product's tables, which have the indexes for them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
from psycopg.types.json import Jsonb

from headlessly.ids import public_id

NOUNS = ("lead", "contact", "organization", "deal")
INDEXES = """
CREATE INDEX ON limit_lead (tenant_id, status, score DESC NULLS LAST, id DESC) WHERE deleted_at IS NULL;
"""


class Limit:
    """The best that database and driver can do on one connection."""

    def __init__(self, connection: psycopg.Connection, tenant: int) -> None:
        self.connection, self.tenant = connection, tenant
        connection.autocommit = True
        connection.prepare_threshold = 0
        if self.rows("SELECT to_regclass('limit_event')")[0][0] is None:
            self._build()
        self.columns = {
            noun: [row[0] for row in self.rows(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                "ORDER BY attnum", [f"limit_{noun}"])]
            for noun in (*NOUNS, "campaign")
        }  # fmt: skip

    def _build(self) -> None:
        for noun in NOUNS:
            self.run(f"CREATE TABLE limit_{noun} AS TABLE crm_{noun}")
            self.run(f"ALTER TABLE limit_{noun} ADD PRIMARY KEY (id)")
        self.run("CREATE TABLE limit_campaign AS TABLE marketing_campaign")
        self.run("ALTER TABLE limit_campaign ADD PRIMARY KEY (id)")
        for statement in filter(str.strip, INDEXES.split(";")):
            self.run(statement)
        with self.connection.transaction():
            self.run("CREATE TABLE limit_event (LIKE headlessly_event INCLUDING DEFAULTS)")
            self.run("ALTER TABLE limit_event ADD PRIMARY KEY (id)")
            self.run("ALTER TABLE limit_event ALTER seq ADD GENERATED ALWAYS AS IDENTITY")
            self.run("CREATE INDEX ON limit_event (target, seq)")
        self.run("VACUUM ANALYZE")

    def run(self, sql: str, parameters: Any = None) -> None:
        self.connection.execute(sql, parameters)

    def rows(self, sql: str, parameters: Any = None, *, prepare: bool | None = None) -> list[tuple]:
        return self.connection.execute(sql, parameters, prepare=prepare).fetchall()

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

    def _records(self, keys: Sequence[str], table: str, key: str) -> list[dict[str, Any]]:
        names = self.columns["lead"]
        columns = ", ".join(f'"{name}"' for name in names)
        rows = self.rows(f"SELECT {columns} FROM {table} WHERE {key} = ANY(%s)", [list(keys)])
        return [dict(zip(names, row, strict=True)) for row in rows]

    def search(self, words: str) -> Callable[[], bytes]:
        """Finds 25 leads with the words, the newest first, and a capped count.

        It is written by somebody who knows how frequent the words are, and uses the product's tables for
        their trigram indexes.
        """
        leading, *others = (f"%{word.lower()}%" for word in words.split())
        mine = "l.tenant_id = %(t)s::bigint AND l.deleted_at IS NULL"
        theirs = "o.tenant_id = %(t)s::bigint AND o.deleted_at IS NULL"
        person = "headlessly_fold(o.name) LIKE {w} OR headlessly_fold(o.email) LIKE {w}"
        has = (
            f"(headlessly_fold(l.name) LIKE {{w}} OR (SELECT true FROM crm_contact o "
            f"WHERE o.id = l.contact_id "
            f"AND {theirs} AND ({person})) OR (SELECT true FROM crm_organization o "
            f"WHERE o.id = l.organization_id AND {theirs} AND headlessly_fold(o.name) LIKE {{w}}))"
        )
        also = "".join(f" AND {has.format(w=f'%(w{n})s')}" for n, _ in enumerate(others))
        looked_up = (
            "headlessly_fold(l.name) LIKE {w}",
            f"l.contact_id IN (SELECT o.id FROM crm_contact o WHERE {theirs} AND ({person}))",
            "l.organization_id IN (SELECT o.id FROM crm_organization o "
            f"WHERE {theirs} AND headlessly_fold(o.name) LIKE {{w}})",
        )
        marks = ["%(w)s", *(f"%(w{n})s" for n, _ in enumerate(others))]
        parts = [
            " AND ".join(part.format(w=mark) for part, mark in zip(chosen, marks, strict=True))
            for chosen in itertools.product(looked_up, repeat=len(marks))
        ]
        united = " UNION ".join(
            f"(SELECT l.id, l.created_at FROM crm_lead l WHERE {mine} AND {part} LIMIT 10001)"
            for part in parts
        )
        gather = (
            f"WITH found AS MATERIALIZED (SELECT * FROM ({united}) u LIMIT 10001) "
            "SELECT id, (SELECT count(*) FROM found) FROM found ORDER BY created_at DESC, id DESC LIMIT 26"
        )
        walk = (
            f"SELECT l.id FROM crm_lead l WHERE {mine} AND {has.format(w='%(w)s')}{also} "
            "ORDER BY l.created_at DESC, l.id DESC LIMIT 26"
        )
        given = {"t": self.tenant, "w": leading, **{f"w{n}": w for n, w in enumerate(others)}}

        def once() -> bytes:
            # A generic plan is bad for these: with several words it is planned each time.
            rows = self.rows(gather, given, prepare=None if not others else False)
            total = rows[0][1] if rows else 0
            rows = self.rows(walk, given) if total > 10_000 else rows
            records = self._records([row[0] for row in rows[:25]], "crm_lead", "id")
            return orjson.dumps({"results": records, "total": total}, default=float)

        return once

    def as_of(self, where: str, order: str, *, days: int) -> Callable[[], bytes]:
        """25 leads as they were some days ago, and a capped count: typed rows with a validity."""
        then = datetime.now(UTC) - timedelta(days=days)
        valid = (
            f"FROM crm_lead_version WHERE tenant_id = %s AND deleted_at IS NULL AND {where} "
            "AND created_at <= %s AND valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)"
        )
        given = [self.tenant, then, then, then]
        names = self.columns["lead"]
        columns = ", ".join(f'"{name}"' for name in names)

        def once() -> bytes:
            rows = self.rows(f"SELECT {columns} {valid} ORDER BY {order} LIMIT 26", given)
            total = self.rows(f"SELECT count(*) FROM (SELECT {valid} LIMIT 10001) c", given)[0][0]
            records = [dict(zip(names, row, strict=True)) for row in rows[:25]]
            return orjson.dumps({"results": records, "total": total}, default=float)

        return once

    def funnel(self) -> Callable[[], list[tuple]]:
        """How many leads of a year stand where, and had come how far: one covering scan."""
        sql = (
            "SELECT status, reached, count(*) FROM crm_lead WHERE tenant_id = %s "
            "AND deleted_at IS NULL AND created_at >= '2026-01-01' AND created_at < '2027-01-01' "
            "GROUP BY status, reached"
        )
        return lambda: self.rows(sql, [self.tenant])

    def aggregate(self) -> Callable[[], list[tuple]]:
        """Count, sum and average by source: as many sums as there are currencies."""
        sql = (
            "SELECT source, currency, count(*), sum(budget), avg(score) FROM crm_lead "
            "WHERE tenant_id = %s AND deleted_at IS NULL GROUP BY source, currency"
        )
        return lambda: self.rows(sql, [self.tenant])

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

    def convert(self, contact: str, company: str, count: int = 600) -> Callable[[], None]:
        """Lock, deal, lead, contact and five events. The leads to convert are made beforehand."""
        ids = []
        for _ in range(count):
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
                                 "score": 50.0, "budget": 500, "currency": "USD", "contact_id": contact,
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
