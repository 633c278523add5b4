"""The SDK's own server, asked from a thread that serves a request.

The SDK is asynchronous and the product is not. One event loop per process, in a thread of its own, speaks
the protocol; what a tool does is done by the thread that took the request, which waits here meanwhile. So
tenant, actor, request id and the database's connection are the request's, and end with it.

No session is kept: any process answers any message.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from django.http import HttpRequest, HttpResponse
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from headlessly.api.bodies import JSON, MAX_BODY_SIZE
from headlessly.mcp import server

#: How long the protocol may take beside what the tools do, in seconds. It takes milliseconds.
PATIENCE = 30

logger = logging.getLogger("headlessly.mcp")

_lock = threading.Lock()
_engine: ProtocolLoop | None = None


class McpResponse(HttpResponse):
    """What a call is answered."""

    undone = False  #: whether it says that something was not done, though with a 200


def exchange(request: HttpRequest, content: bytes) -> McpResponse:
    """What the SDK answers to ``content``, one message of JSON-RPC."""
    return protocol_loop().exchange(_protocol_headers(request), content)


def protocol_loop() -> ProtocolLoop:
    """This process's loop: begun by the first request, and again should it have ended."""
    global _engine
    with _lock:
        if _engine is None or not _engine.is_running:
            _engine = ProtocolLoop()
        return _engine


def _forget_loop_of_parent() -> None:
    """After a fork there is no thread behind the parent's engine."""
    global _lock, _engine
    _lock, _engine = threading.Lock(), None


os.register_at_fork(after_in_child=_forget_loop_of_parent)


class ProtocolLoop:
    """The loop, its thread and the SDK's session manager."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mcp", daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve_protocol())
        except Exception:
            logger.exception("The loop of MCP has ended; the next call begins a new one")
        finally:
            self._ready.set()

    async def _serve_protocol(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._manager = StreamableHTTPSessionManager(
            server.make_server(),
            stateless=True,
            json_response=True,
            # Ours has looked already; written anew, a body may be somewhat longer.
            max_request_body_size=2 * MAX_BODY_SIZE,
        )
        async with self._manager.run():
            self._ready.set()
            await asyncio.Event().wait()

    def exchange(self, headers: list[tuple[bytes, bytes]], content: bytes) -> McpResponse:
        request_thread = RequestThread(self._loop)
        answer = asyncio.run_coroutine_threadsafe(
            self._handle(headers, content, request_thread), self._loop
        )
        answer.add_done_callback(lambda _: request_thread.finish())
        try:
            request_thread.run_calls()
        except Empty:
            answer.cancel()
            raise TimeoutError(f"MCP gave no answer within {PATIENCE} s.") from None
        return answer.result()

    async def _handle(
        self, headers: list[tuple[bytes, bytes]], content: bytes, request_thread: RequestThread
    ) -> McpResponse:
        """One request of ASGI, made up."""
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
            server.REQUEST_THREAD: request_thread,
        }
        messages = [{"type": "http.request", "body": content, "more_body": False}]
        response: dict[str, Any] = {}
        parts: list[bytes] = []

        async def receive() -> Any:
            if messages:
                return messages.pop()
            return await asyncio.Event().wait()  # whoever asks does not hear of a hang-up

        async def send(message: Any) -> None:
            response.update(message)
            parts.append(message.get("body", b""))

        await self._manager.handle_request(scope, receive, send)
        types = dict(response["headers"])
        kind = types.get(b"content-type", JSON.encode()).decode()
        return McpResponse(b"".join(parts), status=response["status"], content_type=kind)


class RequestThread:
    """The thread that took a request: it runs the calls of the loop until there is an answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: SimpleQueue[tuple | None] = SimpleQueue()

    async def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        """In the loop: have ``function`` called over there, and wait for what it returns or raises."""
        result = self._loop.create_future()
        self._calls.put((result, function, args))
        return await result

    def finish(self) -> None:
        """Let :meth:`run_calls` return: there will be no more calls."""
        self._calls.put(None)

    def run_calls(self) -> None:
        """In the thread: run each call as it comes. Raises queue.Empty when none comes for ``PATIENCE`` s."""
        while (task := self._calls.get(timeout=PATIENCE)) is not None:
            result, function, args = task
            try:
                value = function(*args)
            except BaseException as problem:
                self._loop.call_soon_threadsafe(_set_exception, result, problem)
                if not isinstance(problem, Exception):
                    raise
            else:
                self._loop.call_soon_threadsafe(_set_result, result, value)


def _set_result(result: asyncio.Future, value: Any) -> None:
    if not result.done():
        result.set_result(value)


def _set_exception(result: asyncio.Future, problem: BaseException) -> None:
    if not result.done():
        # The loop is not to end because a thread is told to.
        error = problem if isinstance(problem, Exception) else RuntimeError(repr(problem))
        result.set_exception(error)


def _protocol_headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """What of the request is the protocol's; the key is nobody's business any more.

    Everything is JSON and answered in JSON, whatever is said of it, as in REST.
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
