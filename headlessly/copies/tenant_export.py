"""Exports a whole tenant to a folder: a file of JSON lines for each table, including its log and its past.

All of it is of one moment, while others write. ``manifest.json`` says what there is and is written last: a
folder without one is not whole, and who was stopped begins it anew.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from psycopg import IsolationLevel

from headlessly.copies.tenant_rows import Connection, CopyRefused, connect, read_rows
from headlessly.copies.tenant_tables import PERSON_COLUMNS, tenant_tables
from headlessly.environment import product_version

#: The version of the files' format; it changes when an earlier version of the product could not read them.
FORMAT = 1
MANIFEST, PEOPLE = "manifest.json", "people.ndjson"
#: What the manifest is called until it is whole.
MANIFEST_PART = f"{MANIFEST}.part"


def export_tenant(slug: str, folder: Path, *, with_secrets: bool = False) -> dict[str, Any]:
    """Writes the tenant to ``folder``, which is created. Returns the manifest. Raises CopyRefused.

    Only the owner of the files may read them. ``with_secrets`` adds the secrets of webhooks in plain text,
    and the hashes of keys and passwords.
    """
    source = connect()
    try:
        source.isolation_level = IsolationLevel.REPEATABLE_READ  # everything as of one moment
        source.read_only = True
        tenant = find_tenant(source, slug)
        moment = datetime.now(UTC)
        with _own_folder(folder):
            tables = {}
            for table in tenant_tables(with_secrets=with_secrets):
                lines = read_rows(source, table, tenant, with_secrets=with_secrets)
                count = _write_lines(folder / f"{table.name}.ndjson", lines)
                tables[table.name] = {"rows": count, "columns": list(table.columns)}
            people = (
                orjson.dumps(person).decode()
                for person in read_people(source, tenant, with_secrets=with_secrets)
            )
            manifest = {
                "format": FORMAT,
                "product": product_version(),
                "tenant": slug,
                "moment": moment,
                "secrets": with_secrets,
                "people": _write_lines(folder / PEOPLE, people),
                "tables": tables,
            }
            text = orjson.dumps(manifest, option=orjson.OPT_INDENT_2).decode()
            _write_lines(folder / MANIFEST_PART, [text])
            (folder / MANIFEST_PART).rename(folder / MANIFEST)
    finally:
        source.close()
    return manifest


@contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Make the folder, empty and nobody else's inside the block. An export that was stopped in it goes.
    Raises CopyRefused where anything else is there."""
    if folder.exists() and not folder.is_dir():
        raise CopyRefused(f"{folder} is no folder.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CopyRefused(f"Somebody else is exporting to {folder} just now.") from None
        left = list(folder.iterdir())
        ours = {f"{table.name}.ndjson" for table in tenant_tables(with_secrets=True)}
        if any(file.name not in {*ours, PEOPLE, MANIFEST_PART} for file in left):
            raise CopyRefused(f"{folder} is not empty. Choose another folder.")
        for file in left:
            file.unlink()
        yield
    finally:
        os.close(handle)


def find_tenant(source: Connection, slug: str) -> int:
    """Returns the primary key of the tenant in that database. Raises CopyRefused."""
    found = source.execute("SELECT id FROM headlessly_tenant WHERE slug = %s", (slug,)).fetchone()
    if found is None:
        raise CopyRefused(f"There is no tenant {slug}.")
    return found[0]


def read_people(source: Connection, tenant: int, *, with_secrets: bool) -> Iterator[dict[str, Any]]:
    """Yields the accounts that rows of the tenant refer to, including those of former members."""
    names = [*PERSON_COLUMNS, *(["password"] if with_secrets else [])]
    referring = [
        f"SELECT t.{column} FROM {table.name} AS t WHERE {table.owned_by}"
        for table in tenant_tables(with_secrets=with_secrets)
        for column in table.people
    ]
    query = (
        f"SELECT {', '.join(f'u.{name}' for name in names)} FROM headlessly_user AS u "
        f"WHERE u.id IN ({' UNION '.join(referring)}) ORDER BY u.id"
    )
    for row in source.execute(query, [tenant] * len(referring)):  # type: ignore[arg-type]
        yield dict(zip(names, row, strict=True))


def _write_lines(file: Path, lines: Iterable[str]) -> int:
    count = 0
    with os.fdopen(
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as out:
        for line in lines:
            out.write(line + "\n")
            count += 1
    return count
