"""Moves a tenant to another database while it is in use.

The tenant is copied, and then, again and again, what has changed since, until that is little. Then its log
is closed: new writers are told to try again, and writers that have begun are waited for. The rest is
copied, the log is opened in the target, and the proxy is told. The closed log in the source is never
opened again, so that nobody goes on writing there.

PostgreSQL tells what has changed since the last look: rows of transactions that had not ended then
(``xmin``), and events at the end of the log.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson
import psycopg
from psycopg import IsolationLevel
from psycopg.types.json import Jsonb

from headlessly.access.models import Tenant
from headlessly.copies.tenant_delete import LEFT_BEHIND
from headlessly.copies.tenant_export import find_tenant, read_people
from headlessly.copies.tenant_import import (
    analyze,
    clear_past,
    keep_own_values,
    open_log,
    raise_drawn_numbers,
    raise_numbers,
    refuse_slug,
)
from headlessly.copies.tenant_rows import Arrival, Connection, CopyRefused, connect, read_rows
from headlessly.copies.tenant_tables import TenantTable, tenant_tables
from headlessly.database.cluster import CLOSED
from headlessly.log.events import Event
from headlessly.shaping.models import CustomField

#: If a look for changes took at most ``QUICK`` seconds, writers are stopped next; there are at most
#: ``LOOKS``.
QUICK, LOOKS = 1.0, 10
JOBS = "(args #>> '{circumstances,tenant}')::bigint = %s"
JOB_COLUMNS = (
    "queue_name",
    "task_name",
    "priority",
    "lock",
    "queueing_lock",
    "scheduled_at",
    "attempts",
)
DATABASE = """
SELECT (pg_control_system()).system_identifier::text || '/' ||
(SELECT oid FROM pg_database WHERE datname = current_database())"""


class Moved(NamedTuple):
    """The result of a move."""

    rows: int  #: how many were copied, those that changed meanwhile repeatedly
    looks: int  #: how often it looked for changes
    seconds: float  #: how long nobody could write


class Move:
    """The move of one tenant from the database of the settings to another one."""

    def __init__(self, slug: str, url: str, *, limit: float = 5) -> None:
        self.slug, self.limit = slug, limit
        self.source, self.target = connect(), connect(url)
        self.tables = tenant_tables(with_secrets=True)
        self.arrival = Arrival(self.target, fixed={"slug": slug}, goes_on=True)
        self.since: int | None = None  #: the oldest transaction running at the last look
        self.rows = self.looks = 0
        #: Whether it is in use over there already, and only what comes after that is still to be done.
        self.has_arrived = False

    def run(self, switch: Callable[[], None] | None = None) -> Moved:
        """Moves the tenant; ``switch`` tells the proxy. Raises CopyRefused: then it is in use here as
        before."""
        try:
            self.begin()
            if self.has_arrived:
                try:
                    if switch:
                        switch()
                finally:
                    self.leave()
                return Moved(0, 0, 0)
            self.copy_until_little_changes()
            self.wait_for_jobs()
            stopped = time.monotonic()
            self.stop_writers()
            try:
                self.copy_changes()
                self.move_jobs()
                last = "SELECT last_value FROM headlessly_event_seq_seq"
                raise_numbers(self.target, self._ask(self.source, last))
                raise_drawn_numbers(self.arrival, self.tables)
                open_log(self.arrival)
                if (late := time.monotonic() - stopped) > self.limit:
                    raise CopyRefused(
                        f"It would have stood for {late:.1f} s: more than {self.limit:g}. Move it when less "
                        "is written, or allow more: --limit SECONDS."
                    )
            except BaseException:
                self.target.rollback()
                self.open_again()
                raise
            self.target.commit()
            try:
                if switch:
                    switch()
                seconds = time.monotonic() - stopped
            finally:
                self.leave()
            return Moved(self.rows, self.looks, seconds)
        except psycopg.Error as problem:
            raise CopyRefused(str(problem).strip()) from None
        finally:
            self.source.close()
            self.target.close()

    def begin(self) -> None:
        """Creates the tenant in the target, or goes on where a move was interrupted."""
        self.number = find_tenant(self.source, self.slug)
        self.home = self._state(self.source)
        if self._ask(self.source, DATABASE) == self._ask(self.target, DATABASE):
            raise CopyRefused("--to is the database in which the tenant is.")
        if self.home == CLOSED:
            self._refuse_unless_arrived()
            return
        self._refuse_other_tables()
        self.source.commit()
        if self._state(self.target) == CLOSED:
            self.arrival.tenant = find_tenant(self.target, self.slug)
            return
        refuse_slug(self.target, self.slug)
        (line,) = self._changed(self.tables[0])
        self.source.commit()
        self.arrival.add_tenant(line)

    def _refuse_unless_arrived(self) -> None:
        """Of a tenant that is closed here: whether it is in use over there, so that a move was killed at its
        very end. Raises CopyRefused."""
        opened = f"manage.py log resume --tenant {self.slug} --force"
        there = self._state(self.target)
        if there == CLOSED:
            raise CopyRefused(
                f"A move of {self.slug} was killed while it stopped it: it is closed here and over there. "
                f"Open it here, and move it again: {opened}"
            )
        if there is None or not self._has_last_event():
            raise CopyRefused(
                f"{self.slug} is closed here and not in use over there: it has moved elsewhere, or a move "
                f"was killed while it stopped it. Where it is in use nowhere: {opened}"
            )
        self.has_arrived = True

    def _has_last_event(self) -> bool:
        """Whether the last event of the log here is in the one over there."""
        own = (
            "SELECT e.id FROM headlessly_event AS e JOIN headlessly_tenant AS t ON t.id = e.tenant_id "
            "WHERE t.slug = %s"
        )
        last = self.source.execute(
            f"{own} ORDER BY e.xid DESC, e.seq DESC LIMIT 1", (self.slug,)
        ).fetchone()
        return bool(
            last and self.target.execute(f"{own} AND e.id = %s", (self.slug, *last)).fetchone()
        )

    def copy_until_little_changes(self) -> None:
        for _ in range(LOOKS):
            began = time.monotonic()
            self.copy_changes()
            self.target.commit()
            if self.looks == 1:
                analyze(self.target, self.tables)
            elif time.monotonic() - began < QUICK:
                return

    def copy_changes(self) -> None:
        """Copies what has changed since the last look, all as of one moment."""
        self.looks += 1
        self.source.commit()
        self.source.isolation_level = IsolationLevel.REPEATABLE_READ
        oldest = self._ask(
            self.source, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
        self._copy_tenant_and_people()
        changed: dict[str, list[str]] = {}
        if self.since is None:
            self._clear()
        for table in self.tables:
            if table.only_grows:
                self.rows += self.arrival.write_rows(table, self._changed(table))
            elif table.is_past:
                if self.since is None:
                    continue
                self._copy_past(table, changed.get(table.model.noun._meta.db_table, []))  # type: ignore[attr-defined]
            elif table.model is not Tenant:
                changed[table.name] = self._copy_table(table)
        if self.since is None:
            clear_past(self.arrival, self.tables)
            for table in self.tables:
                if table.is_past:
                    self.rows += self.arrival.write_rows(table, self._changed(table))
        if self.since is None or changed[CustomField._meta.db_table]:
            keep_own_values(self.arrival)  # also for records without changes
        self.source.commit()
        self.source.isolation_level = None
        self.since = oldest

    def _clear(self) -> None:
        """Deletes what an earlier move has copied, except from tables that only grow."""
        for table in reversed(self.tables):
            if table.model is not Tenant and not table.only_grows:
                self._delete(table, "true")

    def _delete(self, table: TenantTable, condition: str, *given: Any) -> None:
        self.target.execute(
            f"DELETE FROM {table.name} AS t WHERE {table.owned_by} AND {condition}",  # type: ignore[arg-type]
            (self.arrival.tenant, *given),
        )

    def _changed(self, table: TenantTable) -> Iterator[str]:
        """Yields the rows of a table that have changed since the last look, or all at the first."""
        only = "true"
        given: tuple[Any, ...] = ()
        if self.since is not None:
            only, given = "age(t.xmin) <= age(%s::text::xid)", (str(self.since % 2**32),)
            if table.model is Event:  # uses the index: there are many, and none changes
                only = (
                    "t.xid >= (SELECT (o.log_offset + %s)::text::xid8 FROM headlessly_tenant AS o "
                    "WHERE o.id = t.tenant_id)"
                )
                given = (self.since,)
        return read_rows(self.source, table, self.number, with_secrets=True, only=only, given=given)

    def _copy_table(self, table: TenantTable) -> list[str]:
        """Copies the rows that have changed, and deletes those that are gone. Returns the keys of the
        changed rows."""
        if self.since is None:
            self.rows += self.arrival.write_rows(table, self._changed(table))
            return []
        # Changed rows are deleted before any is written, as one may now have a unique value of another.
        with tempfile.TemporaryFile("w+") as kept:
            keys = []
            for line in self._changed(table):
                kept.write(line + "\n")
                if table.key:
                    keys.append(orjson.loads(line)[table.key])
            kept.seek(0)
            if table.key is None:
                return self._copy_without_key(table, is_same=not kept.readline())
            if self._count(self.source, table) != self._count(self.target, table) + len(
                set(keys) - self._keys(self.target, table, keys)
            ):
                gone = self._keys(self.target, table) - self._keys(self.source, table)
                self._delete(table, f"t.{table.key} = ANY(%s)", list(gone))
            self._delete(table, f"t.{table.key} = ANY(%s)", keys)
            self.rows += self.arrival.write_rows(table, (line.rstrip("\n") for line in kept))
        return keys

    def _copy_without_key(self, table: TenantTable, *, is_same: bool) -> list[str]:
        """Copies the whole table if anything in it has changed, as its rows cannot be told apart."""
        if not is_same or self._count(self.source, table) != self._count(self.target, table):
            self._delete(table, "true")
            lines = read_rows(self.source, table, self.number, with_secrets=True)
            self.rows += self.arrival.write_rows(table, lines)
        return []

    def _copy_past(self, table: TenantTable, records: list[str]) -> None:
        """Copies the past of the records that have changed."""
        self._delete(table, "t.id = ANY(%s)", records)
        lines = read_rows(
            self.source,
            table,
            self.number,
            with_secrets=True,
            only="t.id = ANY(%s)",
            given=(records,),
        )
        self.rows += self.arrival.write_rows(table, lines)

    def _copy_tenant_and_people(self) -> None:
        table = self.tables[0]
        (line,) = read_rows(self.source, table, self.number, with_secrets=True)
        columns = [c for c in table.columns if c != "slug"]
        listed = ", ".join(f'"{c}" = r."{c}"' for c in columns)
        self.target.execute(
            f"UPDATE headlessly_tenant AS t SET {listed} "  # type: ignore[arg-type]
            "FROM json_populate_record(NULL::headlessly_tenant, %s::json) AS r WHERE t.id = %s",
            (line, self.arrival.tenant),
        )
        people = list(read_people(self.source, self.number, with_secrets=True))
        self.arrival.add_people(people)

    def _count(self, at: Connection, table: TenantTable) -> int:
        query = f"SELECT count(*) FROM {table.name} AS t WHERE {table.owned_by}"
        return self._ask(at, query, self._number_at(at))

    def _keys(self, at: Connection, table: TenantTable, among: list[str] | None = None) -> set[str]:
        query = f"SELECT t.{table.key} FROM {table.name} AS t WHERE {table.owned_by}"
        given: list[Any] = [self._number_at(at)]
        if among is not None:
            query, given = f"{query} AND t.{table.key} = ANY(%s)", [*given, among]
        return {key for (key,) in at.execute(query, given)}  # type: ignore[arg-type]

    def _number_at(self, at: Connection) -> int:
        return self.number if at is self.source else self.arrival.tenant

    def _ask(self, at: Connection, query: str, *given: Any) -> Any:
        return at.execute(query, given).fetchone()[0]  # type: ignore[arg-type,index]

    def _state(self, at: Connection) -> str | None:
        query = "SELECT log_cluster FROM headlessly_tenant WHERE slug = %s"
        found = at.execute(query, (self.slug,)).fetchone()
        return found and found[0]

    def _refuse_other_tables(self) -> None:
        query = (
            "SELECT table_name, column_name, udt_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name = ANY(%s)"
        )
        names = [table.name for table in self.tables]
        here, there = (set(at.execute(query, (names,))) for at in (self.source, self.target))
        if here != there:
            other = sorted({name for name, *_ in here ^ there})
            raise CopyRefused(
                f"The tables over there are another version's: {', '.join(other[:3])}. "
                "Run `migrate` with the same version of the product on both."
            )

    def wait_for_jobs(self) -> None:
        """Waits until no job of the tenant is running. Raises CopyRefused."""
        query = f"SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' AND {JOBS}"
        for _ in range(600):
            busy = self._ask(self.source, query, self.number)
            self.source.commit()
            if not busy:
                return
            time.sleep(0.1)
        raise CopyRefused("A background job of the tenant has run for a minute: try again later.")

    def stop_writers(self) -> None:
        """Closes the log, and waits for writers that have begun. Raises CopyRefused."""
        close = "UPDATE headlessly_tenant SET log_cluster = %s WHERE id = %s"
        self.source.execute(close, (CLOSED, self.number))
        self.source.commit()
        try:
            self.source.execute(f"SET LOCAL lock_timeout = {int(self.limit * 1000)}")  # type: ignore[arg-type]
            lock = "SELECT FROM headlessly_tenant WHERE id = %s FOR UPDATE"
            self.source.execute(lock, (self.number,))
            self.source.commit()
        except psycopg.errors.LockNotAvailable:
            self.open_again()
            raise CopyRefused(
                f"Somebody has been writing for more than {self.limit:g} s: try again later."
            ) from None

    def open_again(self) -> None:
        """Lets the tenant be used in the source as before."""
        self.source.rollback()
        self.source.isolation_level = None
        self.source.execute(
            "UPDATE headlessly_tenant SET log_cluster = %s WHERE id = %s", (self.home, self.number)
        )
        self.source.commit()

    def move_jobs(self) -> None:
        """Moves the queued jobs of the tenant to the target."""
        columns = ", ".join(JOB_COLUMNS)
        own = re.compile(rf"(?<=[: ]){self.number}(?=$|:)")  # the tenant's key in names of locks
        query = f"SELECT {columns}, args FROM procrastinate_jobs WHERE status = 'todo' AND {JOBS}"
        for *values, args in self.source.execute(query, (self.number,)).fetchall():  # type: ignore[arg-type]
            named = dict(zip(JOB_COLUMNS, values, strict=True))
            for name in ("lock", "queueing_lock"):
                if named[name]:
                    named[name] = own.sub(str(self.arrival.tenant), named[name])
            args["circumstances"]["tenant"] = self.arrival.tenant
            self.target.execute(
                f"INSERT INTO procrastinate_jobs ({columns}, args) "  # type: ignore[arg-type]
                f"VALUES ({', '.join(['%s'] * len(named))}, %s) ON CONFLICT DO NOTHING",
                [*named.values(), Jsonb(args)],
            )
        self.source.commit()

    def leave(self) -> None:
        """Renames the closed copy that stays in the source, and ends its jobs and webhooks."""
        name = f"{self.slug[:32]}{LEFT_BEHIND}{int(time.time())}"
        self.source.execute(
            "UPDATE headlessly_tenant SET slug = %s, has_webhooks = false WHERE id = %s",
            (name, self.number),
        )
        off = "UPDATE headlessly_webhook SET active = false WHERE tenant_id = %s"
        self.source.execute(off, (self.number,))
        jobs = f"DELETE FROM procrastinate_jobs WHERE status = 'todo' AND {JOBS}"
        self.source.execute(jobs, (self.number,))  # type: ignore[arg-type]
        self.source.commit()


def run_switch(command: str, slug: str) -> None:
    """Runs the operator's command that tells the proxy. Raises SwitchFailed, although the tenant has
    moved."""
    done = subprocess.run(command, shell=True, env={**os.environ, "TENANT": slug}, check=False)
    if done.returncode:
        raise SwitchFailed(f"{slug} has moved, but `{command}` failed: tell the proxy by hand.")


class SwitchFailed(Exception):
    """The tenant is open in the target, but the proxy was not told."""
