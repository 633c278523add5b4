"""Scripts that run on the server, all or nothing: ``acme.do("for lead in Lead.find(...): ...")``.

They run in the sandbox of the tool ``do`` for agents, and are sent to it as an agent sends them: by MCP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headlessly.client.calls import Call, Steps
from headlessly.client.errors import NotUnderstood, error_from_tool
from headlessly.client.records import Event, record_of

if TYPE_CHECKING:
    from headlessly.client.sessions import Session

#: How many seconds a script may take in addition to the timeout; the server's own limit is lower.
PATIENCE = 60


@dataclass(frozen=True)
class Ran:
    """The result of a script, or of its dry run: its value, the events it logged, its output.

    The events only contain the changes and not the whole record. If the key may only propose, nothing was
    executed, and ``proposal`` waits for somebody's approval.
    """

    value: Any
    events: list[Event]
    output: str
    dry_run: bool
    proposal: dict[str, Any] | None
    data: dict[str, Any]


def script_steps(session: Session, code: str, dry_run: bool) -> Steps[Ran]:
    """Runs a script. Raises its error, whose body has the ``line``."""
    arguments = {"code": code} | ({"dryRun": True} if dry_run else {})
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "do", "arguments": arguments},
    }
    accepts = (("Accept", "application/json, text/event-stream"),)
    answer = yield from session.request_json(
        Call("POST", "/mcp", body=body, wait=PATIENCE, more_headers=accepts)
    )
    result = answer.get("result") or {}
    content = result.get("structuredContent")
    if not isinstance(content, dict):
        raise NotUnderstood(f"{session.url}/mcp answered no result of a script.")
    if result.get("isError"):
        raise error_from_tool(content)
    return Ran(
        _with_records(content.get("value"), session),
        [Event(each, session) for each in content.get("events", ())],
        content.get("output", ""),
        content.get("dryRun", False),
        content.get("proposal"),
        content,
    )


def _with_records(value: Any, session: Session) -> Any:
    """Returns a script's value with its records as objects."""
    if isinstance(value, Mapping):
        if "$id" in value and "$type" in value:
            return record_of(value, session)
        return {name: _with_records(each, session) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_records(each, session) for each in value]
    return value
