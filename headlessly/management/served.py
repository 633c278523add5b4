"""The application of one of the processes behind `manage.py serve`."""

from __future__ import annotations

from typing import Any

from headlessly.background.worker import end_with_parent


def application() -> Any:
    """The application of ASGI, made in the process that will run it."""
    end_with_parent()  # once more: where processes are spawned, there was no fork to begin with them
    # Here: it is made in the process, not where this is imported.
    from headlessly.asgi import application

    return application
