"""Migrates the tests' database once: every worker gets a copy, and so does the next run with the same
code.

PostgreSQL copies a database that nobody uses. Its name contains a digest of the code, so that one of other
code is never used; that is dropped when the next one is created.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from django.conf import settings

ROOT = Path(__file__).parents[1]
#: The packages whose code shapes the database: migrations, models, triggers, policies.
PACKAGES = ("headlessly", "crm", "marketing")
PREFIX = "made_for_tests_"
#: The key of PostgreSQL's advisory lock: workers start together, and one of them creates the template.
LOCK = 7_305_221


def copy_when_created(connection: Any) -> None:
    """Lets the test database of ``connection`` be a copy, instead of one that Django creates and migrates."""
    creation = connection.creation
    djangos = creation.create_test_db

    def create_test_db(*arguments: Any, keepdb: bool = False, **options: Any) -> str:
        if keepdb:
            return djangos(*arguments, keepdb=keepdb, **options)
        name: str = creation._get_test_db_name()
        template = f"{PREFIX}{_made_from()}"
        with creation._nodb_cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")  # until another worker has migrated
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            _make(cursor, connection, template, lambda: djangos(*arguments, **options))
            quoted = connection.ops.quote_name(name)
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {quoted} TEMPLATE {template}")
        _use(connection, name)
        return name

    creation.create_test_db = create_test_db


def _make(cursor: Any, connection: Any, template: str, create: Callable[[], Any]) -> None:
    """Lets Django create ``template`` if it is missing, and drops those of other code."""
    cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
    there = {name for (name,) in cursor.fetchall()}
    if template in there:
        return
    for old in there:
        cursor.execute(f"DROP DATABASE {old} WITH (FORCE)")
    # Has another name until it is complete, as a run may be interrupted.
    wanted, usual = connection.settings_dict["TEST"], connection.settings_dict["NAME"]
    named = wanted["NAME"]
    try:
        wanted["NAME"] = f"{PREFIX}new"
        create()
    finally:
        wanted["NAME"] = named
        _use(connection, usual)
    cursor.execute(f"ALTER DATABASE {PREFIX}new RENAME TO {template}")


def _made_from() -> str:
    """Returns a digest of the code and of the installed packages."""
    digest = hashlib.sha256()
    for each in sorted(f"{found.name} {found.version}" for found in distributions()):
        digest.update(each.encode())
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _use(connection: Any, name: str) -> None:
    connection.close()
    connection.close_pool()
    connection.settings_dict["NAME"] = settings.DATABASES[connection.alias]["NAME"] = name
