"""A response on its way from the thread that makes it to the client, each at its own pace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from headlessly.errors import Unavailable

#: How much of a long response is kept in memory, and the maximum size, in bytes. The rest is in a temporary
#: file, so that no transaction stays open for a slow client.
IN_MEMORY, MOST_BYTES = 1024 * 1024, 2 * 1024 * 1024 * 1024
#: The size of the parts that are sent. An error before the first part is complete is answered as an error.
PART = 64 * 1024


class Abandoned(Exception):
    """Nobody reads this response any more, or it has become too long."""


class Broken(Exception):
    """A response failed after a part of it had been sent. The server cuts the connection, because it is
    incomplete."""


class LongAnswers:
    """Counts the long responses that a process keeps at once, by whom they are kept for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kept: Counter[str] = Counter()

    def enter(self, name: str, most: int) -> None:
        """Count one more for ``name``. Raises Unavailable if there are ``most`` already."""
        with self._lock:
            if self.kept[name] >= most:
                raise Unavailable("Others of the files that you asked for are still being read.", 5)
            self.kept[name] += 1

    def leave(self, name: str) -> None:
        with self._lock:
            self.kept[name] -= 1
            if not self.kept[name]:
                del self.kept[name]


class Answer:
    """The response of a WSGI application."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        keep: Callable[[], None] = lambda: None,
        *,
        is_head: bool = False,
    ) -> None:
        """``keep`` is called in the thread before a long response begins, and raises if there must not be
        one. With ``is_head`` only the headers are needed, and a long response is not generated."""
        self.loop, self.keep, self.is_head = loop, keep, is_head
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.content = b""  #: of a response that is not streamed, or no longer than one part
        self.is_long = False  #: it is sent while it is generated
        self.is_complete = self.is_abandoned = False
        self.failure: BaseException | None = None
        self.has_begun: asyncio.Future[None] = loop.create_future()
        self._news = asyncio.Event()
        self._lock = threading.Lock()
        self._spool: IO[bytes] | None = None
        self._written = self._read = 0

    # -- in the thread ----------------------------------------------------------------------------

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Any:
        self.status = int(status.partition(" ")[0])
        self.headers = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]
        return self._write

    def take(self, made: Iterable[bytes]) -> None:
        """Take the parts that the application generates, and close its iterable at the end."""
        try:
            if getattr(made, "streaming", True) and not isinstance(made, list):
                for part in () if self.is_head else made:
                    self._write(part)
                    if not self.is_long and len(self.content) > PART:
                        self._send_from_now_on()
            else:
                self.content = b"".join(made)
        finally:
            if (close := getattr(made, "close", None)) is not None:
                close()

    def _send_from_now_on(self) -> None:
        self.keep()
        self._spool = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self.is_long = True
        begun, self.content = self.content, b""
        self._write(begun)
        self._tell(self._begin)

    def end(self, failure: BaseException | None = None) -> None:
        """Mark the response as complete, or failed."""
        self.failure, self.is_complete = failure, True
        self._tell(self._begin)
        self._tell(self._news.set)

    def _write(self, part: bytes) -> None:
        if self._spool is None:
            self.content += part
            return
        with self._lock:
            if self.is_abandoned or self._written > MOST_BYTES:
                raise Abandoned
            self._spool.seek(self._written)
            self._spool.write(part)
            self._written += len(part)
        self._tell(self._news.set)

    def _tell(self, what: Any) -> None:
        self.loop.call_soon_threadsafe(what)

    # -- in the loop ------------------------------------------------------------------------------

    def _begin(self) -> None:
        if not self.has_begun.done():
            self.has_begun.set_result(None)

    def replace_content(self, content: bytes) -> None:
        """Replace the content of a response that is not streamed."""
        self.content = content
        size = (b"content-length", str(len(content)).encode())
        self.headers = [size if name == size[0] else (name, v) for name, v in self.headers]

    async def parts(self) -> AsyncIterator[bytes]:
        """Yields the parts as they come. Raises Broken."""
        if not self.is_long:
            for at in range(0, len(self.content), PART):
                yield self.content[at : at + PART]
            return
        while True:
            self._news.clear()
            was_complete = self.is_complete
            if part := self._next_part():
                yield part
            elif was_complete:
                if self.failure is not None:
                    raise Broken from self.failure
                return
            else:
                await self._news.wait()

    def _next_part(self) -> bytes:
        assert self._spool is not None
        with self._lock:
            self._spool.seek(self._read)
            part = self._spool.read(PART)
            self._read += len(part)
        return part

    def abandon(self) -> None:
        """Stop because nobody reads any more: the generating thread may end, and kept parts are deleted."""
        with self._lock:
            self.is_abandoned = True
            if self._spool is not None and self.is_complete:
                self._spool.close()


class Pace:
    """Limits how slowly a client may read: a grace period, plus a second for each so many bytes. The time in
    which the response is generated does not count, because there is nothing to read then."""

    GRACE, LEAST_RATE = 20.0, 8 * 1024

    def __init__(self) -> None:
        self.waited, self.sent = 0.0, 0

    @asynccontextmanager
    async def handing_over(self, part: bytes) -> AsyncIterator[None]:
        """A block in which ``part`` is sent. Raises TimeoutError if that takes too long."""
        began = time.monotonic()
        left = self.GRACE + self.sent / self.LEAST_RATE - self.waited
        async with asyncio.timeout(max(0.0, left)):
            yield
        self.waited += time.monotonic() - began
        self.sent += len(part)
