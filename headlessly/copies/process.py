"""Sets up the process of a command that copies data."""

from __future__ import annotations

import threading

from headlessly.database.ending import end_by_exit
from headlessly.database.roles import connect_directly, name_connections


def begin_copying() -> None:
    """Connect directly, not through a pooler, and clean up on SIGTERM and SIGHUP. Call it before the first
    connection."""
    connect_directly()
    name_connections("copy")
    if threading.current_thread() is threading.main_thread():
        end_by_exit()
