"""PostgreSQL's own programs, and how they connect to the database of the settings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from headlessly.database.server import BIN


class ProgramFailed(Exception):
    """A program of PostgreSQL's ended with an error; the message says which and why."""


class ProgramMissing(ProgramFailed):
    """There is no program of the server's version or a later one."""


def find_program(name: str) -> str:
    """Returns the path of ``pg_dump``, ``pg_restore`` or ``psql`` for the server in use.

    Prefers its version, else takes a later one: an earlier program does not know all that the server has.
    Raises ProgramMissing.
    """
    connection.ensure_connection()
    wanted = connection.pg_version // 10_000  # type: ignore[attr-defined]
    places = [f"/usr/lib/postgresql/{wanted}/bin/{name}", shutil.which(name), str(BIN / name)]
    found = {path: _major_version(path) for path in places if path and Path(path).exists()}
    suiting = [path for path, version in found.items() if version >= wanted]
    if not suiting:
        have = ", ".join(f"{path} ({version})" for path, version in found.items()) or "none"
        raise ProgramMissing(
            f"The server is PostgreSQL {wanted}, and no {name} of that version or a later one is here: "
            f"{have}. Install its client programs (postgresql-client-{wanted})."
        )
    return min(suiting, key=lambda path: found[path])


def _major_version(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else 0


def connection_words() -> tuple[str, dict[str, str]]:
    """Returns the database of the settings as PostgreSQL's programs take it, and their environment.

    The password is in the environment: arguments can be read in the list of processes.
    """
    given: dict[str, Any] = {
        "dbname": connection.settings_dict["NAME"],
        "user": connection.settings_dict["USER"],
        "host": connection.settings_dict["HOST"],
        "port": connection.settings_dict["PORT"],
    }
    known = {option.keyword.decode() for option in Conninfo.get_defaults()} - {"password"}
    given |= {n: v for n, v in connection.settings_dict["OPTIONS"].items() if n in known}
    given |= {"application_name": "headlessly copy", "options": ""}  # without a request's limits
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    if password := connection.settings_dict["PASSWORD"]:
        environment["PGPASSWORD"] = password
    return make_conninfo(**{n: v for n, v in given.items() if v not in ("", None)}), environment
