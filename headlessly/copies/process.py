"""The process of a command that copies."""

from __future__ import annotations

import threading

from headlessly.database.ending import end_by_exit
from headlessly.database.roles import connect_directly, name_connections


def begin_copying() -> None:
    """Before the first connection: go around a pooler, and put things in order where it is told to end."""
    connect_directly()
    name_connections("copy")
    if threading.current_thread() is threading.main_thread():
        end_by_exit()
