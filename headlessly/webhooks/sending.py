"""One POST per delivery: signed, to a checked address, within ten seconds.

httpcore is the HTTP client: it follows no redirects, keeps no cookies, reads no proxies from the environment,
and lets us open the connection.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import httpcore

from headlessly.access.encryption import Undecipherable
from headlessly.context.spans import span
from headlessly.log.events import dump_json
from headlessly.webhooks import addresses, signing
from headlessly.webhooks.addresses import AddressNotAllowed, WebhookUrl
from headlessly.webhooks.models import Delivery

#: The time limits for a connection and for everything, in seconds, and how much of a response is read, in
#: bytes.
CONNECT_TIMEOUT, TOTAL_TIMEOUT, MAX_READ = 5, 10, 4096
#: For how many seconds the body of a response is read. Only its status counts.
READ_TIMEOUT = 1
#: The maximum length of a stored error, which may contain a long address.
LONGEST_ERROR = 255
#: How many addresses of one name are tried.
MAX_ADDRESSES = 3

SECRET_LOST = "Its secret cannot be read any more: have a new one made."
ADDRESS_FORBIDDEN = "The host leads to an address that is not of the public internet."


@dataclass(frozen=True)
class AttemptResult:
    status: int | None = None  #: of the response, if there was one
    error: str | None = None  #: what went wrong, for the webhook's owner
    duration: int = 0  #: in milliseconds

    @property
    def succeeded(self) -> bool:
        return self.error is None


@dataclass(frozen=True)
class SignedRequest:
    """An HTTP request with its signature, ready to be sent."""

    url: str
    headers: dict[str, str]
    body: bytes


def send_all(held: Sequence[Delivery]) -> list[AttemptResult]:
    """Send all of these at once, and return their outcomes in order; they are of one webhook."""
    try:
        messages = [make_request(delivery) for delivery in held]
    except (Undecipherable, signing.NoSecret):
        return [AttemptResult(error=SECRET_LOST)] * len(held)
    # A thread of its own: the loop of a thread that runs one already could not be waited for.
    with ThreadPoolExecutor(1, thread_name_prefix="webhooks") as thread:
        here = copy_context()  # the context of the job, whose trace continues
        return thread.submit(here.run, asyncio.run, _post_all(messages)).result()


def make_request(delivery: Delivery, *, at: int | None = None) -> SignedRequest:
    """Returns the request for a delivery, signed for this moment (in seconds since 1970)."""
    payload = payload_of(delivery)
    body, secret = dump_json(payload), delivery.webhook.secret
    timestamp = str(int(time.time()) if at is None else at)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "headlessly-webhooks",
        "X-Headlessly-Event": quote(delivery.name),  # a tracked event's may be any text
        "X-Headlessly-Delivery": delivery.pk,
        "X-Headlessly-Timestamp": timestamp,
        "X-Headlessly-Signature": f"sha256={signing.signature(secret, timestamp, body)}",
        "webhook-id": payload["id"],  # the event's id, which is the same in every attempt
        "webhook-timestamp": timestamp,
        "webhook-signature": signing.standard_signature(secret, payload["id"], timestamp, body),
    }
    return SignedRequest(delivery.webhook.url, headers, body)


def payload_of(delivery: Delivery) -> dict[str, Any]:
    """Returns the payload for the receiver."""
    tenant, event = delivery.webhook.tenant.slug, delivery.event
    if event is None:
        return {
            "id": delivery.pk,
            "name": delivery.name,
            "timestamp": delivery.created_at,
            "tenant": tenant,
            "data": {"webhook": delivery.webhook_id},
            "previous": None,
        }
    return {
        "id": event.id,
        "name": event.name,
        "timestamp": event.timestamp,
        "tenant": tenant,
        "data": event.told_data(tenant),
        "previous": event.previous,
        "target": event.target,
        "targetType": event.target_type,
        "version": event.version,
        "actor": event.actor,
        "cause": event.cause,
        "requestId": event.request_id,
    }


async def _post_all(messages: Iterable[SignedRequest]) -> list[AttemptResult]:
    async with httpcore.AsyncConnectionPool(
        ssl_context=_certificates(), network_backend=CheckedBackend(), max_connections=None
    ) as pool:
        return await asyncio.gather(*[_post_one(pool, each) for each in messages])


async def _post_one(pool: httpcore.AsyncConnectionPool, message: SignedRequest) -> AttemptResult:
    started = time.monotonic()

    def outcome(status: int | None, error: str | None) -> AttemptResult:
        said = error and error[:LONGEST_ERROR]
        return AttemptResult(status, said, round((time.monotonic() - started) * 1000))

    try:
        # Since its creation the rules may have changed.
        address = WebhookUrl.parse(message.url)
    except ValueError as problem:
        return outcome(None, str(problem))
    try:
        event = message.headers["webhook-id"]
        with span("webhook", "CLIENT", server__address=address.host, webhook__id=event) as made:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                status = await _post(pool, address, message)
            if made is not None:
                made.set_attribute("http.response.status_code", status)
    except Exception as problem:
        return outcome(None, _error_text(problem))
    if 200 <= status < 300:
        return outcome(status, None)
    note = " Redirects are not followed." if 300 <= status < 400 else ""
    return outcome(status, f"It answered {status}.{note}")


async def _post(
    pool: httpcore.AsyncConnectionPool, address: WebhookUrl, message: SignedRequest
) -> int:
    url = httpcore.URL(
        scheme=address.scheme.encode(),
        host=address.host.encode(),
        port=address.port,
        target=address.target.encode(),
    )
    headers = [*message.headers.items(), ("Host", address.authority), ("Accept", "*/*")]
    limits = {
        "connect": CONNECT_TIMEOUT,
        "read": TOTAL_TIMEOUT,
        "write": TOTAL_TIMEOUT,
        "pool": TOTAL_TIMEOUT,
    }
    async with pool.stream(
        "POST", url, headers=headers, content=message.body, extensions={"timeout": limits}
    ) as response:
        with suppress(
            TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError
        ):
            async with asyncio.timeout(READ_TIMEOUT):
                await _listen_on(response)
        return response.status


async def _listen_on(response: httpcore.Response) -> None:
    """Read the response a little, so that the receiver is not interrupted; the content is ignored."""
    read = 0
    async for chunk in response.aiter_stream():
        read += len(chunk)
        if read >= MAX_READ:
            return


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that webhooks may use.

    A name is resolved here, once; TLS and the Host header still use the name.
    """

    def __init__(self) -> None:
        self.inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        problem: Exception = OSError("no address")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                for address in (await addresses.resolve_allowed(host, port))[:MAX_ADDRESSES]:
                    try:
                        return await self.inner.connect_tcp(address, port)
                    except httpcore.ConnectError as refused:
                        problem = refused
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        raise problem

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None
    ) -> httpcore.AsyncNetworkStream:
        raise AddressNotAllowed

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)


