"""A tenant out of a folder, into the database at hand: all of it or nothing.

Ids, numbers of events and places in the log stay what they were (see :mod:`headlessly.log.offsets`),
and so do the cursors of followers. They are the tenant's own: PostgreSQL refuses what refers to another's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
from django.core.exceptions import ValidationError

from headlessly.access.models import SLUG, Tenant
from headlessly.copies.tenant_export import FORMAT, MANIFEST, PEOPLE
from headlessly.copies.tenant_rows import Arrival, Connection, CopyRefused, connect
from headlessly.copies.tenant_tables import TenantTable, tenant_tables
from headlessly.declaration.registry import registry
from headlessly.log import indexed_values, offsets, unique_values

STOPPED = "It was moved to another installation before it was done."


def import_tenant(folder: Path, *, slug: str | None = None) -> tuple[dict[str, Any], list[str]]:
    """Make the tenant that is in ``folder``, as ``slug`` or as it was called.

    Answers the manifest, and who of its people has an account here already. Raises CopyRefused.
    """
    manifest = read_manifest(folder)
    tables = tenant_tables(with_secrets=manifest["secrets"])
    _check(manifest, tables, folder)
    target = connect()
    try:
        arrival = Arrival(target, fixed={"slug": slug or manifest["tenant"]})
        refuse_slug(target, arrival.fixed["slug"])
        raise_numbers(target, _last_number(folder / "headlessly_event.ndjson"))
        (line,) = _lines(folder / "headlessly_tenant.ndjson")
        arrival.add_tenant(line)
        known = arrival.add_people(map(orjson.loads, _lines(folder / PEOPLE)))
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
        target.execute(
            "UPDATE headlessly_import SET status = 'failed', message = %s, finished_at = now() "
            "WHERE tenant_id = %s AND status IN ('queued', 'running')",
            (STOPPED, arrival.tenant),
        )
        keep_own_values(arrival)
        target.execute("SET CONSTRAINTS ALL IMMEDIATE")
        open_log(arrival)
        target.commit()
    except psycopg.IntegrityError as problem:
        raise CopyRefused(f"Something that is referred to is missing: {problem}") from None
    finally:
        target.close()
    return manifest, known


def read_manifest(folder: Path) -> dict[str, Any]:
    """What is in the folder. Raises CopyRefused for one that is no export, or not whole."""
    try:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
        kind, *_ = (manifest["format"], manifest["tables"], manifest["tenant"], manifest["secrets"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        raise CopyRefused(
            f"{folder} is no whole export of a tenant: {MANIFEST}, which is written last, is not there."
        ) from None
    if kind != FORMAT:
        raise CopyRefused(f"{folder} has the format {kind}; this version reads {FORMAT}.")
    return manifest


def _check(manifest: dict[str, Any], tables: list[TenantTable], folder: Path) -> None:
    """Raise CopyRefused where the export is of a version with other tables, or files are missing."""
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
    """Raise CopyRefused for a slug that is none, or taken."""
    try:
        SLUG(slug)
    except ValidationError as problem:
        raise CopyRefused(f"{slug}: {problem.message}") from None
    taken = "SELECT EXISTS (SELECT FROM headlessly_tenant WHERE slug = %s)"
    if target.execute(taken, (slug,)).fetchone() == (True,):
        raise CopyRefused(f"There is a tenant {slug} here already. Choose another: --slug NAME.")


def raise_numbers(target: Connection, last: int) -> None:
    """Let the numbers of events that are drawn here from now on lie behind ``last``: a record's grow."""
    target.execute(
        "SELECT setval('headlessly_event_seq_seq', greatest(%s, last_value)) FROM headlessly_event_seq_seq",
        (last,),
    )


def clear_past(arrival: Arrival, tables: list[TenantTable]) -> None:
    """Delete the versions that the triggers made of the rows that arrived: the true ones follow."""
    for table in tables:
        if table.is_past:
            arrival.target.execute(
                f"DELETE FROM {table.name} WHERE tenant_id = %s",  # type: ignore[arg-type]
                (arrival.tenant,),
            )


def keep_own_values(arrival: Arrival) -> None:
    """Take up the values of the tenant's own fields that are unique or indexed, whichever of the two arrived
    first, the fields or the records."""
    for noun, key, index_key, type in arrival.target.execute(
        "SELECT noun, key, index_key, type FROM headlessly_customfield "
        "WHERE tenant_id = %s AND index_key <> ''",
        (arrival.tenant,),
    ).fetchall():
        if noun in registry:
            take_up = indexed_values.TAKE_UP.format(table=registry[noun]._meta.db_table)
            given = {"key": key, "index_key": index_key, "type": type, "after": "", "most": None}
            arrival.target.execute(take_up, given | {"tenant": arrival.tenant})  # type: ignore[arg-type]
    for noun, key in arrival.target.execute(
        'SELECT noun, key FROM headlessly_customfield WHERE tenant_id = %s AND "unique"',
        (arrival.tenant,),
    ).fetchall():
        if noun in registry:
            fill = unique_values.FILL.format(table=registry[noun]._meta.db_table)
            arrival.target.execute(fill, (key, key, arrival.tenant, key))  # type: ignore[arg-type]


def open_log(arrival: Arrival) -> None:
    """Let the log go on here, behind all its places."""
    arrival.target.execute(
        "UPDATE headlessly_tenant SET log_cluster = '', has_webhooks = EXISTS ("
        "SELECT FROM headlessly_webhook AS w WHERE w.tenant_id = headlessly_tenant.id AND w.active) "
        "WHERE id = %s",
        (arrival.tenant,),
    )
    arrival.target.execute(offsets.RESUME, (arrival.tenant, False))  # type: ignore[arg-type]


def _last_number(file: Path) -> int:
    """The highest number of the events in a file; 1 where there are none."""
    return max((orjson.loads(line)["seq"] for line in _lines(file)), default=1)


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield line.rstrip("\n")
