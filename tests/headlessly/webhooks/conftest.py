"""A receiver on this machine, and a worker that runs what is due."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from headlessly.access import tenancy
from headlessly.models import Delivery, Webhook


class Receiver:
    """The server of a receiver: records what it gets, and answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.raw: list[tuple[str, dict[str, str], bytes]] = []
        #: Returns the answer to a body: a status, or a function that writes the response itself.
        self.answer: Callable[[dict[str, Any]], Any] = lambda body: 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(content)
                receiver.raw.append((self.path, dict(self.headers), content))
                answer = receiver.answer(body)
                receiver.got.append(body)
                if callable(answer):
                    return answer(self)
                self.send_response(answer)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
                return None

            do_GET = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        # Stopping the server at the end of each test takes as long as this interval.
        serve = partial(self.server.serve_forever, poll_interval=0.02)
        threading.Thread(target=serve, daemon=True).start()

    @property
    def names(self) -> list[str]:
        return [body["name"] for body in self.got]

    def versions(self, target: str) -> list[int]:
        return [body["version"] for body in self.got if body.get("target") == target]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def inside(settings: Any) -> None:
    """Allows webhooks to this machine, as an operator may."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def listen(api: Any, receiver: Receiver, inside: None) -> Callable[..., Webhook]:
    """A function that creates a webhook of acme to the receiver."""

    def listen(*events: str, **more: Any) -> Webhook:
        body = {"url": receiver.url, "events": events or ["*"], "secret": "s3cret"} | more
        made = api.call("POST", "/webhooks", body)
        assert made.status_code == 201, made.content
        return Webhook.objects.get(pk=made.json()["$id"])

    return listen


@pytest.fixture
def deliver(work: Any) -> Callable[[], None]:
    """A function that does a worker's job of one minute: looks for events, and runs all that is due."""
    from headlessly.webhooks.outbox import catch_up

    def deliver() -> None:
        with tenancy.active(None):
            catch_up.func(0)
        work()

    return deliver


@pytest.fixture
def later(deliver: Callable[[], None]) -> Callable[[], None]:
    """A function that does the same at the time of the next attempt."""

    def later() -> None:
        waiting = Delivery.objects.filter(status="pending", next_at__gt=timezone.now())
        waiting.update(next_at=timezone.now())
        deliver()

    return later


def signed(headers: dict[str, str], body: bytes, secret: str = "s3cret") -> bool:
    """Whether the signature is valid, as a receiver checks it."""
    said = headers["X-Headlessly-Signature"]
    message = b"%s.%s" % (headers["X-Headlessly-Timestamp"].encode(), body)
    digest = hmac.new(secret.encode(), message, sha256).hexdigest()
    return hmac.compare_digest(said, f"sha256={digest}")
