"""Databases for benchmarks, kept from one run to the next, as filling one takes minutes."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg


def ready() -> None:
    """Set Django up as the product is served."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    os.environ.setdefault("STATEMENT_TIMEOUT", "600")  # filling takes longer than a page may
    import django

    django.setup()

    from headlessly.context.tenant_scope import EVERY, enter_scope

    enter_scope(EVERY)  # Filling and measuring concern all tenants; measured code opens its own.


@contextmanager
def opened(name: str, fill: Callable[[], None], *, drop: bool = False) -> Iterator[None]:
    """Create, migrate and fill the database `name` if necessary, and use it inside the block.

    It is kept for the next run unless `drop` is set. New migrations are applied to it; if a migration with
    which it was made has changed, or if it was not filled completely, it is made anew.
    """
    from django.db import connection

    usual = connection.settings_dict["NAME"]
    filled = _is_filled(name)
    connection.settings_dict["TEST"]["NAME"] = name
    _leave()
    connection.creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False, keepdb=filled
    )
    if not filled:
        print(f"Filling {name} …", file=sys.stderr)
        fill()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE bench_made_with (migration text, digest text)")
            cursor.executemany("INSERT INTO bench_made_with VALUES (%s, %s)", _migrations().items())
    try:
        yield
    finally:
        _leave()
        connection.creation.destroy_test_db(usual, verbosity=0, keepdb=not drop)


def use(name: str) -> None:
    """Use a database that another process has opened."""
    from django.db import connection

    _leave()
    connection.settings_dict["NAME"] = name


def _leave() -> None:
    """Close all connections: those of the pool would keep using the previous database."""
    from django.db import connection

    connection.close()
    connection.close_pool()


def _is_filled(name: str) -> bool:
    """Whether there is such a database, completely filled, with migrations that have not changed."""
    try:
        with psycopg.connect(**parameters() | {"dbname": name}) as there:
            if there.execute("SELECT to_regclass('bench_made_with')").fetchone() == (None,):
                return False
            made_with = there.execute("SELECT migration, digest FROM bench_made_with").fetchall()
    except psycopg.OperationalError:
        return False
    return dict(made_with).items() <= _migrations().items()


def _migrations() -> dict[str, str]:
    """Returns the migrations of the product, each with a digest of its content."""
    from django.db.migrations.loader import MigrationLoader

    found = MigrationLoader(None).disk_migrations.values()
    files = {f"{each.app_label}.{each.name}": inspect.getfile(type(each)) for each in found}
    own = {name: Path(file) for name, file in files.items() if "site-packages" not in file}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in own.items()}


def parameters() -> dict[str, Any]:
    """Returns the parameters with which psycopg connects to the open database."""
    from django.db import connection

    wanted = ("dbname", "user", "password", "host", "port")
    return {k: v for k, v in connection.get_connection_params().items() if k in wanted}
