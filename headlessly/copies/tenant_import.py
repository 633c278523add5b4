"""Imports a tenant from a folder into the database of the settings, all of it or nothing.

Ids, numbers of events and positions in the log stay the same (see :mod:`headlessly.log.offsets`), and so
do the cursors of followers. All references are the tenant's own: PostgreSQL refuses those to another's
rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
from django.core.exceptions import ValidationError

from headlessly.access.models import SLUG, Tenant
from headlessly.background.runs import BackgroundRun
from headlessly.copies.tenant_export import FORMAT, MANIFEST, PEOPLE
from headlessly.copies.tenant_rows import Arrival, Connection, CopyRefused, connect
from headlessly.copies.tenant_tables import PERSON_COLUMNS, TenantTable, tenant_tables
from headlessly.declaration.registry import registry
from headlessly.log import indexed_values, offsets, unique_values

STOPPED = "It was moved to another installation before it was done."


def import_tenant(folder: Path, *, slug: str | None = None) -> tuple[dict[str, Any], list[str]]:
    """Creates the tenant that is in ``folder``, with the given ``slug`` or its former one.

    Returns the manifest, and the email addresses of its people who already have an account here. Raises
    CopyRefused.
    """
    manifest = read_manifest(folder)
    tables = tenant_tables(with_secrets=manifest["secrets"])
    _check(manifest, tables, folder)
    target = connect()
    try:
        arrival = Arrival(target, fixed={"slug": slug or manifest["tenant"]})
        refuse_slug(target, arrival.fixed["slug"])
        raise_numbers(target, _last_number(folder / "headlessly_event.ndjson"))
        own = list(_lines(folder / "headlessly_tenant.ndjson"))
        if len(own) != 1:
            raise CopyRefused(f"headlessly_tenant.ndjson is not whole: it has {len(own)} rows.")
        arrival.add_tenant(own[0])
        people = [row for _, row in _rows(folder / PEOPLE, PERSON_COLUMNS)]
        if len(people) != manifest["people"]:
            raise CopyRefused(f"{PEOPLE} is not whole: it has {len(people)} rows.")
        known = arrival.add_people(people)
        past_is_cleared = False
        for table in tables:
            if table.model is Tenant:
                continue
            if table.is_past and not past_is_cleared:
                clear_past(arrival, tables)
                past_is_cleared = True
            count = arrival.write_rows(table, _lines(folder / f"{table.name}.ndjson"))
            if count != manifest["tables"][table.name]["rows"]:
                raise CopyRefused(f"{table.name}.ndjson is not whole: it has {count} rows.")
        raise_drawn_numbers(arrival, tables)
        end_unfinished(arrival, tables)
        forget_clock(arrival)
        keep_own_values(arrival)
        target.execute("SET CONSTRAINTS ALL IMMEDIATE")
        open_log(arrival)
        target.commit()
        analyze(target, tables)
    except psycopg.IntegrityError as problem:
        raise CopyRefused(f"Something that is referred to is missing: {problem}") from None
    except psycopg.DataError as problem:
        raise CopyRefused(f"{folder} has what no column takes: {problem}") from None
    finally:
        target.close()
    return manifest, known


def read_manifest(folder: Path) -> dict[str, Any]:
    """Returns the manifest of the folder. Raises CopyRefused if it is no export, or incomplete."""
    try:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        manifest = None
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise CopyRefused(
            f"{folder} is no whole export of a tenant: {MANIFEST}, which is written last, is not there."
        )
    if manifest["format"] != FORMAT:
        raise CopyRefused(
            f"{folder} has the format {manifest['format']}; this version reads {FORMAT}."
        )
    if not _says_what_there_is(manifest):
        raise CopyRefused(f"{folder}: {MANIFEST} is not as an export wrote it.")
    return manifest


def _says_what_there_is(manifest: dict[str, Any]) -> bool:
    """Whether a manifest has everything that is read from it."""
    said = {"tenant": str, "moment": str, "secrets": bool, "people": int, "tables": dict}
    return all(isinstance(manifest.get(name), kind) for name, kind in said.items()) and all(
        isinstance(table, dict)
        and isinstance(table.get("rows"), int)
        and isinstance(table.get("columns"), list)
        and all(isinstance(column, str) for column in table["columns"])
        for table in manifest["tables"].values()
    )


def _check(manifest: dict[str, Any], tables: list[TenantTable], folder: Path) -> None:
    """Raises CopyRefused if the export is of a version with other tables, or files are missing."""
    there = {name: set(facts["columns"]) for name, facts in manifest["tables"].items()}
    here = {table.name: set(table.columns) for table in tables}
    other = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    if other:
        raise CopyRefused(
            f"The export is of version {manifest.get('product')}, which has other columns in "
            f"{', '.join(other[:3])}. Bring both installations to the same version first."
        )
    for name in [*(f"{table.name}.ndjson" for table in tables), PEOPLE]:
        if not (folder / name).is_file():
            raise CopyRefused(f"{folder} is not whole: {name} is missing.")


def refuse_slug(target: Connection, slug: str) -> None:
    """Raises CopyRefused if the slug is invalid or taken."""
    try:
        SLUG(slug)
    except ValidationError as problem:
        raise CopyRefused(f"{slug}: {problem.message}") from None
    taken = "SELECT EXISTS (SELECT FROM headlessly_tenant WHERE slug = %s)"
    if target.execute(taken, (slug,)).fetchone() == (True,):
        raise CopyRefused(f"There is a tenant {slug} here already. Choose another: --slug NAME.")


def raise_numbers(target: Connection, last: int) -> None:
    """Raises the sequence for the numbers of events above ``last``, as the numbers of a record's events
    must grow."""
    target.execute(
        "SELECT setval('headlessly_event_seq_seq', greatest(%s, last_value)) FROM headlessly_event_seq_seq",
        (last,),
    )


def raise_drawn_numbers(arrival: Arrival, tables: list[TenantTable]) -> None:
    """Raises the sequences of all other tables whose numbers are referred to above the numbers that
    arrived."""
    for table in tables:
        if table.drawn:
            arrival.target.execute(
                "SELECT setval(s, greatest(m, nextval(s))) FROM ("  # type: ignore[arg-type]
                f"SELECT pg_get_serial_sequence('{table.name}', '{table.drawn}') AS s, "
                f"max({table.drawn}) AS m FROM {table.name} WHERE tenant_id = %s) AS arrived "
                "WHERE m IS NOT NULL",
                (arrival.tenant,),
            )


def end_unfinished(arrival: Arrival, tables: list[TenantTable]) -> None:
    """Marks background runs that were unfinished as failed: their jobs were not exported."""
    for table in tables:
        if issubclass(table.model, BackgroundRun):
            arrival.target.execute(
                f"UPDATE {table.name} SET status = %s, message = %s, finished_at = now() "  # type: ignore[arg-type]
                "WHERE tenant_id = %s AND status = ANY(%s)",
                (
                    BackgroundRun.Status.FAILED,
                    STOPPED,
                    arrival.tenant,
                    list(BackgroundRun.UNFINISHED),
                ),
            )


def forget_clock(arrival: Arrival) -> None:
    """Notifies only of what falls due from now on: an export may be old."""
    arrival.target.execute(
        "UPDATE headlessly_notificationreader SET ticked_at = NULL WHERE tenant_id = %s",
        (arrival.tenant,),
    )


def clear_past(arrival: Arrival, tables: list[TenantTable]) -> None:
    """Deletes the versions that triggers made of the rows that arrived; the true ones are written next."""
    for table in tables:
        if table.is_past:
            arrival.target.execute(
                f"DELETE FROM {table.name} WHERE tenant_id = %s",  # type: ignore[arg-type]
                (arrival.tenant,),
            )


def keep_own_values(arrival: Arrival) -> None:
    """Builds anew the stored values of custom fields that are unique or indexed.

    It does not matter which arrived first, the fields or the records. Afterwards all indexes are complete.
    """
    declared = [
        others.kept_as
        for noun in registry.values()
        for others in noun.schema.others
        if others.kept_as
    ]
    arrival.target.execute(
        "DELETE FROM headlessly_indexedvalue WHERE tenant_id = %s", (arrival.tenant,)
    )
    arrival.target.execute(
        "DELETE FROM headlessly_uniquevalue WHERE tenant_id = %s AND key <> ALL(%s)",
        (arrival.tenant, declared),
    )
    for noun, key, index_key, type, is_unique in arrival.target.execute(
        'SELECT noun, key, index_key, type, "unique" FROM headlessly_customfield WHERE tenant_id = %s',
        (arrival.tenant,),
    ).fetchall():
        if noun not in registry:
            continue
        table = registry[noun]._meta.db_table
        if index_key:
            take_up = indexed_values.TAKE_UP.format(table=table)
            given = {"key": key, "index_key": index_key, "type": type, "after": "", "most": None}
            arrival.target.execute(take_up, given | {"tenant": arrival.tenant})  # type: ignore[arg-type]
        if is_unique:
            fill = unique_values.FILL.format(table=table, narrowed="")
            arrival.target.execute(fill, (key, key, arrival.tenant, key))  # type: ignore[arg-type]
    arrival.target.execute(
        "UPDATE headlessly_customfield SET indexed_at = now() "
        "WHERE tenant_id = %s AND index_key <> '' AND indexed_at IS NULL",
        (arrival.tenant,),
    )


def open_log(arrival: Arrival) -> None:
    """Lets the log go on here, after all its positions."""
    arrival.target.execute(
        "UPDATE headlessly_tenant SET log_cluster = '', has_webhooks = EXISTS ("
        "SELECT FROM headlessly_webhook AS w WHERE w.tenant_id = headlessly_tenant.id AND w.active) "
        "WHERE id = %s",
        (arrival.tenant,),
    )
    arrival.target.execute(offsets.RESUME, (arrival.tenant, False))  # type: ignore[arg-type]


def analyze(target: Connection, tables: list[TenantTable]) -> None:
    """Updates the planner's statistics, as otherwise the first queries would be slow."""
    target.execute(f"ANALYZE {', '.join(table.name for table in tables)}")  # type: ignore[arg-type]
    target.commit()


def _last_number(file: Path) -> int:
    """Returns the highest number of the events in a file; 1 if there are none."""
    last = 1
    for number, row in _rows(file, ("seq",)):
        if not isinstance(row["seq"], int):
            raise CopyRefused(f"{file.name}, line {number}: seq is a whole number.")
        last = max(last, row["seq"])
    return last


def _rows(file: Path, columns: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the rows of a file with their line numbers. Raises CopyRefused for one without these columns."""
    for number, line in enumerate(_lines(file), 1):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as problem:
            raise CopyRefused(f"{file.name}, line {number}: {problem}.") from None
        if not isinstance(row, dict) or (missing := [c for c in columns if c not in row]):
            what = f"{', '.join(missing)} is missing" if isinstance(row, dict) else "it is no row"
            raise CopyRefused(f"{file.name}, line {number}: {what}.")
        yield number, row


def _lines(file: Path) -> Iterator[str]:
    """Yields the lines of a file that are not empty. Raises CopyRefused if it is not text."""
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield line.rstrip("\n")
    except UnicodeDecodeError as problem:
        raise CopyRefused(f"{file.name} is not as an export wrote it: {problem}.") from None
