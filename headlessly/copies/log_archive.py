"""Archives old months of a tenant's log and of the past of its records to files, and restores them.

A month is a folder with a file of JSON lines for each table, and ``manifest.json``, written last, with the
number of rows and the checksum of each. The rows are deleted in the transaction that reads them, after the
files have been read back, so that they are always in one of the two; an interrupted run starts again with
the same month. From then on the tenant states when its past begins (:mod:`headlessly.log.kept`). Months
are restored in the opposite order, the latest first.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg import IsolationLevel

from headlessly.copies.tenant_export import FORMAT, MANIFEST, find_tenant
from headlessly.copies.tenant_rows import Arrival, Connection, CopyRefused, connect, read_rows
from headlessly.copies.tenant_tables import TenantTable, tenant_tables
from headlessly.environment import product_version
from headlessly.log.events import Event, LogPosition

BEGINS = "SELECT past_begins, archived_to FROM headlessly_tenant WHERE id = %s FOR NO KEY UPDATE"
SET_BEGINS = "UPDATE headlessly_tenant SET past_begins = %s, archived_to = %s WHERE id = %s"
LAST_PLACE = """
SELECT t.xid::text, t.seq FROM headlessly_event AS t WHERE t.tenant_id = %s AND t.timestamp < %s
ORDER BY t.xid DESC, t.seq DESC LIMIT 1"""
UNTOLD = """
SELECT id, active FROM headlessly_webhook
WHERE tenant_id = %s AND (xid, seq) < (%s::bigint, %s::bigint) ORDER BY active DESC LIMIT 1"""


@dataclass(frozen=True)
class Month:
    """A month that was archived or restored, or would be archived: its folder, its end, and how many rows
    each table has."""

    folder: Path
    until: datetime
    rows: dict[str, int]


def archive_log(
    slug: str, folder: Path, before: datetime, *, dry_run: bool = False
) -> Iterator[Month]:
    """Archives all months of the tenant that end at ``before`` or earlier to ``folder/slug``, one by one.

    ``before`` is the first moment of a month. Raises CopyRefused.
    """
    with closing(connect()) as here:
        here.isolation_level = IsolationLevel.REPEATABLE_READ  # deletes exactly what was written
        tenant = find_tenant(here, slug)
        begins = _earliest(here, tenant)
        here.rollback()
        until = _next_month(begins or before)
        counted = dict.fromkeys((table.name for table in _tables()), 0)
        while until <= before:
            try:
                with here.transaction():
                    month = _take_out(here, slug, tenant, folder / slug, until, dry_run=dry_run)
            except psycopg.errors.SerializationFailure:
                raise CopyRefused(
                    "The tenant was changed at the same moment. Run it again."
                ) from None
            if month is not None and dry_run:  # these counts include the months before
                rows = {name: count - counted[name] for name, count in month.rows.items()}
                counted, month = month.rows, replace(month, rows=rows)
            if month is not None:
                yield month
            until = _next_month(until)


def restore_log(slug: str, folder: Path) -> Iterator[Month]:
    """Restores the months of the tenant in ``folder/slug``, the latest first. Raises CopyRefused."""
    with closing(connect()) as here:
        tenant = find_tenant(here, slug)
        here.rollback()
        found = [
            (_read_manifest(place), place) for place in sorted((folder / slug).glob("????-??/"))
        ]
        for manifest, place in sorted(found, key=lambda each: each[0]["until"], reverse=True):
            with here.transaction():
                month = _bring_back(here, tenant, place, manifest)
            if month is not None:
                yield month


def _tables() -> list[TenantTable]:
    return [t for t in tenant_tables(with_secrets=False) if t.is_past or t.model is Event]


def _is_older(table: TenantTable) -> str:
    """Returns the condition for rows that are not needed to answer for any moment after the given one."""
    return "t.valid_to <= %s" if table.is_past else "t.timestamp < %s"


def _earliest(here: Connection, tenant: int) -> datetime | None:
    """Returns the earliest moment in the rows that could be archived; None if there are none."""
    found = []
    for table in _tables():
        column = "valid_to" if table.is_past else "timestamp"
        sql = f"SELECT min({column}) FROM {table.name} WHERE tenant_id = %s"
        found.append(here.execute(sql, (tenant,)).fetchone()[0])  # type: ignore[arg-type,index]
    return min(filter(None, found), default=None)


def _next_month(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    year, month = divmod(moment.year * 12 + moment.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _take_out(
    here: Connection, slug: str, tenant: int, folder: Path, until: datetime, *, dry_run: bool
) -> Month | None:
    begins, archived_to = here.execute(BEGINS, (tenant,)).fetchone()  # type: ignore[misc]
    if begins is not None and until <= begins:
        return None
    place = folder / f"{until.year - (until.month == 1)}-{(until.month - 2) % 12 + 1:02}"
    rows = {table.name: _count(here, table, tenant, until) for table in _tables()}
    if dry_run or not any(rows.values()):
        return Month(place, until, rows) if any(rows.values()) else None
    last = here.execute(LAST_PLACE, (tenant, until)).fetchone()
    to = LogPosition(int(last[0]), last[1]) if last else None
    if to and (webhook := here.execute(UNTOLD, (tenant, *to)).fetchone()):
        id, is_active = webhook
        paused = " It is paused: an admin of the tenant lets it go on, or deletes it."
        raise CopyRefused(
            f"{slug}: the webhook {id} has still to be told of events before {until:%F}."
            f"{'' if is_active else paused}"
        )
    if archived_to:
        to = max(LogPosition.parse(archived_to), to or LogPosition(0, 0))
    _write(here, place, tenant, until, rows, slug, (begins, archived_to), str(to) if to else None)
    here.execute(SET_BEGINS, (until, str(to) if to else None, tenant))
    for table in _tables():
        gone = here.execute(
            f"DELETE FROM {table.name} AS t WHERE t.tenant_id = %s AND {_is_older(table)}",  # type: ignore[arg-type]
            (tenant, until),
        )
        if gone.rowcount != rows[table.name]:
            raise CopyRefused(
                f"{table.name}: {gone.rowcount} rows instead of {rows[table.name]}. Run it again."
            )
    try:
        here.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.errors.ForeignKeyViolation:
        raise CopyRefused(
            f"{slug}: deliveries to webhooks refer to events before {until:%F}. They are deleted by "
            "the workers in a while; take out what is older."
        ) from None
    return Month(place, until, rows)


def _count(here: Connection, table: TenantTable, tenant: int, until: datetime) -> int:
    sql = f"SELECT count(*) FROM {table.name} AS t WHERE t.tenant_id = %s AND {_is_older(table)}"
    return here.execute(sql, (tenant, until)).fetchone()[0]  # type: ignore[arg-type,index]


def _write(
    here: Connection,
    place: Path,
    tenant: int,
    until: datetime,
    rows: dict[str, int],
    slug: str,
    before: tuple[Any, Any],
    archived_to: str | None,
) -> None:
    """Writes the files of a month and reads them back. The folder gets its name when it is complete."""
    part = place.with_name(f"{place.name}.part")
    if part.exists():
        shutil.rmtree(part)  # of an interrupted run: its rows are still in the database
    part.mkdir(mode=0o700, parents=True)
    tables: dict[str, Any] = {}
    for table in _tables():
        file = part / f"{table.name}.ndjson"
        lines = read_rows(
            here, table, tenant, with_secrets=False, only=_is_older(table), given=(until,)
        )
        digest = _write_lines(file, lines)
        if _checksum(file) != digest or _number_of_lines(file) != rows[table.name]:
            raise CopyRefused(f"{file} could not be written: the disk gives back something else.")
        columns = list(table.columns)
        tables[table.name] = {"rows": rows[table.name], "sha256": digest, "columns": columns}
    manifest = {
        "format": FORMAT,
        "product": product_version(),
        "tenant": slug,
        "until": until,
        "archivedTo": archived_to,
        "before": {"pastBegins": before[0], "archivedTo": before[1]},
        "tables": tables,
    }
    _write_lines(part / MANIFEST, [orjson.dumps(manifest, option=orjson.OPT_INDENT_2).decode()])
    if place.exists():
        # Complete already: a run was interrupted just before it deleted the rows, or it is another's.
        if _read_manifest(place)["tables"] != tables:
            raise CopyRefused(f"{place} is there already, with other rows. Choose another folder.")
        shutil.rmtree(part)
    else:
        part.rename(place)


def _write_lines(file: Path, lines: Iterable[str]) -> str:
    """Writes lines to the disk. Returns their checksum."""
    digest = hashlib.sha256()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        for line in lines:
            data = line.encode() + b"\n"
            digest.update(data)
            out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _checksum(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _number_of_lines(file: Path) -> int:
    with file.open("rb") as data:
        return sum(1 for _ in data)


def _read_manifest(place: Path) -> dict[str, Any]:
    try:
        manifest = orjson.loads((place / MANIFEST).read_bytes())
        known = (manifest["format"], manifest["until"], manifest["before"], manifest["tables"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        raise CopyRefused(
            f"{place} is not whole: {MANIFEST}, written last, is not there."
        ) from None
    if known[0] != FORMAT:
        raise CopyRefused(f"{place} has the format {known[0]}; this version reads {FORMAT}.")
    return manifest


def _bring_back(
    here: Connection, tenant: int, place: Path, manifest: dict[str, Any]
) -> Month | None:
    begins, _ = here.execute(BEGINS, (tenant,)).fetchone()  # type: ignore[misc]
    until = datetime.fromisoformat(manifest["until"])
    if begins is None or begins < until:
        return None  # it is in the database
    if begins > until:
        raise CopyRefused(
            f"The past begins at {begins:%F}: bring back the month before that first."
        )
    tables, there = {table.name: table for table in _tables()}, manifest["tables"]
    if other := [
        n for n, t in tables.items() if there.get(n, {}).get("columns") != list(t.columns)
    ]:
        raise CopyRefused(
            f"{place} is of version {manifest.get('product')}, which has other columns in {other[0]}."
        )
    arrival = Arrival(here, tenant=tenant)
    for name, table in tables.items():
        file = place / f"{name}.ndjson"
        if not file.is_file() or _checksum(file) != there[name]["sha256"]:
            raise CopyRefused(f"{file} is not what was written: its checksum is another.")
        with file.open(encoding="utf-8") as lines:
            arrival.write_rows(table, (line.rstrip("\n") for line in lines))
    before = manifest["before"]
    here.execute(SET_BEGINS, (before["pastBegins"], before["archivedTo"], tenant))
    return Month(place, until, {name: there[name]["rows"] for name in tables})
