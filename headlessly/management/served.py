"""The ASGI application of the processes of `manage.py serve`."""

from __future__ import annotations

from typing import Any

from headlessly.background.worker import end_with_parent


def application() -> Any:
    """Creates the ASGI application, in the process that will run it."""
    end_with_parent()  # again: spawned processes do not inherit it from a fork
    # Imported here, as importing it creates the application.
    from headlessly.asgi import application

    return application