@cache
def _certificates() -> ssl.SSLContext:
    """Returns a context with the well-known authorities, and those that the operator's system trusts."""
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context


def _error_text(problem: Exception) -> str:
    """Returns what went wrong, in words that reveal nothing internal."""
    match problem:
        case AddressNotAllowed():
            return ADDRESS_FORBIDDEN
        case httpcore.ConnectTimeout():
            return f"There was no connection within {CONNECT_TIMEOUT} seconds."
        case TimeoutError() | httpcore.TimeoutException():
            return f"There was no answer within {TOTAL_TIMEOUT} seconds."
        case httpcore.ConnectError() if refused := _tls_problem(problem):
            reason = getattr(refused, "verify_message", "") or refused.reason or "no handshake"
            return f"TLS failed: {str(reason)[:200].rstrip('.')}."
        case httpcore.ConnectError():
            return "The connection was refused."
        case socket.gaierror():
            return "There is no such host."
        case httpcore.ProtocolError() | httpcore.UnsupportedProtocol():
            return "What it answered is not HTTP."
        case httpcore.NetworkError() | OSError():
            return "The connection broke."
    return "It could not be sent."


def _tls_problem(problem: BaseException | None) -> ssl.SSLError | None:
    """Returns the TLS error below the layers that wrap it."""
    while problem is not None and not isinstance(problem, ssl.SSLError):
        problem = problem.__cause__ or problem.__context__
    return problem
