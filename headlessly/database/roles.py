"""How a process presents itself to the database: its name there, and the address that it uses."""

from __future__ import annotations

from django.conf import settings
from django.db import connections


def name_connections(what: str) -> None:
    """Set what this process is called in ``pg_stat_activity.application_name``. Call it before the first
    connection."""
    connections["default"].settings_dict["OPTIONS"]["application_name"] = f"headlessly {what}"


def connect_directly() -> None:
    """Let this process use ``DATABASE_DIRECT_URL``, if it is set. Call it before the first connection.

    It bypasses a pooler that gives each transaction another connection, where LISTEN receives nothing, and
    session locks do not work.
    """
    if settings.DIRECT_DATABASE:
        connections["default"].settings_dict.update(settings.DIRECT_DATABASE)
