"""The ASGI application that the server runs: it lets requests in, and their responses out."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote_to_bytes

import orjson
from django.template.loader import render_to_string

from headlessly import errors
from headlessly.context import tracing
from headlessly.context.tracing import ACCEPTABLE_ID
from headlessly.errors import HeadlesslyError
from headlessly.ids import public_id
from headlessly.web import csp
from headlessly.web.callers import caller_address, customer_network
from headlessly.web.front.answers import Answer, LongAnswers, Pace
from headlessly.web.front.held_requests import HOLD, Hold, Holding, Look, wait_for_leaving
from headlessly.web.front.passwords import LONGEST_BODY, PasswordTurns, tries_password
from headlessly.web.front.reading import (
    MOST_BYTES,
    MOST_OF_ADDRESS,
    BodyReader,
    Gone,
    Receive,
)
from headlessly.web.front.waiting_room import WaitingRoom

logger = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
#: Answers, as JSON and in the event loop, requests that need neither a thread nor the database; None for
#: others.
AtOnce = Callable[[dict[str, Any], IO[bytes]], bytes | None]

REQUEST_ID = "HTTP_X_REQUEST_ID"
TENANT = re.compile(r"/~([^/]*)")
#: The health checks, each of which has its own thread.
PROBES = ("/healthz", "/readyz")
#: How many long responses (exports) of one tenant a process keeps for their readers at once.
MOST_LONG_ANSWERS = 4


class Front:
    """Runs a WSGI application for an ASGI server."""

    def __init__(
        self,
        application: Application,
        threads: int,
        hashing: int,
        at_once: AtOnce = lambda *_: None,
        look: Look = lambda *_: {},
    ) -> None:
        """For a process with so many ``threads``, of which ``hashing`` may try passwords. ``at_once`` answers
        requests that need none; ``look`` returns the ends of logs for those who wait for events."""
        self.application, self.at_once = application, at_once
        self.room = WaitingRoom(threads)
        self.holding = Holding(self.room, look)
        self.passwords = PasswordTurns(hashing)
        self.bodies = BodyReader()
        self.probes = {path: ThreadPoolExecutor(1, path.strip("/")) for path in PROBES}
        self.long_answers = LongAnswers()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        environ = make_environ(scope)
        given = environ.get(REQUEST_ID, "")
        with tracing.request_id_scope(given if ACCEPTABLE_ID.match(given) else public_id("req")):
            # The application uses the same id, so that its logs and errors match.
            environ[REQUEST_ID] = tracing.request_id()
            await self._answer(scope, environ, receive, send)

    async def _answer(
        self, scope: dict[str, Any], environ: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        try:
            try:
                await self._serve(scope, environ, receive, send)
            except HeadlesslyError as problem:
                await _send_refusal(problem, environ, send)
        except Gone:
            pass

    async def _serve(
        self, scope: dict[str, Any], environ: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        loop = asyncio.get_running_loop()
        keep = partial(self.long_answers.enter, *_reader(environ))
        answer = Answer(loop, keep, is_head=environ["REQUEST_METHOD"] == "HEAD")
        body: IO[bytes] = BytesIO()
        path = environ["PATH_INFO"]
        if path in self.probes:
            environ["wsgi.input"] = body
            making = loop.run_in_executor(self.probes[path], self._make, environ, answer)
            await self._send(answer, making, receive, send)
            return
        if not has_body(environ):
            await self._work(environ, body, answer, receive, send)
            return
        announced = environ.get("CONTENT_LENGTH") or "0"
        size = int(announced) if announced.isdecimal() else 0
        address = customer_network(caller_address(environ))
        most = LONGEST_BODY if tries_password(environ) else MOST_BYTES
        async with self.bodies.read(receive, address, size, most) as body:
            if (known := self.at_once(environ, body)) is not None:
                await _send_known(known, send)
                return
            body.seek(0)
            await self._work(environ, body, answer, receive, send)

    async def _work(
        self,
        environ: dict[str, Any],
        body: IO[bytes],
        answer: Answer,
        receive: Receive,
        send: Send,
    ) -> None:
        """Let the application answer the request when it is its tenant's turn."""
        environ["wsgi.input"] = body
        environ[HOLD] = hold = Hold()
        making = asyncio.ensure_future(self._have_made(_tenant(environ), environ, answer))
        making.add_done_callback(lambda done: _end_unless_made(answer, done))
        await self._send(answer, making, receive, send, _reader(environ)[0], hold)

    async def _have_made(self, tenant: str, environ: dict[str, Any], answer: Answer) -> None:
        async with self.passwords.have_turn(environ):
            await self.room.do(tenant, partial(self._make, environ, answer))

    def _make(self, environ: dict[str, Any], answer: Answer) -> None:
        """Let the application answer, in a thread."""
        try:
            answer.take(self.application(environ, answer.start_response))
        except BaseException as problem:
            answer.end(problem)
        else:
            answer.end()

    async def _send(
        self,
        answer: Answer,
        making: asyncio.Future[None],
        receive: Receive,
        send: Send,
        reader: str = "",
        hold: Hold | None = None,
    ) -> None:
        await answer.has_begun
        if answer.failure is not None and not answer.is_long:
            await asyncio.wait([making])
            if not isinstance(answer.failure, HeadlesslyError):
                said = "A request failed outside of the application."
                logger.error(said, exc_info=answer.failure)
            raise errors.problem_of(answer.failure)
        if not answer.is_long:
            if hold is not None and hold.question is not None:
                answer.replace_content(await self.holding.wait(hold.question, receive))
            await _send_parts(answer, send)
            await asyncio.wait([making])
            return
        leaving = asyncio.ensure_future(wait_for_leaving(receive))
        sending = asyncio.ensure_future(_send_parts(answer, send))
        try:
            await asyncio.wait([leaving, sending], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            answer.abandon()
            leaving.cancel()
            sending.cancel()
            self.long_answers.leave(reader)
            await asyncio.wait([making])
            answer.abandon()


def _tenant(environ: dict[str, Any]) -> str:
    """Returns the slug of the tenant in the address, or an empty string."""
    return found[1] if (found := TENANT.match(environ["PATH_INFO"])) else ""


def _reader(environ: dict[str, Any]) -> tuple[str, int]:
    """Returns for whom a long response is kept, and how many at most. Responses outside of tenants are static
    files, of which a browser requests several at once: those are counted by address."""
    if tenant := _tenant(environ):
        return f"~{tenant}", MOST_LONG_ANSWERS
    return customer_network(caller_address(environ)), MOST_OF_ADDRESS


def _end_unless_made(answer: Answer, done: asyncio.Future[None]) -> None:
    """Complete the response with an error if no thread was found for it."""
    if not answer.is_complete:
        answer.end(asyncio.CancelledError() if done.cancelled() else done.exception())


async def _send_parts(answer: Answer, send: Send) -> None:
    """Send a response to the network. Raises Gone if nobody reads it."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    if not answer.is_long and len(answer.content) <= 64 * 1024:
        await send({"type": "http.response.body", "body": answer.content})
        return
    pace = Pace()
    async for part in answer.parts():
        try:
            async with pace.handing_over(part):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except TimeoutError:
            raise Gone from None
    await send({"type": "http.response.body", "body": b""})


async def _send_known(known: bytes, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": known})


async def _send_refusal(problem: HeadlesslyError, environ: dict[str, Any], send: Send) -> None:
    """Send an error that occurred before the application: a page for browsers, JSON for others."""
    status, body = errors.status_and_body(problem)
    headers = [(b"x-request-id", environ[REQUEST_ID].encode())]
    if status in (429, 503) and "text/html" in environ.get("HTTP_ACCEPT", ""):
        headers.append((b"content-type", b"text/html; charset=utf-8"))
        headers.append((csp.HEADER.lower().encode(), csp.STRICT.encode()))
        content = render_to_string("503.html", {"message": body["message"]}).encode()
    else:
        headers.append((b"content-type", b"application/json"))
        content = orjson.dumps(body)
    headers.append((b"cache-control", b"private, no-store"))
    if "retryAfter" in body:
        headers.append((b"retry-after", str(body["retryAfter"]).encode()))
    if status in (408, 413, 429):  # the rest of the body is not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def has_body(environ: dict[str, Any]) -> bool:
    """Whether the request has a body, according to its headers."""
    return (
        environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
    )


def make_environ(scope: dict[str, Any]) -> dict[str, Any]:
    """Returns the WSGI environment of the request (PEP 3333)."""
    host, port = scope.get("server") or ("localhost", 80)
    raw = scope.get("raw_path") or scope["path"].encode()
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw.partition(b"?")[0]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": str((scope.get("client") or ("",))[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name:
            # A header with - may be set by a trusted proxy; the same name with _ could forge it.
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if key in environ:
            separator = "; " if key == "HTTP_COOKIE" else ","
            value = f"{environ[key]}{separator}{value}"
        environ[key] = value
    return environ
