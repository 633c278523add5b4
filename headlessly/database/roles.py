"""What a process is to the database: its name there, and the address that it uses."""

from __future__ import annotations

from django.conf import settings
from django.db import connections


def name_connections(what: str) -> None:
    """Tell the database what this process is (``pg_stat_activity.application_name``); before its first
    connection."""
    connections["default"].settings_dict["OPTIONS"]["application_name"] = f"headlessly {what}"


def connect_directly() -> None:
    """Let this process use ``DATABASE_DIRECT_URL``, where there is one; before its first connection.

    It leads around a pooler that gives each transaction another connection: there nobody is notified of
    anything, and a lock of a session means nothing.
    """
    if settings.DIRECT_DATABASE:
        connections["default"].settings_dict.update(settings.DIRECT_DATABASE)
