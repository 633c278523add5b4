"""Waits for a large request to be undone in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headlessly.client.calls import Call, Pause, Steps
from headlessly.client.errors import UndoFailed
from headlessly.client.files import LATER, SOON
from headlessly.client.wire import path_segment

if TYPE_CHECKING:
    from headlessly.client.sessions import Session


def undo_steps(
    session: Session,
    found: dict[str, Any],
    *,
    timeout: float | None,
    progress: Callable[[dict[str, Any]], Any] | None,
) -> Steps[dict[str, Any]]:
    """Polls an undo and returns it when it has finished. Raises UndoFailed, also if somebody cancelled it,
    or TimeoutError after ``timeout`` seconds."""
    until = None if timeout is None else time.monotonic() + timeout
    pause = SOON
    while True:
        if progress is not None:
            progress(found)
        if found["status"] not in ("queued", "running"):
            break
        if until is not None and time.monotonic() >= until:
            raise TimeoutError(
                f"{found['$id']} is not done after {timeout:g} s. It goes on by itself."
            )
        yield Pause(pause)
        pause = min(LATER, pause * 1.5)
        found = yield from session.request_json(Call("GET", f"/undos/{path_segment(found['$id'])}"))
    if found["status"] in ("failed", "cancelled"):
        raise UndoFailed(found["message"] or f"{found['$id']} failed.", found)
    return found
