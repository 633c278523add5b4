"""Runs the SDK's server in the thread that serves a request.

The SDK is asynchronous and the product is not. The thread of a request runs an event loop in which the SDK
handles the protocol, and executes the tools itself, outside of the loop. So tenant, actor, request id and
database connection are the request's, and end with it.

No session is kept: any process can answer any message.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import FIRST_COMPLETED
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from headlessly.api.bodies import JSON, MAX_BODY_SIZE
from headlessly.mcp import server

#: How long the protocol may take besides the tools, in seconds. It takes milliseconds.
PATIENCE = 30

# It logs its start and end, which here happens for each request.
logging.getLogger("mcp.server.streamable_http_manager").setLevel(logging.WARNING)


class McpResponse(HttpResponse):
    """The response to a call."""

    undone = False  #: whether it says that something was not done, although the status is 200


def exchange(request: HttpRequest, content: bytes) -> McpResponse:
    """Returns the SDK's answer to ``content``, one JSON-RPC message. Raises TimeoutError.

    The loop runs until a tool is called. The tool runs outside of it, because Django must not be used in an
    event loop, and the loop continues with the result.
    """
    with asyncio.Runner() as runner:
        loop, calls = runner.get_loop(), Calls()
        answer = loop.create_task(_exchange(_protocol_headers(request), content, calls))
        while True:
            call = loop.create_task(calls.waiting.get())
            first = asyncio.wait((answer, call), timeout=PATIENCE, return_when=FIRST_COMPLETED)
            loop.run_until_complete(first)
            if answer.done():
                return answer.result()
            if not call.done():
                raise TimeoutError(f"MCP gave no answer within {PATIENCE} s.")
            result, function, args = call.result()
            try:
                result.set_result(function(*args))
            except Exception as problem:
                result.set_exception(problem)


class Calls:
    """Functions to be called outside of the loop, by the thread that runs it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[tuple[asyncio.Future, Callable[..., Any], Any]] = (
            asyncio.Queue()
        )

    async def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        """Called in the loop: has ``function`` called, and waits for its result or exception."""
        result = asyncio.get_running_loop().create_future()
        self.waiting.put_nowait((result, function, args))
        return await result


async def _exchange(
    headers: list[tuple[bytes, bytes]], content: bytes, calls: Calls
) -> McpResponse:
    """Make one ASGI request to the SDK."""
    manager = StreamableHTTPSessionManager(
        server.sdk_server(),
        stateless=True,
        json_response=True,
        # Our own limit was checked already; re-encoded, a body may be somewhat longer.
        max_request_body_size=2 * MAX_BODY_SIZE,
    )
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": None,
        "server": None,
        server.REQUEST_THREAD: calls,
    }
    messages = [{"type": "http.request", "body": content, "more_body": False}]
    response: dict[str, Any] = {}
    parts: list[bytes] = []

    async def receive() -> Any:
        if messages:
            return messages.pop()
        return await asyncio.Event().wait()  # never report a disconnect

    async def send(message: Any) -> None:
        response.update(message)
        parts.append(message.get("body", b""))

    async with manager.run():
        await manager.handle_request(scope, receive, send)
    types = dict(response["headers"])
    kind = types.get(b"content-type", JSON.encode()).decode()
    return McpResponse(b"".join(parts), status=response["status"], content_type=kind)


def _protocol_headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """Returns the protocol's headers of the request, without the key.

    Everything is JSON and answered in JSON, whatever the headers say, as in REST.
    """
    kept = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in request.headers.items()
        if name.lower().startswith("mcp-")
    ]
    return [
        *kept,
        (b"accept", b"application/json, text/event-stream"),
        (b"content-type", JSON.encode()),
    ]
