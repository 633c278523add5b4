"""The server's command line: ``manage.py`` in a checkout, ``headlessly-server`` if it is installed.

``serve`` runs as production unless told otherwise, all other commands as development.
"""

from __future__ import annotations

import os
import sys
import tempfile

from headlessly.background.garbage import load_without_collecting


def main() -> None:
    """Run the command that the arguments name. Ends the process on a refusal, with its sentence."""
    try:
        tempfile.gettempdir()  # programs that are imported ask for it, and say where it went wrong at length
    except FileNotFoundError as problem:
        sys.exit(
            f"{problem.strerror}: make one of them writable, or name another folder by TMPDIR."
        )
    load_without_collecting()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "headlessly.settings")
    # Only `serve` faces strangers, so only it starts as production.
    serving = sys.argv[1:2] == ["serve"] and not {"-h", "--help"} & {*sys.argv}
    os.environ.setdefault("HEADLESSLY_ENV", "production" if serving else "development")

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as refusal:
        # It tells the operator what to set; a traceback would hide that.
        sys.exit(str(refusal))
    except DatabaseError as problem:
        if (said := _explain(problem)) is None:
            raise
        sys.exit(said)
    except KeyboardInterrupt:
        sys.exit(130)


def _explain(problem: Exception) -> str | None:
    """Returns what the operator can do about a database error, or None if it is a bug of ours."""
    from django.conf import settings
    from django.db import OperationalError, connection
    from psycopg import OperationalError as ServerError
    from psycopg import connect
    from psycopg.errors import UndefinedColumn, UndefinedTable

    if isinstance(problem.__cause__, UndefinedColumn | UndefinedTable):
        said = str(problem).partition("\n")[0]
        return f"The database lacks what this version needs ({said}). Run `migrate`."
    if not isinstance(problem, OperationalError):
        return None
    try:  # a pool only tells that it timed out
        connect(**connection.get_connection_params()).close()
    except ServerError as reason:
        direct = settings.DIRECT_DATABASE
        is_direct = direct and connection.settings_dict["OPTIONS"] is direct["OPTIONS"]
        name = "DATABASE_DIRECT_URL" if is_direct else "DATABASE_URL"
        return f"The database of {name} cannot be reached: {reason}"
    return None


if __name__ == "__main__":
    main()
