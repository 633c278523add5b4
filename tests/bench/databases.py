"""Databases of their own for measuring, kept from one run to the next: filling one takes minutes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def ready() -> None:
    """Django, as the product is served."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    import django

    django.setup()


@contextmanager
def opened(name: str, fill: Callable[[], None], *, drop: bool = False) -> Iterator[None]:
    """The database ``name``, migrated and filled; a half filled one is made anew.

    It stays for the next run unless it is to ``drop``; a migration since then is applied to what is there.
    """
    from django.db import connection

    usual = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name
    create = connection.creation.create_test_db
    _leave()
    create(verbosity=0, autoclobber=True, serialize=False, keepdb=True)
    if not _filled():
        _leave()
        connection.settings_dict["NAME"] = usual
        create(verbosity=0, autoclobber=True, serialize=False)
        print(f"Filling {name} …", file=sys.stderr)
        fill()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE bench_filled ()")
    try:
        yield
    finally:
        _leave()
        connection.creation.destroy_test_db(usual, verbosity=0, keepdb=not drop)


def use(name: str) -> None:
    """Let this process work on a database that another one has opened."""
    from django.db import connection

    _leave()
    connection.settings_dict["NAME"] = name


def _leave() -> None:
    """Close every connection: those of the pool would go on working on the database of before."""
    from django.db import connection

    connection.close()
    connection.close_pool()


def _filled() -> bool:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('bench_filled') IS NOT NULL")
        return cursor.fetchone()[0]


def parameters() -> dict[str, Any]:
    """How psycopg connects to the database that is open."""
    from django.db import connection

    wanted = ("dbname", "user", "password", "host", "port")
    return {k: v for k, v in connection.get_connection_params().items() if k in wanted}
