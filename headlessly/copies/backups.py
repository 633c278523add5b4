"""Backups of the whole database in one file, for small installations: made by pg_dump, read by pg_restore.

The file is exactly what pg_dump writes, so that it can be read without this product, too. The migrations
in it tell which version of the product wrote it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from headlessly.access.models import Tenant
from headlessly.copies.programs import ProgramFailed, connection_words, find_program
from headlessly.database import policies
from headlessly.log import offsets

#: Other connections: they would block a restore, and go on with outdated state after it.
OTHERS = """
SELECT coalesce(nullif(application_name, ''), 'without a name'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
AND application_name NOT LIKE 'headlessly copy%' GROUP BY 1 ORDER BY 1"""
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
#: Runs in the transaction of the restore, so that a failure leaves everything as it was.
EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
#: How the name of a backup begins that is not whole yet.
PART = ".headlessly-backup-"
#: How much is passed on at once, in bytes.
CHUNK = 1 << 20
#: Options that leave out owners and rights, which may be others in the target, and comments on extensions,
#: which only their owner may set.
PLAIN = ("--no-owner", "--no-privileges", "--no-comments")


class BackupRefused(Exception):
    """Nothing was done or changed; the message says why, and what to do."""


class BackupFacts(NamedTuple):
    """When a backup was made, and how its migrations differ from those of this version."""

    made_at: datetime  #: everything committed before is in it
    #: Migrations that this version of the product does not have: a later one wrote the backup.
    unknown: list[str]
    missing: list[str]  #: migrations it lacks: an earlier version wrote it


def write_backup(file: Path, *, replace: bool = False) -> datetime:
    """Writes the database to ``file``. Returns a moment: everything that was committed before is in it.

    The file appears only when it is complete. Raises BackupRefused and ProgramFailed.
    """
    if file.exists() and not replace:
        raise BackupRefused(f"{file} exists. Choose another name, or give --replace.")
    if not file.parent.is_dir():
        raise BackupRefused(f"There is no folder {file.parent}.")
    if not os.access(file.parent, os.W_OK):
        raise BackupRefused(f"Nothing can be written to the folder {file.parent}.")
    if Tenant._meta.db_table not in connection.introspection.table_names():
        name = connection.settings_dict["NAME"]
        raise BackupRefused(
            f"The database {name} has no tables of this product, and there is nothing to back up. Is it the "
            "one of DATABASE_URL? An embedded one is made where that is not set."
        )
    program = find_program("pg_dump")
    where, environment = connection_words()
    moment = datetime.now(UTC)
    with _part_of_backup(file.parent) as part:
        words = [program, "--format=custom", *PLAIN[:2], "--file", str(part)]
        _run([*words, "--dbname", where], environment)
        part.replace(file)
    return moment


@contextmanager
def _part_of_backup(folder: Path) -> Iterator[Path]:
    """A hidden file for its owner alone, inside the block. It is locked as long as its process is: those that
    nobody locks were left by one that was killed, and go."""
    for left in folder.glob(f"{PART}*"):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
    handle, name = tempfile.mkstemp(prefix=PART, dir=folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Path(name)
    finally:
        os.close(handle)
        Path(name).unlink(missing_ok=True)


def read_facts(file: Path) -> BackupFacts:
    """Returns when the backup was made and how its version differs. Raises BackupRefused if the file is no
    backup of this product."""
    if not file.is_file():
        raise BackupRefused(f"There is no file {file}.")
    program, environment = find_program("pg_restore"), connection_words()[1]
    try:
        contents = _run([program, "--list", str(file)], environment)
        wanted = ("--data-only", "--table=django_migrations", "--file=-")
        rows = _run([program, *wanted, str(file)], environment)
    except ProgramFailed as problem:
        raise BackupRefused(f"{file} is no backup, or not whole: {problem}") from None
    made = re.search(r"^;\s+Archive created at (\S+ \S+)", contents, re.MULTILINE)
    applied = {
        (columns[1], columns[2])
        for line in rows.splitlines()
        if len(columns := line.split("\t")) == 4 and columns[0].isdecimal()
    }
    if not made or ("headlessly", "0001_initial") not in applied:
        raise BackupRefused(f"{file} is a dump of another product: it has no tables of this one.")
    ours = known_migrations()
    return BackupFacts(
        datetime.strptime(made[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC),
        sorted(".".join(key) for key in applied - ours),
        sorted(".".join(key) for key in ours - applied),
    )


def known_migrations() -> set[tuple[str, str]]:
    """Returns the migrations of this version of the product, each as its app and its name."""
    return set(MigrationLoader(None).disk_migrations)


def restore_backup(file: Path, *, replace: bool = False) -> tuple[BackupFacts, list[str]]:
    """Restores the backup into the database of the settings, and resumes the log of every tenant.

    Returns the facts of the backup, and the tenants whose log was resumed. Does everything or nothing.
    Raises ProgramFailed, and BackupRefused, also if the database has tables, unless ``replace``.
    """
    facts = read_facts(file)
    if facts.unknown:
        raise BackupRefused(
            f"{file} was written by a later version of the product, which has "
            f"{', '.join(facts.unknown[:3])}. Install that version first."
        )
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        if (count := cursor.fetchone()[0]) and not replace:
            raise BackupRefused(
                f"The database {connection.settings_dict['NAME']} is not empty: it has {count} tables. "
                "Make an empty one, or give --replace: all that is in it is then deleted."
            )
        cursor.execute(OTHERS)
        if others := cursor.fetchall():
            listed = ", ".join(f"{name} ({number})" for name, number in others)
            raise BackupRefused(f"Others use the database: {listed}. End `serve` and `work` first.")
    connection.close()
    _pour(file)
    policies.install_row_security()  # roles are not in a backup
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # else the first queries are planned for empty tables
    if facts.missing:
        return facts, []  # the tables are an earlier version's: `migrate` comes first
    return facts, [t.slug for t in Tenant.objects.order_by("slug") if offsets.resume_log(t)]


def _pour(file: Path) -> None:
    """Lets pg_restore write the statements, and psql execute them in one transaction.

    The COMMIT is ours, behind the last of them: where anything ends before, this process too, psql comes to
    the end of what it reads without one.

    Only a superuser may make functions LEAKPROOF, so they are made without: who may declares them afterwards
    (:mod:`headlessly.database.policies`).
    """
    where, environment = connection_words()
    program = [find_program("pg_restore"), *PLAIN, "--file=-"]
    tables = _run([*program, "--section=pre-data", str(file)], environment)
    tables = re.sub(r"^( +LANGUAGE .*) LEAKPROOF\b", r"\1", tables, flags=re.MULTILINE)
    reading = [*program, "--section=data", "--section=post-data", str(file)]
    writing = [find_program("psql"), "--dbname", where, "--no-psqlrc", "--quiet"]
    writing += ["--output", os.devnull, "--set", "ON_ERROR_STOP=1", "--command", "BEGIN"]
    writing += ["--command", "SET client_min_messages = warning", "--command", EMPTY]
    with tempfile.TemporaryFile() as problems, tempfile.NamedTemporaryFile("w") as first:
        first.write(tables)
        first.flush()
        writing += ["--file", first.name, "--file", "-"]
        reader = subprocess.Popen(reading, env=environment, stdout=subprocess.PIPE, stderr=problems)
        writer = subprocess.Popen(
            writing,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=problems,
        )
        assert reader.stdout is not None and writer.stdin is not None
        with suppress(BrokenPipeError):  # psql has told why it ended
            shutil.copyfileobj(reader.stdout, writer.stdin, CHUNK)
        reader.stdout.close()
        with suppress(BrokenPipeError):
            if not reader.wait():
                writer.stdin.write(b"\nCOMMIT;\n")
            writer.stdin.close()
        failed = [writer.wait(), reader.wait()]
        problems.seek(0)
        if any(failed):
            raise ProgramFailed(problems.read().decode(errors="replace").strip()[-2000:])


def _run(words: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProgramFailed(done.stderr.strip()[-2000:] or f"{words[0]} failed.")
    return done.stdout
